"""The damage strategy: each file of a store at rest, damaged in each way that changes it.

One fault over all files before the next, so that the commonest damage is seen first everywhere. It
never damages two files at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from killpoint.case import Case, Phase, Step
from killpoint.events import DepthTally
from killpoint.fault import DAMAGES, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from killpoint.case import CaseResult

_SAFE = re.compile(r"[A-Za-z0-9_.,-]+(/[A-Za-z0-9_.,-]+)*")


class DamageStrategy:
    """All damages of one scenario's store, after its workload has ended well."""

    def __init__(
        self,
        *,
        scenario: str,
        damages: Sequence[tuple[str, tuple[Fault, ...]]],
        shard: tuple[int, int] = (1, 1),
    ) -> None:
        """Start from the files of the store, each with what can befall it."""
        number, count = shard
        cases = [
            Case(scenario=scenario, steps=(_step(path, ordinal, fault),))
            for fault in DAMAGES
            for ordinal, (path, faults) in enumerate(damages, start=1)
            if fault in faults
        ]
        self._pending = [case for case in cases if case.shard(count) == number]
        self._total = len(self._pending)
        self._done = 0
        self._images: set[str] = set()

    @property
    def pairs_total(self) -> int:
        """How many damages this shard has."""
        return self._total

    def propose(self) -> list[Case]:
        """Return all damages, once."""
        cases, self._pending = self._pending, []
        return cases

    def learn(self, result: CaseResult) -> None:
        """Count a result."""
        self._done += 1
        self._images |= set(result.crash_images)

    def tallies(self) -> tuple[DepthTally, ...]:
        """Return what was done and what there is to do."""
        tally = DepthTally(
            depth=0,
            pairs_done=self._done,
            pairs_total=self._total,
            images_count=len(self._images),
        )
        return (tally,)


def _step(path: str, ordinal: int, fault: Fault) -> Step:
    """Return the step that damages a file; a path that a token cannot hold goes by its number."""
    point = path.replace("/", "+") if _SAFE.fullmatch(path) else ""
    return Step(phase=Phase.RUN, point=point, occurrence=1, ordinal=ordinal, fault=fault)
