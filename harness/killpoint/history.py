"""What the victim did, as the parent heard it: operations attempted, acknowledged, failed.

The victim writes one line per step into a pipe that the parent owns, so that the order of an
acknowledgement and a death is never in question. An operation that was attempted and not heard
of again is *in flight*, and one that was refused by its storage has *failed*: of both, either
outcome is legal. It never judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How far an operation came."""

    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    IN_FLIGHT = "in flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """One operation that was attempted. `detail` is its result or its error, as text."""

    index: int
    name: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All operations that were attempted, in order."""

    operations: tuple[OperationRecord, ...] = field(default=())

    @property
    def acknowledged_count(self) -> int:
        """Return how many operations were acknowledged."""
        return sum(1 for each in self.operations if each.outcome is Outcome.ACKNOWLEDGED)

    @property
    def in_flight(self) -> OperationRecord | None:
        """Return the operation that was neither acknowledged nor failed, if there is one."""
        for each in self.operations:
            if each.outcome is Outcome.IN_FLIGHT:
                return each
        return None

    @property
    def open_ended(self) -> OperationRecord | None:
        """Return the operation that may have taken effect or not, if there is one.

        It was in flight at a death, or it failed because its storage did.
        """
        for each in self.operations:
            if each.outcome is not Outcome.ACKNOWLEDGED:
                return each
        return None
