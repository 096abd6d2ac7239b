"""Wrong ways of judging the dead: by numbers, by half of what there is, or by what was once seen.

Each is wrong in one step of recovery, or in what a sidecar tells it. They never change what an
operation does that nobody cuts short.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import audit, commit, points, recovery, sweep, work
from engine.graph.audit import NOT_PUBLISHED, AuditRow, row_of_discarded
from engine.graph.classify import Action, Finding, Movement
from engine.graph.errors import GraphError, OvertakenError
from engine.graph.manifest import branch_of, newer_manifest
from engine.graph.operation import Decision, Kind
from engine.graph.recovery import Extent, Settled
from engine.graph.table import MAIN, TableVersion, head_version, read_version
from engine.storage import StorageError
from killpoint.invariants import ERRORS_ARE_TOLD, KEPT_HANDLE, OPENS
from scenarios.planted.graph import WRITES
from scenarios.planted.patch import Bug, Search, planted, put, right

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.graph.branch import Branch
    from engine.graph.manifest import Manifest
    from engine.graph.schema import TableSchema
    from engine.graph.sidecar import Sidecar
    from engine.graph.store import Store


def publish_what_moved() -> None:
    """Go forward with the tables that moved, and forget those that did not."""
    sound_decide, sound_forward = right(recovery, "decide"), right(recovery, "_roll_forward")

    def decide(movements: Iterable[Movement]) -> Action:
        seen = frozenset(movements)
        action: Action = sound_decide(seen - {Movement.NONE})
        return action

    def roll_forward(store: Store, sidecar: Sidecar, look: Any) -> Any:  # noqa: ANN401
        moved = {each.table for each in look.findings if each.movement is not Movement.NONE}
        pins = tuple(pin for pin in sidecar.pins if pin.table in moved)
        return sound_forward(store, replace(sidecar, pins=pins), look)

    put(recovery, "decide", decide)
    put(recovery, "_roll_forward", roll_forward)


def tell_one_step() -> None:
    """Write into the sidecar of an optimize that every table moves by one version."""
    sound = right(commit, "put_sidecar")

    def put_sidecar(store: Store, sidecar: Sidecar) -> None:
        if sidecar.kind is Kind.OPTIMIZE:
            pins = tuple(replace(pin, post=pin.expected + 1) for pin in sidecar.pins)
            sidecar = replace(sidecar, pins=pins)
        sound(store, sidecar)

    put(commit, "put_sidecar", put_sidecar)


def register_again() -> None:
    """Do not ask whether an apply was published before its tables are registered."""
    sound = right(recovery, "_decided")

    def decided(store: Store, sidecar: Sidecar, newest: Manifest) -> AuditRow | None:
        if sidecar.kind is Kind.SCHEMA_APPLY:
            there = branch_of(newest, sidecar.branch).tables
            for key in sidecar.adopts:
                if key in there:
                    raise OvertakenError(str(sidecar), f"{key!r} is registered already")
        row: AuditRow | None = sound(store, sidecar, newest)
        return row

    put(recovery, "_decided", decided)


def look_once() -> None:
    """Read the newest manifest once for all the dead, and not again when their turn comes."""
    put(recovery, "newer_manifest", lambda _store, newest: newest)


def discard_what_cannot_be_read() -> None:
    """Take a branch for deleted when looking at its tables fails."""
    sound, look = right(recovery, "_decided"), right(recovery, "_look")

    def decided(store: Store, sidecar: Sidecar, newest: Manifest) -> AuditRow | None:
        row: AuditRow | None = sound(store, sidecar, newest)
        if row is None and sidecar.branch != MAIN:
            try:
                look(store, sidecar, newest)
            except StorageError:
                return row_of_discarded(sidecar)
        return row

    put(recovery, "_decided", decided)


def append_to_the_audit() -> None:
    """Give each attempt to audit an operation a row of its own."""
    sound = audit.put_audit

    def put_audit(store: Store, row: AuditRow) -> None:
        told = store.storage.list(points.AUDIT_LIST, audit.AUDIT_DIRECTORY)
        if audit.audit_path(row.operation_id) in told:
            path = f"{audit.AUDIT_DIRECTORY}/{row.operation_id}-{len(told)}.json"
            store.storage.put_if_absent(points.AUDIT_PUT, path, row.to_bytes())
        else:
            sound(store, row)

    put(recovery, "put_audit", put_audit)


def flip_at_the_second_attempt() -> None:
    """Take a rollback that was published, and not audited, for a success: the pins have moved."""
    sound = right(recovery, "_decided")

    def decided(store: Store, sidecar: Sidecar, newest: Manifest) -> AuditRow | None:
        row: AuditRow | None = sound(store, sidecar, newest)
        if row is not None and row.decision is Decision.ROLLED_BACK:
            return replace(row, decision=Decision.ROLLED_FORWARD)
        return row

    put(recovery, "_decided", decided)


def recover_nobody_unlisted() -> None:
    """Take a listing of the sidecars that fails for one that is empty."""
    sound = right(sweep, "pending_sidecars")

    def pending(store: Store) -> tuple[Sidecar, ...]:
        try:
            found: tuple[Sidecar, ...] = sound(store)
        except (GraphError, StorageError):
            return ()
        return found

    put(sweep, "pending_sidecars", pending)


def leave_the_effectless() -> None:
    """Leave what had no effect to an opening, as if it were a rollback."""
    sound = right(recovery, "_carry_out")

    def carry_out(
        store: Store, sidecar: Sidecar, newest: Manifest, extent: Extent
    ) -> AuditRow | Settled:
        row: AuditRow | Settled = sound(store, sidecar, newest, extent)
        if extent is Extent.FORWARD_ONLY and _is_effectless(row):
            return Settled.DEFERRED
        return row

    put(recovery, "_carry_out", carry_out)


def _is_effectless(row: AuditRow | Settled) -> bool:
    return (
        isinstance(row, AuditRow)
        and row.graph_version == NOT_PUBLISHED
        and row.decision is Decision.ROLLED_BACK
    )


def credit_the_effectless() -> None:
    """Leave it, and take it for a success once somebody else has moved its tables."""
    leave_the_effectless()
    sound = right(recovery, "_carry_out")

    def carry_out(
        store: Store, sidecar: Sidecar, newest: Manifest, extent: Extent
    ) -> AuditRow | Settled:
        row: AuditRow | Settled = sound(store, sidecar, newest, extent)
        branch = branch_of(newer_manifest(store, newest), sidecar.branch)
        moved = all(branch.pin(pin.table).version > pin.expected for pin in sidecar.pins)
        if isinstance(row, AuditRow) and _is_effectless(row) and moved:
            return replace(row, decision=Decision.ROLLED_FORWARD)
        return row

    put(recovery, "_carry_out", carry_out)


def own_by_number() -> None:
    """Leave it, and take whatever stands at the number that it planned for its own."""
    leave_the_effectless()
    sound = right(recovery, "classify")

    def classify(operation: str, aim: Any, *, pinned: int, above: Any) -> Finding:  # noqa: ANN401
        finding: Finding = sound(operation, aim, pinned=pinned, above=above)
        if finding.head == pinned:
            return replace(finding, movement=Movement.NONE)
        if pinned == aim.expected and finding.head == aim.last:
            return replace(finding, movement=Movement.AT_HEAD)
        return finding

    put(recovery, "classify", classify)


def tolerate_drift() -> None:
    """Write on top of drift; to recovery, whatever stands above the pin is the operation's."""
    sound_classify, sound_forward = right(recovery, "classify"), right(recovery, "_roll_forward")

    def undrifted(store: Store, table: TableSchema, branch: Branch) -> TableVersion:
        pin = branch.pin(table.key)
        head = head_version(store, table, pin.version, pin.ref)
        return read_version(store, table, head, pin.ref)

    def classify(operation: str, aim: Any, *, pinned: int, above: Any) -> Finding:  # noqa: ANN401
        finding: Finding = sound_classify(operation, aim, pinned=pinned, above=above)
        if finding.movement is Movement.NONE and finding.head > pinned == aim.expected:
            return replace(finding, movement=Movement.AT_HEAD)
        return finding

    def roll_forward(store: Store, sidecar: Sidecar, look: Any) -> Any:  # noqa: ANN401
        heads = {finding.table: finding.head for finding in look.findings}
        return sound_forward(store, sidecar.confirmed(heads), look)

    put(work, "undrifted_version", undrifted)
    put(recovery, "classify", classify)
    put(recovery, "_roll_forward", roll_forward)


BUGS = (
    Bug(
        name="moved_tables_only",
        mechanism="recovery publishes the tables that moved and forgets those that did not",
        expected="all or nothing",
        plant=publish_what_moved,
        about=WRITES,
        rows=("46",),
    ),
    Bug(
        name="one_step_told",
        mechanism="the sidecar of an optimize says that a table moves once, and it moves twice",
        expected=OPENS,
        plant=tell_one_step,
        about=("graph.optimize",),
        rows=("36",),
    ),
    Bug(
        name="registered_again",
        mechanism="recovery registers the tables of a published apply again, and never can",
        expected=OPENS,
        plant=register_again,
        about=("graph.apply.add",),
        rows=("50",),
    ),
    Bug(
        name="looked_once",
        mechanism="of several dead, each is judged by what stood before the first was settled",
        expected=OPENS,
        plant=look_once,
        about=("graph.defer",),
        rows=("40", "62"),
    ),
    Bug(
        name="unreadable_discarded",
        mechanism="an operation is discarded when the tables of its branch cannot be read",
        expected="the audit agrees with the lineage",
        plant=discard_what_cannot_be_read,
        about=("graph.branch.heal",),
        rows=("65",),
        by=Search.ERROR,
    ),
    Bug(
        name="appended_to_the_audit",
        mechanism="an audit row whose writing has failed afterwards is written once more",
        expected="the audit agrees with the lineage",
        plant=append_to_the_audit,
        about=("graph.heal",),
        rows=("67",),
        by=Search.ERROR,
    ),
    Bug(
        name="flipped_at_retry",
        mechanism="a published rollback whose audit is missing is audited as rolled forward",
        expected="the audit agrees with the lineage",
        plant=flip_at_the_second_attempt,
        about=WRITES,
        rows=("75",),
    ),
    Bug(
        name="unlisted_unrecovered",
        mechanism="an opening that cannot list the sidecars recovers nobody and says nothing",
        expected=ERRORS_ARE_TOLD,
        plant=recover_nobody_unlisted,
        about=("graph.reopen",),
        rows=("71",),
        by=Search.ERROR,
    ),
    Bug(
        name="effectless_left",
        mechanism="a live handle leaves an operation that had no effect to an opening",
        expected=KEPT_HANDLE,
        plant=leave_the_effectless,
        about=WRITES,
        rows=("79", "L7"),
    ),
    Bug(
        name="effectless_credited",
        mechanism="an operation without effect is audited as done once others moved its tables",
        expected="the audit agrees with the lineage",
        plant=credit_the_effectless,
        about=("graph.abandon",),
        rows=("L1",),
    ),
    Bug(
        name="owned_by_number",
        mechanism="what another wrote is published for an operation that planned the same number",
        expected="the audit tells the outcomes",
        plant=own_by_number,
        about=("graph.abandon",),
        rows=("77", "L2"),
    ),
    Bug(
        name="drift_tolerated",
        mechanism="a write goes on top of drift, and recovery takes the drift for the write",
        expected="exactly one audit row",
        plant=tolerate_drift,
        about=("graph.drift",),
        rows=("17",),
    ),
)

SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
