"""Look for a planted bug as a campaign would, and count the cases that it takes.

The cases are a campaign's own, in its own order: scenario after scenario of the operation, the
workload's kills or errors, then those of each distinct recovery. A hunt ends with the first case
that shows the expected invariant, or with its bound. It never shows a bug by other means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from killpoint.explore.error import ErrorStrategy
from killpoint.explore.kill import KillStrategy
from killpoint.token import Token
from killpoint.verdict import Verdict
from scenarios.planted.patch import Search, planted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from killpoint.case import CaseResult
    from killpoint.explore.strategy import Strategy
    from killpoint.process.pool import Pool
    from killpoint.process.preparation import Preparation
    from scenarios.planted.patch import Bug

DEPTH = 1
CASES_MAX = 1500
# What Python raises for a mistake in the code: of the patch, as likely as of the engine.
_SLIP = re.compile(r"\b(AttributeError|ImportError|NameError|UnboundLocalError|TypeError)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A case that failed: its number from 1, its token, and what it showed.

    `slip` is what the bug makes Python say, and is no crash of the patch.
    """

    number: int
    token: str
    invariants: tuple[str, ...]
    evidence: tuple[str, ...]
    slip: str = ""

    @property
    def crashed(self) -> bool:
        """Tell whether all that failed is code that cannot run, which a patch may be itself."""
        told = [one for one in self.evidence if not self.slip or self.slip not in one]
        return len(told) == len(self.evidence) and all(_SLIP.search(one) for one in told)


@dataclass(slots=True, kw_only=True)
class Hunt:
    """What became of looking for one bug: the first find, and the first as expected."""

    bug: Bug
    cases_count: int = 0
    first: Find | None = None
    expected: Find | None = None
    undecided: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Tell whether some invariant has spoken for a reason of its own."""
        return self.first is not None and not self.first.crashed


def hunt(pool: Pool, bug: Bug, *, cases_max: int = CASES_MAX) -> Hunt:
    """Run a campaign's cases until one shows what is expected, at most so many."""
    state = Hunt(bug=bug)
    for scenario in planted(bug):
        preparation = pool.prepare(scenario.name)
        strategy = strategy_of(bug, preparation)
        for result in results_of(pool, strategy):
            state.cases_count += 1
            _note(state, result, preparation.fingerprint)
            if state.expected is not None or state.cases_count >= cases_max:
                return state
    return state


def strategy_of(bug: Bug, preparation: Preparation) -> Strategy:
    """Return the strategy that is expected to find the bug, as a campaign makes it."""
    name = preparation.scenario
    match bug.by:
        case Search.KILL:
            return KillStrategy(
                scenario=name,
                hits=[hit.point for hit in preparation.hits],
                changes=preparation.changes,
                depth=DEPTH,
                never_killable=preparation.never_killable,
            )
        case Search.ERROR:
            return ErrorStrategy(
                scenario=name,
                hits=preparation.hits,
                changes=preparation.changes,
                faults=preparation.faults,
                depth=DEPTH,
            )


def results_of(pool: Pool, strategy: Strategy) -> Iterator[CaseResult]:
    """Yield the results of all that the strategy proposes."""
    while cases := strategy.propose():
        for result in pool.run(cases):
            strategy.learn(result)
            yield result


def _note(state: Hunt, result: CaseResult, fingerprint: str) -> None:
    if result.verdict is Verdict.UNDECIDED:
        state.undecided.append(f"{result.reason}: {result.detail}")
    if result.verdict is not Verdict.FAILED:
        return
    find = Find(
        number=state.cases_count,
        token=str(Token(case=result.case, fingerprint=fingerprint)),
        invariants=tuple(each.invariant for each in result.violations),
        evidence=tuple(told for each in result.violations for told in each.evidence),
        slip=state.bug.slip,
    )
    state.first = state.first or find
    if state.bug.expected in find.invariants:
        state.expected = find
