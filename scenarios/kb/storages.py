"""Storages that are worse than most: no hard links, no renames across places, calls that fail.

They stand in for file systems that refuse these things, by refusing in front of the real storage,
which still does all the rest. They never change what a verb promises.
"""

from __future__ import annotations

import errno
import os
import signal

from engine.storage import Clone, Cloning, IoFailedError, Local
from killpoint.failpoints import Effect

WORK = "work/"


class Apart(Local):
    """Links are refused, and `work/` is on another device than the rest."""

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Copy, whatever was asked for."""
        del how
        return super().clone(effect, source, target, Cloning.COPY)

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Refuse to move a file out of `work/`."""
        if source.startswith(WORK) and not target.startswith(WORK):
            verb, refusal = "rename", OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            raise IoFailedError(verb, source, refusal)
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
