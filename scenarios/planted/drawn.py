"""Let the fuzz strategy look for the planted bugs that take several operations.

Nothing but an alphabet of operations is given. A hunt draws example after example, as `killpoint
run scenarios/planted/fuzzed.py --strategy fuzz` does, until a failure was shrunk, or the draws have
come to their end. It never counts a failure of another invariant than the expected one as found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.events import CaseFinished
from killpoint.explore.fuzz import EXAMPLES_COUNT, FuzzStrategy, fuzz, weight
from killpoint.explore.loop import Budget
from killpoint.token import Token
from killpoint.verdict import Verdict
from scenarios.planted.fuzzed import fuzz_planted
from scenarios.planted.track import Line

if TYPE_CHECKING:
    from killpoint.case import Case, CaseResult
    from killpoint.events import Event
    from killpoint.process.pool import Pool
    from scenarios.planted.fuzzed import Pairing

DRAWS_COUNT = 3
# What the strategy is to find at least, each told by so many operations and faults at most.
FINDS_MIN = 5
OPERATIONS_MAX = 3
FAULTS_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What became of drawing for a bug: how many examples, and the smallest case that shows it."""

    pairing: Pairing
    examples_count: int
    case: Case | None = None
    token: str = ""

    @property
    def small(self) -> bool:
        """Whether it was found, and few operations and faults tell it."""
        return (
            self.case is not None
            and operations_of(self.case) <= OPERATIONS_MAX
            and len(self.case.steps) <= FAULTS_MAX
        )

    @property
    def line(self) -> Line:
        """Return its line of the track record; there is one for what was found only."""
        bug = self.pairing.bug
        return Line(
            name=f"drawn.{bug.name}",
            rows=", ".join(bug.rows),
            mechanism=bug.mechanism,
            invariant=bug.expected,
            cases_count=self.examples_count,
            token=self.token,
        )


def operations_of(case: Case) -> int:
    """Return how many operations the lives of a case have."""
    return sum(len(life.operations) for life in case.lives)


def draw(pool: Pool, pairing: Pairing) -> Drawn:
    """Draw until the bug shows, 300 examples a draw and some draws at most."""
    scenario = fuzz_planted(pairing).name
    fingerprint = pool.prepare(scenario).fingerprint
    examples_count = 0
    for number in range(DRAWS_COUNT):
        strategy = FuzzStrategy(
            scenario=scenario,
            letters=pool.inventory.fuzzable[scenario],
            draw=number,
            examples=EXAMPLES_COUNT,
        )
        failed = _failures(pool, strategy, fingerprint)
        examples_count += strategy.done
        showing = [each for each in failed if pairing.bug.expected in _invariants(each)]
        if showing:
            smallest = min((each.case for each in showing), key=weight)
            token = str(Token(case=smallest, fingerprint=fingerprint))
            return Drawn(pairing=pairing, examples_count=examples_count, case=smallest, token=token)
    return Drawn(pairing=pairing, examples_count=examples_count)


def _failures(pool: Pool, strategy: FuzzStrategy, fingerprint: str) -> list[CaseResult]:
    """Return what failed until something had, as small as it came to be."""
    failed: list[CaseResult] = []

    def hear(event: Event) -> None:
        if isinstance(event, CaseFinished) and event.result.verdict is Verdict.FAILED:
            failed.append(event.result)

    fuzz(
        strategy,
        execute=pool.run,
        budget=Budget(first_failure=True),
        fingerprint=fingerprint,
        emit=hear,
        rest=lambda: None,
    )
    return failed


def _invariants(result: CaseResult) -> set[str]:
    return {each.invariant for each in result.violations}
