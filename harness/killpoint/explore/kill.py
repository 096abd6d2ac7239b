"""The kill strategy: every (point, occurrence), and again inside every recovery that follows.

Breadth first over occurrences, and first where the store turns from one state to the next.
After the workload's pairs come the pairs of each distinct crash's recovery, and so on to the depth
asked for, crash by crash, so that all pairs of one recovery can be made together. Crashes are
the same when their images are, and all else that their verdict rests on: the recovery of one
stands for all.

It never proposes a pair twice, and it never leaves one out: what a shard or the budget leaves
undone is in the tallies.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from killpoint.case import Case, Means, Phase, Step
from killpoint.events import DepthTally
from killpoint.explore.order import breadth_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from killpoint.case import CaseResult
    from killpoint.change import Change


class KillStrategy:
    """All kill cases of one scenario, up to `depth` kills inside recoveries."""

    def __init__(
        self,
        *,
        scenario: str,
        hits: Sequence[str],
        changes: Sequence[Change] = (),
        depth: int,
        never_killable: frozenset[str] = frozenset(),
        shard: tuple[int, int] = (1, 1),
    ) -> None:
        """Start from the points that the workload hits without fault, and what changed at each."""
        self._scenario = scenario
        self._depth_max = depth
        self._never_killable = never_killable
        self._shard = shard
        self._level = 0
        self._pending: list[Case] = self._cases((), hits, changes)
        self._totals = Counter({0: len(self._pending)})
        self._done: Counter[int] = Counter()
        self._by_image: Counter[int] = Counter()
        self._crashes: set[tuple[str, str]] = set()
        self._images: dict[int, set[str]] = {}
        self._found: list[Case] = []

    @property
    def pairs_total(self) -> int:
        """How many pairs of the workload this shard has."""
        return self._totals[0]

    def propose(self) -> list[Case]:
        """Return all cases of the next depth that has any."""
        if not self._pending and self._found:
            self._level += 1
            self._pending = self._found
            self._found = []
        cases, self._pending = self._pending, []
        return cases

    def learn(self, result: CaseResult) -> None:
        """Count a result, and enumerate the recovery of a crash that was not seen before."""
        level = result.case.depth
        self._done[level] += 1
        self._by_image[level] += result.means is Means.IMAGE
        if not result.crash_images:
            return
        crash = (result.crash_images[-1], result.crash_key)
        self._images.setdefault(level, set()).add(crash[0])
        if level >= self._depth_max or crash in self._crashes or not result.recovery_hits:
            return
        self._crashes.add(crash)
        further = self._cases(result.case.steps, result.recovery_hits)
        self._totals[level + 1] += len(further)
        self._found += further

    def tallies(self) -> tuple[DepthTally, ...]:
        """Return what was done and what there is to do, per depth."""
        return tuple(
            DepthTally(
                depth=level,
                pairs_done=self._done[level],
                pairs_total=self._totals[level],
                images_count=len(self._images.get(level, ())),
                by_image_count=self._by_image[level],
            )
            for level in sorted(self._totals)
        )

    def _cases(
        self, before: tuple[Step, ...], hits: Sequence[str], changes: Sequence[Change] = ()
    ) -> list[Case]:
        phase = Phase.RECOVER if before else Phase.RUN
        steps = [
            Step(phase=phase, point=point, occurrence=occurrence, ordinal=ordinal)
            for point, occurrence, ordinal in breadth_first(hits, changes)
            if point not in self._never_killable
        ]
        cases = [Case(scenario=self._scenario, steps=(*before, step)) for step in steps]
        number, count = self._shard
        return [case for case in cases if case.shard(count) == number]
