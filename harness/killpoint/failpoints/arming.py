"""Put a plan in force: from a test by `arm`, from outside by FAILPOINTS; or only count.

Arming checks the whole plan first: names against the catalogue, faults against what a point
allows, exception types against what can be imported. How often each term has fired belongs to
the arming, so that one plan can be armed twice. Chance is no dice but a hash of the entropy, the
point, the occurrence and the place in the chain: the same run meets the same faults, whatever its
other threads do. It never changes a plan, and never leaves a seam behind when a block ends.
"""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from killpoint.failpoints import actions, seam
from killpoint.failpoints.errors import (
    FaultArgumentError,
    FaultNotAllowedError,
    UnknownPointError,
)
from killpoint.failpoints.points import FaultKind, Point, catalogue
from killpoint.failpoints.seam import Hit, Seam
from killpoint.failpoints.terms import Chain, FaultPlan, Term, parse_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

PAUSE_TIMEOUT_S = 60.0
PERCENT_ALWAYS = 100
PLAN_VARIABLE = "FAILPOINTS"
ENTROPY_VARIABLE = "FAILPOINTS_ENTROPY"


def arm(
    plan: str | FaultPlan,
    *,
    entropy: int = 0,
    observe: Callable[[Hit], object] = seam.ignore,
    on_fire: Callable[[Hit, str], object] = seam.ignore,
    pause_timeout_s: float = PAUSE_TIMEOUT_S,
) -> Armed:
    """Put `plan` in force in this process, until `disarm()` or the end of a `with` block.

    `observe` is handed every hit, `on_fire` a hit and its fault before that fault acts. `entropy`
    decides the percentages. What is in force already stays so: both plans act, this one first.

    Raises `PlanSyntaxError`, `UnknownPointError`, `FaultNotAllowedError` or `FaultArgumentError`,
    and then nothing is armed.
    """
    parsed = parse_plan(plan) if isinstance(plan, str) else plan
    released = threading.Event()
    live = ArmedPlan(parsed, entropy=entropy, released=released, pause_timeout_s=pause_timeout_s)
    return Armed(live, released, observe, on_fire)


class Armed:
    """A plan in force: what it met so far, and the way to end it."""

    __slots__ = ("_fired", "_on_fire", "_released", "_seam")

    def __init__(
        self,
        plan: ArmedPlan,
        released: threading.Event,
        observe: Callable[[Hit], object],
        on_fire: Callable[[Hit, str], object],
    ) -> None:
        """Put the plan in force at once."""
        self._fired: list[tuple[Hit, str]] = []
        self._on_fire = on_fire
        self._released = released
        self._seam = seam.push(Seam(plan=plan, observe=observe, on_fire=self._announce))

    def _announce(self, hit: Hit, fault: str) -> None:
        self._fired.append((hit, fault))
        self._on_fire(hit, fault)

    @property
    def counts(self) -> dict[str, int]:
        """How often each point was reached since arming."""
        return self._seam.counts

    @property
    def fired(self) -> tuple[tuple[Hit, str], ...]:
        """The faults that happened, in order; empty means that the plan met nothing."""
        return tuple(self._fired)

    def release(self) -> None:
        """Let every paused thread go on; later pauses of this arming do not wait."""
        self._released.set()

    def disarm(self) -> None:
        """Take the plan out of force and release what it paused; twice is harmless."""
        seam.remove(self._seam)
        self.release()

    def __enter__(self) -> Self:
        """Return this arming, which is in force already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disarm."""
        self.disarm()


class Tally:
    """Every hit since counting began."""

    __slots__ = ("_hits",)

    def __init__(self) -> None:
        """Start with none."""
        self._hits: list[Hit] = []

    def note(self, hit: Hit) -> None:
        """Add one hit."""
        self._hits.append(hit)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits in the order in which they were seen."""
        return tuple(self._hits)

    @property
    def counts(self) -> dict[str, int]:
        """How often each point was reached."""
        counts: dict[str, int] = {}
        for hit in self.hits:
            counts[hit.point] = counts.get(hit.point, 0) + 1
        return counts


@contextmanager
def counting() -> Iterator[Tally]:
    """Count the hits of the block; nothing is injected."""
    tally = Tally()
    counter = seam.push(Seam(observe=tally.note))
    try:
        yield tally
    finally:
        seam.remove(counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One fault that is about to happen: its words, and what it does."""

    text: str
    act: actions.Act


class ArmedPlan:
    """The state of a plan in force: its chains by point, and how often each term has fired.

    The seam asks under its lock and in the order of occurrences, so that `kill@3` is the third
    hit also when threads race.
    """

    __slots__ = ("_chains", "_entropy", "_firings")

    def __init__(
        self,
        plan: FaultPlan,
        *,
        entropy: int = 0,
        released: threading.Event,
        pause_timeout_s: float = PAUSE_TIMEOUT_S,
    ) -> None:
        """Check everything that the plan names; raises as `arm` does."""
        self._entropy = entropy
        self._chains: dict[str, list[tuple[Term, Firing]]] = {}
        for name, chain in chains_by_point(plan).items():
            self._chains[name] = [
                (term, Firing(text=term.task, act=actions.prepare(term, released, pause_timeout_s)))
                for term in chain
            ]
        self._firings = {name: [0] * len(chain) for name, chain in self._chains.items()}

    def decide(self, hit: Hit) -> Firing | None:
        """Return the fault of the first term whose chance and count pass."""
        for place, (term, firing) in enumerate(self._chains.get(hit.point, ())):
            if term.percent is not None and not self._lucky(hit, place, term.percent):
                continue
            if term.count is not None and self._firings[hit.point][place] >= term.count:
                continue
            self._firings[hit.point][place] += 1
            return None if term.fault is FaultKind.OFF else firing
        return None

    def _lucky(self, hit: Hit, place: int, percent: float) -> bool:
        """Decide by hash: no state, so it depends on nothing but its arguments.

        The place in the chain counts, or `50.0%kill->50.0%exit(1)` would never exit.
        """
        drawn_from = f"{self._entropy}\n{hit.point}\n{hit.occurrence}\n{place}".encode()
        drawn = int.from_bytes(hashlib.blake2b(drawn_from, digest_size=8).digest(), "big")
        return drawn * PERCENT_ALWAYS < percent * 2**64


def chains_by_point(plan: FaultPlan) -> dict[str, Chain]:
    """Spell the globs out, and check names and faults against the catalogue.

    Raises `UnknownPointError` for a name, or a glob, that nothing matches, and
    `FaultNotAllowedError` for a fault that a point does not allow.
    """
    known = catalogue()
    exact: dict[str, Chain] = {}
    globbed: dict[str, Chain] = {}
    for name, chain in plan.chains:
        matched = [point for point in known.values() if fnmatchcase(point.name, name)]
        if not matched:
            raise UnknownPointError(name, known)
        for point in matched:
            if point.name == name:
                exact[name] = chain
            else:
                globbed.setdefault(point.name, chain)
    chains = globbed | exact
    for name, chain in chains.items():
        _check_allowed(known[name], chain)
    return chains


def _check_allowed(point: Point, chain: Chain) -> None:
    """Refuse a fault that makes no sense there; `off` always does."""
    for term in chain:
        if term.fault is not FaultKind.OFF and term.fault not in point.allows:
            raise FaultNotAllowedError(point.name, term.fault, point.allows)


class _FromOutside:
    """A plan whose names are checked at the first hit, when the catalogues are declared."""

    __slots__ = ("_armed", "_entropy", "_plan")

    def __init__(self, plan: FaultPlan, entropy: int) -> None:
        self._armed: ArmedPlan | None = None
        self._entropy = entropy
        self._plan = plan

    def decide(self, hit: Hit) -> Firing | None:
        """Check once, then ask; a plan that is wrong is so again at every hit."""
        if self._armed is None:
            never = threading.Event()
            self._armed = ArmedPlan(self._plan, entropy=self._entropy, released=never)
        return self._armed.decide(hit)


def arm_from_environment(environment: Mapping[str, str] = os.environ) -> None:
    """Put the plan of FAILPOINTS in force, if it is set and not empty.

    Its syntax is checked now. Names are checked at the first hit, and what is wrong with them is
    raised from every `reach`, so that no engine can swallow it once and go on untested.
    """
    text = environment.get(PLAN_VARIABLE, "")
    if not text.strip():
        return
    entropy_text = environment.get(ENTROPY_VARIABLE, "0")
    try:
        entropy = int(entropy_text)
    except ValueError as error:
        subject = f"{ENTROPY_VARIABLE}={entropy_text}"
        raise FaultArgumentError(subject, "is no whole number", "write digits only") from error
    seam.install(Seam(plan=_FromOutside(parse_plan(text), entropy)))
