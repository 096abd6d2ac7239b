"""Locks with names among the threads of one process, for backends that no kernel locks.

They keep what `fence` promises between handles of one process. What keeps another process away
is the admission that is asked before each lock. It never waits without a bound.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from engine.storage.fence import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

ALONE = -1  # in place of the number of sharers


class HeldHere:
    """Locks that are held by one holder, released as a whole."""

    __slots__ = ("_names", "_owner")

    def __init__(self, owner: ProcessLocks) -> None:
        self._owner = owner
        self._names: list[str] = []

    def take(self, name: str, *, alone: bool) -> bool:
        """Take one more; False means that somebody else's is in the way."""
        if not self._owner.take(name, alone=alone):
            return False
        self._names.append(name)
        return True

    def release(self) -> None:
        """Let go of all; again is harmless."""
        while self._names:
            self._owner.give_back(self._names.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ProcessLocks:
    """The locks of one place; all handles of the process on that place must share one of these."""

    __slots__ = ("_admit", "_holders", "_mutex")

    def __init__(self, admit: Callable[[], None]) -> None:
        """`admit` raises if this process may hold no lock there."""
        self._admit = admit
        self._mutex = threading.Lock()
        self._holders: dict[str, int] = {}

    def try_hold(self, name: str) -> HeldHere | None:
        """Take the lock, or return None when another holder has it."""
        self._admit()
        held = HeldHere(self)
        return held if held.take(name, alone=True) else None

    def hold_all(self, names: tuple[str, ...], wait_s: float) -> HeldHere:
        """Take all, in sorted order, waiting at most `wait_s`; else raise `LockBusyError`."""
        return self._hold(tuple(sorted(set(names))), wait_s, alone=True)

    def hold_shared(self, name: str, wait_s: float) -> HeldHere:
        """Take the lock beside other sharers; who holds it alone excludes them all."""
        return self._hold((name,), wait_s, alone=False)

    def take(self, name: str, *, alone: bool) -> bool:
        """Count one more holder, unless that must not be."""
        with self._mutex:
            count = self._holders.get(name, 0)
            if count == ALONE or (alone and count):
                return False
            self._holders[name] = ALONE if alone else count + 1
            return True

    def give_back(self, name: str) -> None:
        """Count one holder less."""
        with self._mutex:
            count = self._holders.pop(name)
            if count > 1:
                self._holders[name] = count - 1

    def _hold(self, names: tuple[str, ...], wait_s: float, *, alone: bool) -> HeldHere:
        """Take one after the other; on failure let go of those that were taken."""
        self._admit()
        held = HeldHere(self)
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
