"""What a case, a scenario or a campaign comes to: passed, undecided or failed.

The worst wins, and nothing run is undecided, so that a checker that died, a fault that did not
fire or an empty enumeration can never look like a pass. It never holds evidence.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(StrEnum):
    """The three values, worst last."""

    PASSED = "passed"
    UNDECIDED = "undecided"
    FAILED = "failed"

    @property
    def exit_code(self) -> int:
        """Return what the command line exits with: 0, 4 or 1."""
        match self:
            case Verdict.PASSED:
                return 0
            case Verdict.UNDECIDED:
                return 4
            case Verdict.FAILED:
                return 1


_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of them; of none at all, undecided."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.UNDECIDED)


class Reason(StrEnum):
    """Why a case is not passed, in the words shown to the user."""

    NONE = ""
    VIOLATION = "an invariant is violated"
    REOPEN_FAILED = "the store does not reopen"
    NOT_FIRED = "the fault did not fire"
    HUNG = "a process passed its deadline"
    CHECKER_RAISED = "a check raised"
    VICTIM_RAISED = "the workload raised before the fault"
    VERIFIER_DIED = "the verifier died"
    NOT_DETERMINISTIC = "two runs of the same case differ"
