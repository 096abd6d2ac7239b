"""Where time and identity come from: two ports, one kind for replay and one for real use.

An id is (incarnation, actor, counter), printed so that ids of one actor sort in the order of
minting: `000001-w-000003`. It never draws from the system when the counted kinds are used.
"""

from __future__ import annotations

import itertools
import time
import uuid
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class Ids(Protocol):
    """Mints identities; no two calls, in any process, may return the same."""

    def mint(self) -> str:
        """Return a new id that is safe as a file name."""


class CountedClock:
    """A clock that ticks one microsecond a question, a million per incarnation."""

    def __init__(self, *, incarnation: int) -> None:
        self._ticks = itertools.count(incarnation * 1_000_000)

    def now_us(self) -> int:
        """Return the next tick."""
        return next(self._ticks)


class CountedIds:
    """Ids that count from 1 for one actor of one incarnation; replayable."""

    def __init__(self, *, incarnation: int, actor: str) -> None:
        self._prefix = f"{incarnation:06d}-{actor}"
        self._counter = itertools.count(1)

    def mint(self) -> str:
        """Return the next id; threads may share this."""
        return f"{self._prefix}-{next(self._counter):06d}"


class SystemClock:
    """The wall clock."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return time.time_ns() // 1_000


def system_ids() -> CountedIds:
    """Return ids for real use: the incarnation is the time, the actor is drawn at random."""
    return CountedIds(incarnation=time.time_ns() // 1_000, actor=uuid.uuid4().hex[:12])
