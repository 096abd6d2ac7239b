"""Locks with names among the threads of one process, for backends that no kernel locks.

All handles of the process on one place share its `Holders`, and so keep what `fence` promises
between them. What keeps another process away is the admission that each handle asks for before it
locks. It never waits without a bound.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from engine.storage.fence import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

ALONE = -1  # in place of the number of sharers


class Holders:
    """Who holds which lock of one place."""

    __slots__ = ("_counts", "_mutex")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._counts: dict[str, int] = {}

    def take(self, name: str, *, alone: bool) -> bool:
        """Count one more holder, unless that must not be."""
        with self._mutex:
            count = self._counts.get(name, 0)
            if count == ALONE or (alone and count):
                return False
            self._counts[name] = ALONE if alone else count + 1
            return True

    def give_back(self, name: str) -> None:
        """Count one holder less."""
        with self._mutex:
            count = self._counts.pop(name)
            if count > 1:
                self._counts[name] = count - 1


class HeldHere:
    """Locks that are held by one holder, released as a whole."""

    __slots__ = ("_holders", "_names")

    def __init__(self, holders: Holders) -> None:
        self._holders = holders
        self._names: list[str] = []

    def take(self, name: str, *, alone: bool) -> bool:
        """Take one more; False means that somebody else's is in the way."""
        if not self._holders.take(name, alone=alone):
            return False
        self._names.append(name)
        return True

    def release(self) -> None:
        """Let go of all; again is harmless."""
        while self._names:
            self._holders.give_back(self._names.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ProcessLocks:
    """The locks of one place, for one handle on it."""

    __slots__ = ("_admit", "_holders")

    def __init__(self, holders: Holders, admit: Callable[[], None]) -> None:
        """`admit` raises if this process may hold no lock there."""
        self._holders = holders
        self._admit = admit

    def try_hold(self, name: str) -> HeldHere | None:
        """Take the lock, or return None when another holder has it."""
        self._admit()
        held = HeldHere(self._holders)
        return held if held.take(name, alone=True) else None

    def hold_all(self, names: tuple[str, ...], wait_s: float) -> HeldHere:
        """Take all, in sorted order, waiting at most `wait_s`; else raise `LockBusyError`."""
        return self._hold(tuple(sorted(set(names))), wait_s, alone=True)

    def hold_shared(self, name: str, wait_s: float) -> HeldHere:
        """Take the lock beside other sharers; who holds it alone excludes them all."""
        return self._hold((name,), wait_s, alone=False)

    def _hold(self, names: tuple[str, ...], wait_s: float, *, alone: bool) -> HeldHere:
        """Take one after the other; on failure let go of those that were taken."""
        self._admit()
        held = HeldHere(self._holders)
        deadline = time.monotonic() + wait_s
        try:
            for name in names:
                _take(held, name, deadline, wait_s, alone=alone)
        except BaseException:
            held.release()
            raise
        return held


def _take(held: HeldHere, name: str, deadline: float, wait_s: float, *, alone: bool) -> None:
    """Try until it is ours or the deadline has passed."""
    wait_for(lambda: held.take(name, alone=alone), name, deadline, wait_s)
