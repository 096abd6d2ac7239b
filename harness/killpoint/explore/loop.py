"""The loop: ask the strategy for cases, run them, tell it and everybody else what came of them.

    while there are cases and there is time:  run;  learn;  emit

It stops at the end of the cases or of the budget, or at the first failure if that is asked for,
and names which. Recoveries below the first have a budget of their own, so that they never cost
what must be complete. It knows no strategy, no engine and no report, and it never reorders results:
the first failure is the first in the strategy's order, however many workers there are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from killpoint.events import CaseFinished, StopReason
from killpoint.token import Token
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from killpoint.case import Case, CaseResult
    from killpoint.events import Event
    from killpoint.explore.strategy import Strategy

SLICE_CASES_COUNT = 512
DEEP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Until when cases may start, on the monotonic clock; None is without end.

    `deep_s` is how long kills below the first recovery may take; `first_failure` lets no case
    start after one that failed.
    """

    end_s: float | None = None
    deep_s: float | None = None
    first_failure: bool = False

    def reached(self, result: CaseResult, deep_since: float) -> StopReason:
        """Tell why no further case may start, or that one may: `COMPLETE`."""
        if self.first_failure and result.verdict is Verdict.FAILED:
            return StopReason.FIRST_FAILURE
        depth, now = result.case.depth, time.monotonic()
        if self.end_s is not None and now >= self.end_s:
            return StopReason.BUDGET
        if self.deep_s is not None and depth >= DEEP and now - deep_since >= self.deep_s:
            return StopReason.DEEP_BUDGET
        return StopReason.COMPLETE


def explore(
    strategy: Strategy,
    *,
    execute: Callable[[Sequence[Case]], Generator[CaseResult, None, None]],
    budget: Budget,
    fingerprint: str,
    emit: Callable[[Event], None],
    rest: Callable[[], None],
) -> StopReason:
    """Run what the strategy proposes; `rest` is called whenever no case is under way."""
    index = 0
    deep_since = 0.0
    recoveries: set[tuple[str, str]] = set()
    while cases := strategy.propose():
        if cases[0].depth >= DEEP and not deep_since:
            deep_since = time.monotonic()
        for start in range(0, len(cases), SLICE_CASES_COUNT):
            results = execute(cases[start : start + SLICE_CASES_COUNT])
            for whole in results:
                result = _told_once(whole, recoveries)
                strategy.learn(result)
                index += 1
                token = str(Token(case=result.case, fingerprint=fingerprint))
                tallies = strategy.tallies()
                emit(
                    CaseFinished(
                        result=result,
                        token=token,
                        index=index,
                        done=sum(each.pairs_done for each in tallies),
                        total=sum(each.pairs_total for each in tallies),
                    )
                )
                stop = budget.reached(result, deep_since)
                if stop is not StopReason.COMPLETE:
                    results.close()
                    rest()
                    return stop
            rest()
    return StopReason.COMPLETE


def _told_once(result: CaseResult, recoveries: set[tuple[str, str]]) -> CaseResult:
    """Return a result without its recovery's points if an equal crash had told them before.

    Each worker tells them once: the results must be the same with any number of workers.
    """
    crash = (result.crash_images[-1] if result.crash_images else "", result.crash_key)
    if result.recovery_hits and crash in recoveries:
        return replace(result, recovery_hits=())
    if result.recovery_hits:
        recoveries.add(crash)
    return result
