"""The loop: ask the strategy for cases, run them, tell it and everybody else what came of them.

    while there are cases and there is time:  run;  learn;  emit

It stops at the end of the cases or of the budget and names which. It knows no strategy, no engine
and no report, and it never reorders results.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.events import CaseFinished, StopReason
from killpoint.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from killpoint.case import Case, CaseResult
    from killpoint.events import Event
    from killpoint.explore.strategy import Strategy

SLICE_CASES_COUNT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Until when cases may start, on the monotonic clock; None is without end."""

    end_s: float | None = None

    @property
    def used_up(self) -> bool:
        """Tell whether the time is over."""
        return self.end_s is not None and time.monotonic() >= self.end_s


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
    while cases := strategy.propose():
        for start in range(0, len(cases), SLICE_CASES_COUNT):
            results = execute(cases[start : start + SLICE_CASES_COUNT])
            for result in results:
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
                if budget.used_up:
                    results.close()
                    rest()
                    return StopReason.BUDGET
            rest()
    return StopReason.COMPLETE
