"""Mending drift that no operation accounts for: look, then publish it or turn it back.

A table has drifted on a branch when something stands above the version that the branch sees, where
its next write would land. What recovery accounts for is for recovery; the rest was left by
something that is no operation of ours, and only a person can say what should become of it.

    examine   under the locks of all tables: whose versions they are, and whether HEAD holds the
              rows that readers see, others, or cannot be read
    restore   if that was chosen: the pinned content once more, as the next version above HEAD
    publish   one graph version for all tables of a branch

It needs no sidecar: a repair that dies leaves what it found, at most with a version more that
holds the rows which readers see, and the next one goes on from there. It never adds a row to what
readers see, or takes an unpublished one away, without `FORCE`; never publishes what cannot be read;
and does not hold the rules of the schema over what it was forced to publish.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.graph import maintenance_points, points
from engine.graph.audit import audit_rows
from engine.graph.branch import TablePin
from engine.graph.commit import PUBLISH_ATTEMPTS_MAX, commit_table, publish
from engine.graph.errors import (
    DamagedFileError,
    FutureFormatError,
    OvertakenError,
    RecoveryPendingError,
    SchemaMovedError,
)
from engine.graph.manifest import (
    FIRST_VERSION,
    NO_PARENT,
    Edit,
    LineageRow,
    Manifest,
    branch_of,
    manifest_path,
    manifests,
    newer_manifest,
)
from engine.graph.operation import Decision, Kind
from engine.graph.sidecar import Sidecar, operation_lock, pending_sidecars, table_lock
from engine.graph.table import live_rows, read_version, version_path
from engine.graph.work import hold
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.graph.branch import Branch
    from engine.graph.schema import Row, TableSchema
    from engine.graph.store import Store


class Remedy(StrEnum):
    """What should become of drift."""

    PUBLISH = "publish"  # readers see HEAD from now on
    RESTORE = "restore"  # readers see what they see now, and HEAD holds that again


class Consent(StrEnum):
    """How far a repair may go."""

    PREVIEW = "preview"  # look and tell
    CONFIRM = "confirm"  # change what neither adds nor loses a row
    FORCE = "force"  # whatever it takes


class Finding(StrEnum):
    """What HEAD holds, against what readers see."""

    SAME_ROWS = "same rows"
    OTHER_ROWS = "other rows"
    UNREADABLE = "unreadable"


class Treatment(StrEnum):
    """What was done about one table."""

    NONE = "none"  # a preview
    PUBLISHED = "published"
    RESTORED = "restored"
    REFUSED = "refused"  # it would take more consent, or cannot be done


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One table of a branch whose HEAD is above its pin; `cause` says whose versions they are."""

    table: str
    branch: str
    pinned: int
    head: int
    finding: Finding
    cause: str
    treatment: Treatment = Treatment.NONE

    @property
    def keeps_rows(self) -> bool:
        """Whether the table was moved, and readers see the same rows as before."""
        neutral = self.finding is Finding.SAME_ROWS and self.treatment is Treatment.PUBLISHED
        return neutral or self.treatment is Treatment.RESTORED


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair found and did, and the newest graph version after it."""

    drifts: tuple[Drift, ...]
    graph_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repair:
    """A repair at work."""

    operation_id: str
    remedy: Remedy
    consent: Consent
    actor: str


def repair(
    store: Store, known: Manifest, remedy: Remedy, consent: Consent, actor: str
) -> tuple[Repaired, Manifest]:
    """Look at all tables and treat those that have drifted; return the manifest after it.

    Raises `RecoveryPendingError` while an operation waits for recovery: what it did is not drift.
    """
    work = _Repair(operation_id=store.ids.mint(), remedy=remedy, consent=consent, actor=actor)
    branches = tuple(known.branches.values())
    locks = [table_lock(key, one.id) for one in branches for key in store.schema.tables]
    with hold(store, work.operation_id, locks):
        refuse_pending(store, locks)
        newest = newer_manifest(store, known)
        if newest.schema_hash != store.schema.hash:
            raise SchemaMovedError
        # One that has come since is not locked, and is looked at by the next repair.
        still = [one for known in branches if (one := newest.branch(known.id)) is not None]
        found = [_drifts(store, work, branch, newest) for branch in still]
        reach(maintenance_points.REPAIR_EXAMINE_AFTER)
        for branch, drifts in zip(still, found, strict=True):
            newest = _mend(store, work, newest, branch, drifts)
    drifts = tuple(drift for each in found for drift in each)
    return Repaired(drifts=drifts, graph_version=newest.version), newest


def refuse_pending(store: Store, held: Collection[str] = ()) -> None:
    """Refuse to go on while a dead operation waits for recovery.

    `held` are the locks of tables that the caller holds: the owner of a sidecar about one of these
    is dead, though a recovery that waits for them may have its operation's lock.
    """
    waiting = tuple(
        str(one)
        for one in pending_sidecars(store)
        if any(lock in held for lock in one.table_locks) or not _lives(store, one)
    )
    if waiting:
        raise RecoveryPendingError(waiting)


def _lives(store: Store, sidecar: Sidecar) -> bool:
    """Whether the owner of a sidecar, or a recovery, is at work."""
    lock = store.storage.fence.try_hold(operation_lock(sidecar.operation_id))
    if lock is not None:
        lock.release()
    return lock is None


def _drifts(store: Store, work: _Repair, branch: Branch, newest: Manifest) -> tuple[Drift, ...]:
    """Return the tables of a branch that have drifted, with what is going to be done about each."""
    tables = store.schema.tables.values()
    found = (_examine(store, table, branch, newest) for table in tables)
    return tuple(_treated(work, one) for one in found if one is not None)


def _examine(store: Store, table: TableSchema, branch: Branch, newest: Manifest) -> Drift | None:
    """Return the drift of a table on a branch, or None when its HEAD is pinned."""
    pin = branch.pin(table.key)
    if pin.ref != branch.id:
        return (
            None  # inherited: what stands on its own fork is an orphan, and goes at the next write
        )
    head = pin.version
    # By presence: a version that cannot be read is drift like any other, and on top of more.
    while store.storage.exists(points.TABLE_LOOK, version_path(table, head + 1, branch.id)):
        head += 1
    if head == pin.version:
        return None
    seen = _rows(store, table, pin)
    try:
        standing = _rows(store, table, replace(pin, version=head, ref=branch.id))
        finding = Finding.SAME_ROWS if standing == seen else Finding.OTHER_ROWS
        numbers = range(pin.version + 1, head + 1)
        made = {one: read_version(store, table, one, branch.id).operation_id for one in numbers}
        cause = _cause(store, made, newest)
    except (DamagedFileError, FutureFormatError) as damage:
        finding, cause = Finding.UNREADABLE, str(damage)
    return Drift(
        table=table.key,
        branch=branch.name,
        pinned=pin.version,
        head=head,
        finding=finding,
        cause=cause,
    )


def _rows(store: Store, table: TableSchema, pin: TablePin) -> list[Row]:
    """Return the rows of a version."""
    return live_rows(store, table, read_version(store, table, pin.version, pin.ref))


def _cause(store: Store, made: Mapping[int, str], newest: Manifest) -> str:
    """Say by which operations versions were made, and what is known of them."""
    published = {
        one.row.operation_id: one for one in manifests(store, FIRST_VERSION, newest.version)
    }
    audited = {row.operation_id: row.decision for row in audit_rows(store)}
    return "; ".join(
        f"version {number} by {_known(operation, published, audited)}"
        for number, operation in made.items()
    )


def _known(
    operation: str, published: Mapping[str, Manifest], audited: Mapping[str, Decision]
) -> str:
    """Say what the store knows of an operation."""
    if operation in published:
        version = published[operation].version
        return f"operation {operation}, which published graph version {version} without it"
    if operation in audited:
        return f"operation {operation}, which recovery has closed ({audited[operation]})"
    return f"{operation!r}, of which neither lineage nor audit knows"


def _treated(work: _Repair, drift: Drift) -> Drift:
    """Decide what to do about one table."""
    neutral = drift.finding is Finding.SAME_ROWS
    match work.consent:
        case Consent.PREVIEW:
            return drift
        case Consent.CONFIRM:
            treatment = _treatment(work.remedy, drift) if neutral else Treatment.REFUSED
            return replace(drift, treatment=treatment)
        case Consent.FORCE:
            return replace(drift, treatment=_treatment(work.remedy, drift))


def _treatment(remedy: Remedy, drift: Drift) -> Treatment:
    """Return what a remedy comes to, once it is allowed."""
    match remedy:
        case Remedy.PUBLISH if drift.finding is Finding.UNREADABLE:
            return Treatment.REFUSED
        case Remedy.PUBLISH:
            return Treatment.PUBLISHED
        case Remedy.RESTORE:
            return Treatment.RESTORED


def _mend(
    store: Store, work: _Repair, newest: Manifest, branch: Branch, drifts: Iterable[Drift]
) -> Manifest:
    """Do what was decided about the tables of one branch, and publish it."""
    moved = {
        drift.table: TablePin(
            version=_target(store, work, branch, drift),
            operation_id=work.operation_id,
            ref=branch.id,
        )
        for drift in drifts
        if drift.treatment in {Treatment.PUBLISHED, Treatment.RESTORED}
    }
    edit = Edit(branch=branch.id, moved=moved)
    return _publish(store, work, newest, edit) if moved else newest


def _target(store: Store, work: _Repair, branch: Branch, drift: Drift) -> int:
    """Return the version to publish, made now if the rows from before have to come back.

    Where HEAD holds them already, maybe from a repair that died, it is restored as it stands.
    """
    if drift.treatment is Treatment.PUBLISHED or drift.finding is Finding.SAME_ROWS:
        return drift.head
    pin = branch.pin(drift.table)
    restored = replace(
        read_version(store, store.schema.table(drift.table), pin.version, pin.ref),
        version=drift.head + 1,
        parent=drift.head,
        operation_id=work.operation_id,
        restores=pin.version,
        ref=branch.id,
    )
    if not commit_table(store, maintenance_points.REPAIR_RESTORE, restored):
        raise OvertakenError(_intent(work), f"somebody without the lock made {restored.path!r}")
    reach(maintenance_points.REPAIR_RESTORE_AFTER, restored.path)
    return restored.version


def _publish(store: Store, work: _Repair, base: Manifest, edit: Edit) -> Manifest:
    """Publish the tables as they should be seen; again, when others published other things."""
    row = LineageRow(
        commit_id=f"{work.operation_id}-{edit.branch}",
        parent_id=NO_PARENT,
        operation_id=work.operation_id,
        actor=work.actor,
        kind=Kind.REPAIR,
        started_us=store.clock.now_us(),
    )
    locked = base
    for _ in range(PUBLISH_ATTEMPTS_MAX):
        path = manifest_path(base.version + 1)
        reach(maintenance_points.REPAIR_PUBLISH_BEFORE, path)
        published = publish(store, base, edit, row)
        if published is not None:
            reach(maintenance_points.REPAIR_PUBLISH_AFTER, path)
            return published
        base = newer_manifest(store, base)
        for key in edit.moved:
            pin = branch_of(base, edit.branch).pin(key)
            if pin != branch_of(locked, edit.branch).pin(key):
                raise OvertakenError(_intent(work), f"somebody without the lock published {key!r}")
    reason = f"others published {PUBLISH_ATTEMPTS_MAX} times before it could"
    raise OvertakenError(_intent(work), reason)


def _intent(work: _Repair) -> str:
    """Say what a repair was about to do."""
    return f"operation {work.operation_id}, repair to {work.remedy}"
