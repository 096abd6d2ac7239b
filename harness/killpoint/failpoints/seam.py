"""The seam: where an engine's steps and the harness meet.

An engine calls `reach(POINT, footprint, payload)`. While the seam is off that is one comparison.
Installed, the seam numbers every hit per point name and hands it to an observer; armed, a plan
decides what happens, and a fault is announced before it acts, because after a SIGKILL nobody can
speak. It never imports anything but the standard library, and it knows no engine.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from killpoint.failpoints.points import Point

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Hit:
    """The `occurrence`-th time (from 1) that `point` was reached, touching `footprint`."""

    point: str
    occurrence: int
    footprint: str


class Decision(Protocol):
    """What a plan answers when a point is reached: None, or something to act out."""

    @property
    def text(self) -> str:
        """The fault in the words of the grammar, for the announcement."""

    def act(self, hit: Hit, payload: object) -> object:
        """Carry the fault out; what it returns replaces the payload."""


class Plan(Protocol):
    """Anything that maps a hit to a decision."""

    def decide(self, hit: Hit) -> Decision | None:
        """Return what happens at this hit, or None for nothing."""


def _ignore(*_: object) -> None:
    """Take no notice: the default observer and announcer."""


class Seam:
    """Counts hits, tells the observer, and carries out what the plan decides."""

    __slots__ = ("_counts", "_lock", "_observe", "_on_fire", "_plan")

    def __init__(
        self,
        *,
        plan: Plan | None = None,
        observe: Callable[[Hit], object] = _ignore,
        on_fire: Callable[[Hit, str], object] = _ignore,
    ) -> None:
        """Start all counts at zero."""
        self._plan = plan
        self._observe = observe
        self._on_fire = on_fire
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[str, int]:
        """How often each point was reached since this seam was installed."""
        with self._lock:
            return dict(self._counts)

    def hit(self, point: Point, footprint: str, payload: object) -> object:
        """Number the hit, tell the observer, act if the plan says so."""
        with self._lock:
            occurrence = self._counts.get(point.name, 0) + 1
            self._counts[point.name] = occurrence
        hit = Hit(point.name, occurrence, footprint)
        self._observe(hit)
        if self._plan is None:
            return payload
        decision = self._plan.decide(hit)
        if decision is None:
            return payload
        self._on_fire(hit, decision.text)
        return decision.act(hit, payload)


_seam: Seam | None = None


def reach(point: Point, footprint: str = "", payload: P = None) -> P:  # type: ignore[assignment]
    """Tell the seam that `point` is reached.

    `footprint` is the path inside the store that the next step touches, `payload` the bytes that
    it is about to write. Returns the payload, or what a `return(...)` or short-write fault puts
    in its place. Raises what a `raise(...)` fault names; may not return at all.
    """
    if _seam is None:
        return payload
    return _seam.hit(point, footprint, payload)  # type: ignore[return-value]


def install(seam: Seam) -> Seam:
    """Make `seam` the one that this process reports to, in place of any other."""
    global _seam  # noqa: PLW0603 -- one seam a process is the design: a point must cost nothing
    _seam = seam
    return seam


def off() -> None:
    """Take the seam away: points cost one comparison and nothing is counted."""
    global _seam  # noqa: PLW0603 -- see install
    _seam = None


def installed() -> Seam | None:
    """Return the seam in force, or None while points are off."""
    return _seam


def _forget_in_child() -> None:
    """Give a forked child its own lock, in case another thread held ours."""
    if _seam is not None:
        _seam._lock = threading.Lock()  # noqa: SLF001 -- same class, after fork


os.register_at_fork(after_in_child=_forget_in_child)
