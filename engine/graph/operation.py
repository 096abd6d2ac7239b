"""The words that sidecars, lineage rows and audit rows share about one operation.

It never reads or writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an operation set out to do."""

    INIT = "init"
    LOAD = "load"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    MUTATE = "mutate"  # several statements
    ENSURE_INDICES = "ensure_indices"  # and nothing else
    OPTIMIZE = "optimize"  # fragments put together, and indices
    REPAIR = "repair"  # of drift that no operation accounts for
    SCHEMA_APPLY = "schema_apply"
    BRANCH_CREATE = "branch_create"
    BRANCH_DELETE = "branch_delete"
    MERGE = "merge"


class Completion(StrEnum):
    """By what recovery knows that an operation had done all that it meant to do to a table."""

    PLANNED = "planned"  # the version that it planned is there
    CONFIRMED = "confirmed"  # its sidecar says which version it reached, and that one is there


def completion_of(kind: Kind) -> Completion:
    """Return by what a kind is known to be complete.

    A merge confirms before it publishes: until then recovery takes all of it back, however much of
    it is there.
    """
    match kind:
        case Kind.MERGE:
            return Completion.CONFIRMED
        case Kind.LOAD | Kind.INSERT | Kind.UPDATE | Kind.DELETE | Kind.MUTATE | Kind.SCHEMA_APPLY:
            return Completion.PLANNED
        case Kind.ENSURE_INDICES | Kind.OPTIMIZE:
            return Completion.PLANNED  # how many versions a table needs is known beforehand
        case Kind.INIT | Kind.BRANCH_CREATE | Kind.BRANCH_DELETE | Kind.REPAIR:
            return Completion.PLANNED  # they have no sidecar


class Decision(StrEnum):
    """How an operation came to its end, as its lineage row says."""

    COMMITTED = "Committed"  # by its own owner
    ROLLED_FORWARD = "RolledForward"  # by recovery, which published what the owner had committed
    ROLLED_BACK = "RolledBack"  # by recovery, which published the content from before
    DISCARDED = "OrphanedBranchDiscarded"  # by recovery, because its branch was deleted meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one table: its version went from one number to another.

    After a rollback `from_version` is the version that the owner had left behind, `to_version`
    the restored one, and `restores` the version whose content that is.
    """

    table: str
    from_version: int
    to_version: int
    restores: int | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return the JSON object that stands for it."""
        fields: dict[str, Any] = {
            "table": self.table,
            "from": self.from_version,
            "to": self.to_version,
        }
        if self.restores is not None:
            fields["restores"] = self.restores
        return fields

    @staticmethod
    def from_fields(fields: dict[str, Any]) -> Outcome:
        """Read it back."""
        return Outcome(
            table=fields["table"],
            from_version=int(fields["from"]),
            to_version=int(fields["to"]),
            restores=fields.get("restores"),
        )
