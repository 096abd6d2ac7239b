"""Locks with names, for threads and processes alike, that die with their owner.

One empty file at the root of the store carries them all. A name is hashed to one byte offset of
that file, and the lock is an open file description lock on that byte: two descriptions exclude
each other even within one process, the kernel lets go when the last descriptor of one
is closed, and a SIGKILL closes it. So a lock held means an owner alive, and nothing is ever left
behind. A holder must not fork: the child would share its description, and keep the lock.

It never waits without a bound, and never tells who holds a lock, because the kernel does not.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

from engine.storage.calls import naming
from engine.storage.errors import FenceMissingError, LockBusyError
from killpoint.failpoints import declare, reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FENCE_NAME = "fence"
FLOCK_FORM = "hhqqi4x"  # struct flock on 64-bit Linux: type, whence, start, length, pid
POLL_S_FIRST = 0.0005
POLL_S_MAX = 0.02
OFFSET_BYTES = 8

BUSY = declare(
    "fence.busy",
    durable="whatever was durable when the lock was asked for",
    pending="the operation that waits for a live owner",
    rare=True,
)


def offset(name: str) -> int:
    """Return the byte that stands for the name: 62 bits of its BLAKE2b hash."""
    digest = blake2b(name.encode(), digest_size=OFFSET_BYTES).digest()
    return int.from_bytes(digest, "big") >> 2


class Held:
    """Locks that are held: one open file description, released as a whole."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of all; again is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Fence:
    """The locks of one store."""

    __slots__ = ("_file",)

    def __init__(self, root: Path) -> None:
        self._file = root / FENCE_NAME

    def try_hold(self, name: str) -> Held | None:
        """Take the lock, or return None when a live owner has it."""
        descriptor = self._open()
        try:
            taken = _try_lock(descriptor, name)
        except BaseException:
            os.close(descriptor)
            raise
        if taken:
            return Held(descriptor)
        os.close(descriptor)
        return None

    def hold_all(self, names: tuple[str, ...], wait_s: float) -> Held:
        """Take all the locks, in sorted order so that two callers cannot block each other.

        Waits at most `wait_s` for all of them together, then raises `LockBusyError`.
        """
        descriptor = self._open()
        deadline = time.monotonic() + wait_s
        try:
            for name in sorted(set(names)):
                _lock(descriptor, name, deadline, wait_s)
        except BaseException:
            os.close(descriptor)
            raise
        return Held(descriptor)

    def hold_shared(self, name: str, wait_s: float) -> Held:
        """Take the lock beside other sharers, waiting at most `wait_s` for who holds it alone.

        There is no turning it into a lock held alone: ask for that after this is released.
        """
        descriptor = self._open(os.O_RDONLY)  # all that it takes: a disk may be read-only
        try:
            _lock(descriptor, name, time.monotonic() + wait_s, wait_s, fcntl.F_RDLCK)
        except BaseException:
            os.close(descriptor)
            raise
        return Held(descriptor)

    def stands(self) -> bool:
        """Whether there is a lock file; one that has gone took the store along."""
        with naming("lock", FENCE_NAME):
            return self._file.exists()

    def _open(self, access: int = os.O_RDWR) -> int:
        """Open a new description of the lock file."""
        with naming("lock", FENCE_NAME):
            try:
                return os.open(self._file, access | os.O_CLOEXEC)
            except FileNotFoundError:
                raise FenceMissingError from None


def wait_for(attempt: Callable[[], bool], name: str, deadline: float, wait_s: float) -> None:
    """Attempt until it works, or raise `LockBusyError` when the deadline has passed."""
    pause_s = POLL_S_FIRST
    while not attempt():
        reach(BUSY, name)
        if time.monotonic() >= deadline:
            raise LockBusyError(name, wait_s)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, POLL_S_MAX)


def _lock(
    descriptor: int, name: str, deadline: float, wait_s: float, kind: int = fcntl.F_WRLCK
) -> None:
    """Try until it is ours or the deadline has passed."""
    wait_for(lambda: _try_lock(descriptor, name, kind), name, deadline, wait_s)


def _try_lock(descriptor: int, name: str, kind: int = fcntl.F_WRLCK) -> bool:
    """Ask the kernel once for one byte."""
    region = struct.pack(FLOCK_FORM, kind, os.SEEK_SET, offset(name), 1, 0)
    with naming("lock", FENCE_NAME):
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, region)
        except OSError as refusal:
            if refusal.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
    return True
