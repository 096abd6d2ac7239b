"""What a strategy is: it proposes cases, and learns from their results.

The loop needs these three methods and knows no strategy. A strategy never runs a case and never
judges one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from killpoint.case import Case, CaseResult
    from killpoint.events import DepthTally


class Strategy(Protocol):
    """Generates and orders the cases of one scenario."""

    def propose(self) -> list[Case]:
        """Return the next cases, in order; none when there are no more."""

    def learn(self, result: CaseResult) -> None:
        """Take note of one result; results come in the order of the cases."""

    def tallies(self) -> tuple[DepthTally, ...]:
        """Return what was done and what there is to do, per depth."""
