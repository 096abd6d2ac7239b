"""The error strategy: every storage error at every hit where one makes sense, and what follows.

First the workload: at each hit each fault that fits, breadth first over occurrences, plain EIO at
all hits before anything rarer at any. Then, where the first fault was a single EIO, a kill at each
point that its process still passes until its operation has failed; and EIO, once and from then on,
at each hit of the recovery of each distinct state that the errors left. It never proposes a case
twice, and it never leaves one out: what a shard or the budget leaves undone is in the tallies.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from killpoint.case import Case, Means, Phase, Step
from killpoint.events import DepthTally
from killpoint.explore.order import breadth_first
from killpoint.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from killpoint.case import CaseResult
    from killpoint.change import Change
    from killpoint.failpoints import Hit

LISTED = ".list.after"
# A recovery meets the two that differ most: the others are refused in the same place.
IN_RECOVERY = (Fault.EIO, Fault.DEAD)


class ErrorStrategy:
    """All error cases of one scenario: at depth 0 the errors, at depth 1 what strikes after."""

    def __init__(
        self,
        *,
        scenario: str,
        hits: Sequence[Hit],
        changes: Sequence[Change] = (),
        faults: Mapping[str, tuple[Fault, ...]],
        depth: int,
        shard: tuple[int, int] = (1, 1),
    ) -> None:
        """Start from the points that the workload hits without fault, and what changed at each."""
        self._scenario = scenario
        self._faults = faults
        self._depth_max = depth
        self._shard = shard
        self._pending = self._first(hits, changes)
        self._totals = Counter({0: len(self._pending)})
        self._done: Counter[int] = Counter()
        self._by_image: Counter[int] = Counter()
        self._crashes: set[tuple[str, str]] = set()
        self._images: dict[int, set[str]] = {}
        self._found: list[Case] = []

    @property
    def pairs_total(self) -> int:
        """How many errors in the workload this shard has."""
        return self._totals[0]

    def propose(self) -> list[Case]:
        """Return the errors, and then all that strikes after them."""
        if not self._pending:
            self._pending, self._found = self._found, []
        cases, self._pending = self._pending, []
        return cases

    def learn(self, result: CaseResult) -> None:
        """Count a result, and find what can strike after an error."""
        level = result.case.depth
        self._done[level] += 1
        self._by_image[level] += result.means is Means.IMAGE
        if not result.crash_images:
            return
        crash = (result.crash_images[-1], result.crash_key)
        self._images.setdefault(level, set()).add(crash[0])
        if level or not self._depth_max:
            return
        further = self._killed_later(result)
        if crash not in self._crashes and result.recovery_hits:
            self._crashes.add(crash)
            further += self._in_recovery(result)
        self._totals[1] += len(further)
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

    def _first(self, hits: Sequence[Hit], changes: Sequence[Change]) -> list[Case]:
        """Return the errors of the workload, those of the same fault together."""
        places = [
            place
            for place in breadth_first((hit.point for hit in hits), changes)
            if place[0] in self._faults
        ]
        may_be_gone = listed_before(hits)
        cases = [
            self._case((), Phase.RUN, place, fault)
            for fault in Fault
            for place in places
            if fault in self._faults[place[0]]
            and (fault is not Fault.GONE or place[2] in may_be_gone)
        ]
        number, count = self._shard
        return [case for case in cases if case.shard(count) == number]

    def _killed_later(self, result: CaseResult) -> list[Case]:
        steps = result.case.steps
        if steps[-1].fault is not Fault.EIO:
            return []
        return [
            self._case(steps, Phase.RUN, (point, occurrence, 0), Fault.KILL)
            for point, occurrence in result.later_hits
        ]

    def _in_recovery(self, result: CaseResult) -> list[Case]:
        places = [each for each in breadth_first(result.recovery_hits) if each[0] in self._faults]
        return [
            self._case(result.case.steps, Phase.RECOVER, place, fault)
            for fault in IN_RECOVERY
            for place in places
        ]

    def _case(
        self, before: tuple[Step, ...], phase: Phase, place: tuple[str, int, int], fault: Fault
    ) -> Case:
        point, occurrence, ordinal = place
        step = Step(phase=phase, point=point, occurrence=occurrence, ordinal=ordinal, fault=fault)
        return Case(scenario=self._scenario, steps=(*before, step))


def listed_before(hits: Sequence[Hit]) -> frozenset[int]:
    """Return the ordinals of hits on objects that an earlier listing had shown.

    Only those may be gone when they are looked at: no storage says of what stands there, and of
    what nobody else may remove, that it does not.
    """
    listed: set[str] = set()
    found: set[int] = set()
    for ordinal, hit in enumerate(hits, start=1):
        if hit.point.endswith(LISTED):
            listed.add(hit.footprint)
        elif hit.footprint.rpartition("/")[0] in listed:
            found.add(ordinal)
    return frozenset(found)
