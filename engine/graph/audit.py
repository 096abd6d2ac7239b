"""What recovery did, one row per operation that it settled, for ever.

A row is written from the sidecar and the published lineage row alone, under the operation's name,
so that a second recovery of the same operation can only write the same row again. It never holds
an id or a time of the recovery itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.errors import MisnamedFileError
from engine.graph.operation import Decision, Kind, Outcome
from engine.graph.record import decode, encode, parsing

if TYPE_CHECKING:
    from engine.graph.manifest import Manifest
    from engine.graph.sidecar import Sidecar
    from engine.graph.store import Store

AUDIT_DIRECTORY = "audit"
NOT_PUBLISHED = 0  # the graph version of an operation that had no effect


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """How recovery settled an operation, on the branch with the id `branch`.

    One without effect was rolled back, with no outcomes and `graph_version` `NOT_PUBLISHED`.
    """

    operation_id: str
    kind: Kind
    actor: str
    started_us: int
    branch: str
    decision: Decision
    outcomes: tuple[Outcome, ...]
    graph_version: int

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return encode(
            {
                "operation_id": self.operation_id,
                "kind": str(self.kind),
                "actor": self.actor,
                "started_us": self.started_us,
                "branch": self.branch,
                "decision": str(self.decision),
                "outcomes": [outcome.to_fields() for outcome in self.outcomes],
                "graph_version": self.graph_version,
            }
        )

    @staticmethod
    def from_bytes(path: str, data: bytes) -> AuditRow:
        """Read the file's content, or raise what names the file."""
        fields = decode(path, data)
        with parsing(path):
            found = AuditRow(
                operation_id=fields["operation_id"],
                kind=Kind(fields["kind"]),
                actor=fields["actor"],
                started_us=int(fields["started_us"]),
                branch=fields["branch"],
                decision=Decision(fields["decision"]),
                outcomes=tuple(Outcome.from_fields(one) for one in fields["outcomes"]),
                graph_version=int(fields["graph_version"]),
            )
        if audit_path(found.operation_id) != path:
            raise MisnamedFileError(path, audit_path(found.operation_id))
        return found


def audit_path(operation: str) -> str:
    """Return the file of an operation's audit row."""
    return f"{AUDIT_DIRECTORY}/{operation}.json"


def row_of_published(sidecar: Sidecar, published: Manifest) -> AuditRow:
    """Return the row of an operation that a graph version shows, or shows undone.

    What its own owner published was, seen from recovery, rolled forward.
    """
    version = published.version
    match published.row.decision:
        case Decision.COMMITTED:
            return _row(sidecar, Decision.ROLLED_FORWARD, forward_outcomes(sidecar), version)
        case (Decision.ROLLED_FORWARD | Decision.ROLLED_BACK | Decision.DISCARDED) as decided:
            return _row(sidecar, decided, published.row.outcomes, version)


def row_of_effectless(sidecar: Sidecar) -> AuditRow:
    """Return the row of an operation that moved no table."""
    return _row(sidecar, Decision.ROLLED_BACK, (), NOT_PUBLISHED)


def row_of_discarded(sidecar: Sidecar) -> AuditRow:
    """Return the row of an operation whose branch was deleted before it had published."""
    return _row(sidecar, Decision.DISCARDED, (), NOT_PUBLISHED)


def forward_outcomes(sidecar: Sidecar) -> tuple[Outcome, ...]:
    """Return what became of the tables when all that was planned is published."""
    return tuple(
        Outcome(table=pin.table, from_version=pin.expected, to_version=pin.reached)
        for pin in sidecar.pins
    )


def put_audit(store: Store, row: AuditRow) -> None:
    """Write the row unless it is there: then it was this same row, from an earlier attempt."""
    store.storage.put_if_absent(points.AUDIT_PUT, audit_path(row.operation_id), row.to_bytes())


def audit_rows(store: Store) -> tuple[AuditRow, ...]:
    """Return all rows, sorted by operation."""
    paths = store.storage.list(points.AUDIT_LIST, AUDIT_DIRECTORY)
    return tuple(AuditRow.from_bytes(path, store.read(points.AUDIT_READ, path)) for path in paths)


def _row(
    sidecar: Sidecar, decision: Decision, outcomes: tuple[Outcome, ...], graph_version: int
) -> AuditRow:
    """Put the sidecar's half and the decision's half together."""
    return AuditRow(
        operation_id=sidecar.operation_id,
        kind=sidecar.kind,
        actor=sidecar.actor,
        started_us=sidecar.started_us,
        branch=sidecar.branch,
        decision=decision,
        outcomes=outcomes,
        graph_version=graph_version,
    )
