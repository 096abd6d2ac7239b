"""Storages that are worse than most: no hard links, no renames across places, calls that fail.

They stand in for file systems that refuse these things, by refusing in front of the real storage,
which still does all the rest. They never change what a verb promises.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from engine.storage import Clone, Cloning, IoFailedError, Local
from killpoint.failpoints import Effect

WORK = "work/"
FALTERS_COUNT = 2


class Apart(Local):
    """The system refuses links, and `work/` is on another device than the rest."""

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Clone where link(2) fails with EACCES, as some mounts have it."""
        with _links_refused():
            return super().clone(effect, source, target, how)

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Refuse to move a file out of `work/`."""
        if source.startswith(WORK) and not target.startswith(WORK):
            _fail("rename", source, errno.EXDEV)
        super().rename(effect, source, target)


class Interrupted(Local):
    """A put below a directory gets SIGINT, as by Ctrl-C, while `interrupts` names it."""

    interrupts = ""

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Get the signal in the place of the put."""
        if self.interrupts and path.startswith(self.interrupts):
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.signal(signal.SIGINT, before)
        super().put(effect, path, data)


class Unmendable(Local):
    """A page can be written, and never be put back out of `work/`."""

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Refuse to restore a file."""
        if source.startswith(WORK) and not target.startswith(WORK):
            _fail("clone", target, errno.EACCES)
        return super().clone(effect, source, target, how)


class Faltering(Local):
    """Two puts in a row fail, from the first to `falters_at` on: a change, and its undoing."""

    falters_at = ""
    left_count = 0

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Refuse to write as long as it falters."""
        if path == self.falters_at:
            self.falters_at, self.left_count = "", FALTERS_COUNT
        if self.left_count:
            self.left_count -= 1
            _fail("put", path, errno.EIO)
        super().put(effect, path, data)


@contextmanager
def _links_refused() -> Iterator[None]:
    """Let the system refuse every link in this block."""
    link: Callable[..., None] = os.link
    os.link = _refuse_link
    try:
        yield
    finally:
        os.link = link


def _refuse_link(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def _fail(verb: str, path: str, number: int) -> NoReturn:
    """Fail as the storage does when the system refuses."""
    refusal = OSError(number, os.strerror(number))
    raise IoFailedError(verb, path, refusal) from refusal
