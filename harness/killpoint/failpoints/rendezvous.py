"""Meet a thread at a point: it parks there until the test has done what must come between.

    with park_first(BEFORE_PUBLISH) as meeting:
        thread.start()
        meeting.wait_until_reached()
        ...                              # the thread stands at the point meanwhile
        meeting.release()

The first arrival parks; later ones, of any thread, pass. It works between the threads of one
process: a forked child has a copy of the meeting that nobody can release. A rendezvous is a seam
of its own, so a plan in force goes on: the thread parks first, then meets its fault. It never
lets a test pass that met nobody, and never waits without a limit.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from killpoint.failpoints import seam
from killpoint.failpoints.errors import NeverReachedError, ParkTimeoutError
from killpoint.failpoints.points import Point, find
from killpoint.failpoints.seam import Seam

if TYPE_CHECKING:
    from collections.abc import Iterator

    from killpoint.failpoints.seam import Hit

TIMEOUT_S = 10.0


@contextmanager
def park_first(point: Point | str, *, timeout_s: float = TIMEOUT_S) -> Iterator[Meeting]:
    """Park the first thread that reaches `point` while the block runs.

    Leaving the block releases it. Raises `NeverReachedError` at the end of a block in which
    nobody came, and `ParkTimeoutError`, in the parked thread and again at the end of the block,
    when it was not released within `timeout_s`.
    """
    declared = find(point if isinstance(point, str) else point.name)
    meeting = Meeting(declared.name, timeout_s)
    watch = seam.push(Seam(plan=meeting))
    try:
        yield meeting
    finally:
        seam.remove(watch)
        meeting.release()
    meeting.check()


class Meeting:
    """One rendezvous, as both sides see it."""

    __slots__ = ("_arrived", "_hit", "_point", "_released", "_timed_out", "_timeout_s")

    text = "pause"

    def __init__(self, point: str, timeout_s: float) -> None:
        """Wait for the first hit of `point`."""
        self._arrived = threading.Event()
        self._hit: Hit | None = None
        self._point = point
        self._released = threading.Event()
        self._timed_out: ParkTimeoutError | None = None
        self._timeout_s = timeout_s

    def wait_until_reached(self) -> Hit:
        """Return the hit of the thread that is parked, or was; raises `NeverReachedError`."""
        if not self._arrived.wait(self._timeout_s) or self._hit is None:
            raise NeverReachedError(self._point, f"within {self._timeout_s:g} s")
        return self._hit

    def release(self) -> None:
        """Let the parked thread go on; before anyone came, let the first one pass."""
        self._released.set()

    def check(self) -> None:
        """Raise what makes this meeting void: nobody came, or the one who did gave up."""
        if not self._arrived.is_set():
            raise NeverReachedError(self._point, "before the block ended")
        if self._timed_out is not None:
            raise self._timed_out

    def decide(self, hit: Hit) -> Meeting | None:
        """Choose the first arrival; the seam asks one thread at a time."""
        if self._hit is not None or hit.point != self._point:
            return None
        self._hit = hit
        return self

    def act(self, hit: Hit, payload: object) -> object:
        """Park the thread that arrived."""
        self._arrived.set()
        if not self._released.wait(self._timeout_s):
            self._timed_out = ParkTimeoutError(hit.point, hit.occurrence, self._timeout_s)
            raise self._timed_out
        return payload
