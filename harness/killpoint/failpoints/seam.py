"""The seam: where an engine's steps and the harness meet.

An engine calls `reach(POINT, footprint, payload)`. While the seam is off that is one comparison.
Installed, the seam numbers every hit per point name and hands it to an observer; armed, a plan
decides what happens, and a fault is announced before it acts, because after a SIGKILL nobody can
speak.

Seams stack: a test may count, arm and meet at once. Every seam notes the hit under its own number
before any of them acts, so that a fault or a wait in one hides nothing from the others. The newest
acts first. It never imports anything but the standard library, and it knows no engine.
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
        """Return what happens at this hit, or None for nothing.

        Called once a hit, in the order of occurrences, under the lock of the seam: it must
        neither wait nor reach a point.
        """


def ignore(*_: object) -> None:
    """Take no notice: the default observer and announcer."""


class Seam:
    """Counts hits, tells the observer, and carries out what the plan decides."""

    __slots__ = ("_beneath", "_counts", "_lock", "_observe", "_on_fire", "_plan")

    def __init__(
        self,
        *,
        plan: Plan | None = None,
        observe: Callable[[Hit], object] = ignore,
        on_fire: Callable[[Hit, str], object] = ignore,
    ) -> None:
        """Start all counts at zero."""
        self._plan = plan
        self._observe = observe
        self._on_fire = on_fire
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._beneath: Seam | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How often each point was reached since this seam was installed."""
        with self._lock:
            return dict(self._counts)

    def hit(self, point: Point, footprint: str, payload: object) -> object:
        """Note the hit in this seam and those beneath it, then act where a plan says so."""
        due: list[tuple[Seam, Hit, Decision]] = []
        seam: Seam | None = self
        while seam is not None:
            hit, decision = seam._note(point.name, footprint)  # noqa: SLF001 -- same class
            if decision is not None:
                due.append((seam, hit, decision))
            seam = seam._beneath  # noqa: SLF001 -- same class
        for seam, hit, decision in due:
            seam._on_fire(hit, decision.text)  # noqa: SLF001 -- same class
            payload = decision.act(hit, payload)
        return payload

    def _note(self, name: str, footprint: str) -> tuple[Hit, Decision | None]:
        """Number the hit and decide in one step, so that threads cannot overtake each other."""
        with self._lock:
            occurrence = self._counts.get(name, 0) + 1
            self._counts[name] = occurrence
            hit = Hit(name, occurrence, footprint)
            decision = None if self._plan is None else self._plan.decide(hit)
        self._observe(hit)
        return hit, decision


_seam: Seam | None = None


def reach(point: Point, footprint: str = "", payload: P = None) -> P:  # type: ignore[assignment]
    """Tell the seam that `point` is reached.

    `footprint` is the path inside the store that the next step touches, `payload` the bytes that
    it is about to write. Returns the payload, or what a `return(...)` or short-write fault puts
    in its place. Raises what a `raise(...)` fault names; may not return at all.
    """
    if _seam is None:
        return payload
    return _through(point, footprint, payload)  # type: ignore[return-value]


def _through(point: Point, footprint: str, payload: object) -> object:
    """Hit the newest seam; read once, since another thread may be taking it away."""
    seam = _seam
    return payload if seam is None else seam.hit(point, footprint, payload)


def install(seam: Seam) -> Seam:
    """Make `seam` the only one that this process reports to, in place of all others."""
    global _seam  # noqa: PLW0603 -- one global is the design: a point must cost nothing
    seam._beneath = None  # noqa: SLF001 -- the stack is this module's business
    _seam = seam
    return seam


def push(seam: Seam) -> Seam:
    """Put `seam` on top of those in force; they go on noting and acting beneath it."""
    global _seam  # noqa: PLW0603 -- see install
    remove(seam)  # pushed twice it would lie beneath itself, and a hit would never end
    seam._beneath = _seam  # noqa: SLF001 -- see install
    _seam = seam
    return seam


def remove(seam: Seam) -> None:
    """Take `seam` out of the stack, wherever it is; a seam that is gone already is no error."""
    global _seam  # noqa: PLW0603 -- see install
    if _seam is seam:
        _seam = seam._beneath  # noqa: SLF001 -- see install
        return
    above = _seam
    while above is not None and above._beneath is not seam:  # noqa: SLF001 -- see install
        above = above._beneath  # noqa: SLF001 -- see install
    if above is not None:
        above._beneath = seam._beneath  # noqa: SLF001 -- see install


def off() -> None:
    """Take every seam away: points cost one comparison and nothing is counted."""
    global _seam  # noqa: PLW0603 -- see install
    _seam = None


def installed() -> Seam | None:
    """Return the newest seam in force, or None while points are off."""
    return _seam


def _forget_in_child() -> None:
    """Give a forked child locks of its own, in case another thread held ours."""
    seam = _seam
    while seam is not None:
        seam._lock = threading.Lock()  # noqa: SLF001 -- see install
        seam = seam._beneath  # noqa: SLF001 -- see install


os.register_at_fork(after_in_child=_forget_in_child)
