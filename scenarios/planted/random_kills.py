"""Kills at random beside a campaign's: how many cases would they have taken?

Two ways that are common. *Per hit*: each hit of the workload dies with the same small chance, one
in as many hits as there are, so that some runs end unharmed. *Timed*: a moment is drawn evenly
from the time that the workload takes, and the process dies at the first hit after it; at most one
call that changes the store lies between two hits, so that this is what a timer would leave.
Neither knows what has changed, and neither strikes a recovery.

Each draw is a case and costs one, though a kill that was drawn before is not made again here. It
decides nothing: the numbers stand beside those of the campaign.
"""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from killpoint import Ports, failpoints
from killpoint.case import Case, Phase, Step
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from killpoint.failpoints import Hit
    from killpoint.process.pool import Pool
    from killpoint.scenario import Scenario

Place = tuple[str, int]
NUMBERS = (1, 2, 3, 4, 5)
CASES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """How many cases each of several runs took; None for one that found nothing in its budget."""

    counts: tuple[int | None, ...]

    def __str__(self) -> str:
        """Say the median, and how many runs found nothing."""
        found = [count for count in self.counts if count is not None]
        missed = len(self.counts) - len(found)
        if not found:
            return "missed"
        told = f"{median(found):g}"
        return f"{told} (missed {missed} of {len(self.counts)})" if missed else told


def moments(scenario: Scenario) -> dict[Place, float]:
    """Return at which part of the workload's time, 0 to 1, each point is reached without fault."""
    found: dict[Place, float] = {}
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "store"
        root.mkdir()
        scenario.system.prepare(root, Ports(incarnation=0, actor="prepare"))

        def observe(hit: Hit) -> None:
            found[hit.point, hit.occurrence] = time.perf_counter()

        failpoints.install(failpoints.Seam(observe=observe))
        try:
            began = time.perf_counter()
            handle = scenario.system.open(root, Ports(incarnation=1, actor="run"))
            for operation in scenario.operations:
                operation.apply(handle)
            took_s = time.perf_counter() - began
            scenario.system.close(handle)
        finally:
            failpoints.off()
    return {place: (at - began) / took_s for place, at in found.items() if at <= began + took_s}


def per_hit(hits: tuple[Hit, ...], chance: random.Random) -> Iterator[Place | None]:
    """Yield where each run dies, or None for one that no hit ended."""
    while True:
        died = (hit for hit in hits if chance.random() < 1 / len(hits))
        hit = next(died, None)
        yield None if hit is None else (hit.point, hit.occurrence)


def timed(
    hits: tuple[Hit, ...], when: dict[Place, float], chance: random.Random
) -> Iterator[Place | None]:
    """Yield where each run dies, or None for one that was over before."""
    places = [(hit.point, hit.occurrence) for hit in hits]
    while True:
        moment = chance.random()
        yield next((place for place in places if when.get(place, 0.0) >= moment), None)


class RandomKills:
    """Random kills of one planted scenario, which the pool has prepared."""

    def __init__(self, pool: Pool, scenario: str, hits: tuple[Hit, ...]) -> None:
        """Remember what each kill came to."""
        self._pool = pool
        self._scenario = scenario
        self._hits = hits
        self._failed: dict[Place, bool] = {}

    def luck(self, draw: Callable[[random.Random], Iterator[Place | None]]) -> Luck:
        """Return how many cases it took to fail, once a number."""
        return Luck(counts=tuple(self._count(draw(random.Random(n))) for n in NUMBERS))

    def _count(self, places: Iterator[Place | None]) -> int | None:
        for number in range(1, CASES_MAX + 1):
            place = next(places)
            if place is not None and self._fails(place):
                return number
        return None

    def _fails(self, place: Place) -> bool:
        if place not in self._failed:
            step = Step(phase=Phase.RUN, point=place[0], occurrence=place[1])
            case = Case(scenario=self._scenario, steps=(step,))
            (result,) = self._pool.run([case])
            self._failed[place] = result.verdict is Verdict.FAILED
        return self._failed[place]
