"""Settling what a dead operation left: forward if all of it is there, back if only part of it is.

    settle      sync the directories we are about to judge by: a dead owner may have made a file
                visible and never come to its sync, and a decision must not outlive its reason
    decide      published already? else is its branch gone? else by what `classify` finds at each
                table; what was deleted is known from the manifest, never from an error
    carry out   restore and publish, or publish, or nothing; the decision is in the lineage row
    audit       one row, written from sidecar and lineage row
    delete      the sidecar; until here, dying means that the next attempt does the same again

`sweep` says which operations are dead, and calls this with their locks held. It never mints an id,
never asks the time, and never touches a table that the sidecar does not pin or that the operation
did not move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from engine.graph import points
from engine.graph.audit import (
    AUDIT_DIRECTORY,
    AuditRow,
    audit_path,
    forward_outcomes,
    put_audit,
    row_of_discarded,
    row_of_effectless,
    row_of_published,
)
from engine.graph.branch import TablePin
from engine.graph.classify import (
    Action,
    Finding,
    Movement,
    aim_of,
    classify,
    decide,
    decide_apply,
    decide_whole,
)
from engine.graph.commit import commit_table, publish
from engine.graph.errors import OvertakenError, UndecidableSidecarError
from engine.graph.forks import kept_refs
from engine.graph.manifest import (
    MANIFEST_DIRECTORY,
    NO_PARENT,
    Edit,
    LineageRow,
    Manifest,
    branch_of,
    manifest_path,
    newer_manifest,
    publication,
    read_manifest,
)
from engine.graph.operation import Decision, Kind, Outcome
from engine.graph.sidecar import Pin, Sidecar, delete_sidecar
from engine.graph.table import (
    TableVersion,
    read_version,
    versions_after,
    versions_directory,
)
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from engine.graph.store import Store

RECOVERY_ACTOR = "recovery"
ATTEMPTS_MAX = 16


class Settled(StrEnum):
    """What was done with one sidecar."""

    DONE = "done"  # settled by us
    GONE = "gone"  # settled by its owner or by another recovery before we came to it
    LIVE = "live"  # its owner lives, or a live operation holds one of its tables
    WAITS = "waits"  # another sidecar must be settled first
    DEFERRED = "deferred"  # an opening for writing has to do it


class Extent(StrEnum):
    """How far recovery goes."""

    WHOLE = "whole"  # whatever it takes
    FORWARD_ONLY = "forward_only"  # publish and close; restore nothing, refuse nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at the tables of a sidecar, of the moment when `newest` was the newest."""

    newest: Manifest
    findings: tuple[Finding, ...]
    above: dict[str, tuple[TableVersion, ...]]


def settle(store: Store, sidecar: Sidecar, newest: Manifest, extent: Extent) -> Settled:
    """Decide, carry out, audit, delete. The caller holds the sidecar's locks.

    `store` is under the schema that the operation began with.
    """
    for directory in (
        MANIFEST_DIRECTORY,
        AUDIT_DIRECTORY,
        *(versions_directory(store.schema.table(pin.table), pin.ref) for pin in sidecar.pins),
    ):
        store.storage.settle(points.RECOVERY_SETTLE, directory)
    row = _carry_out(store, sidecar, newest, extent)
    if isinstance(row, Settled):
        return row
    reach(points.AUDIT_BEFORE, audit_path(row.operation_id))
    put_audit(store, row)
    reach(points.AUDIT_AFTER, audit_path(row.operation_id))
    reach(points.DELETE_BEFORE, sidecar.path)
    delete_sidecar(store, sidecar)
    reach(points.DELETE_AFTER, sidecar.path)
    return Settled.DONE


def refuse(store: Store, sidecar: Sidecar, newest: Manifest) -> NoReturn:
    """Stop: nothing that we could do here would be right. Says what stands at each table."""
    _refuse(sidecar, _look(store, sidecar, newest))


def _carry_out(
    store: Store, sidecar: Sidecar, newest: Manifest, extent: Extent
) -> AuditRow | Settled:
    """Bring the operation to its end and return its audit row, or why it has none yet.

    Losing the publish to an operation on other tables means to look and decide again.
    """
    for _ in range(ATTEMPTS_MAX):
        newest = newer_manifest(store, newest)
        reach(points.CLASSIFY_BEFORE, sidecar.path)
        decided = _decided(store, sidecar, newest)
        if decided is not None:
            reach(points.CLASSIFY_AFTER, sidecar.path)
            return decided
        look = _look(store, sidecar, newest)
        reach(points.CLASSIFY_AFTER, sidecar.path)
        published: Manifest | None = None
        match _decide(store, sidecar, look):
            case Action.FORWARD:
                published = _roll_forward(store, sidecar, look)
            case Action.CLOSE:
                return row_of_effectless(sidecar)
            case Action.WAIT:
                return Settled.WAITS
            case Action.BACK | Action.REFUSE if extent is Extent.FORWARD_ONLY:
                return Settled.DEFERRED
            case Action.BACK:
                published = _roll_back(store, sidecar, look)
            case Action.REFUSE:
                _refuse(sidecar, look)
        if published is not None:
            return row_of_published(sidecar, published)
    reason = f"others published {ATTEMPTS_MAX} times while it was being recovered"
    raise OvertakenError(str(sidecar), reason)


def _decided(store: Store, sidecar: Sidecar, newest: Manifest) -> AuditRow | None:
    """Return the audit row of an operation that nothing can be decided about any more.

    It was published, or its branch is gone: a branch's id never comes again.
    """
    published = publication(store, sidecar.operation_id, sidecar.base, newest)
    if published is not None:
        return row_of_published(sidecar, published)
    return row_of_discarded(sidecar) if newest.branch(sidecar.branch) is None else None


def _look(store: Store, sidecar: Sidecar, newest: Manifest) -> _Look:
    """Read what stands above each pin on its branch, and classify it."""
    branch = branch_of(newest, sidecar.branch)
    above = {
        pin.table: tuple(
            versions_after(store, store.schema.table(pin.table), pin.expected, pin.ref)
        )
        for pin in sidecar.pins
    }
    findings = tuple(
        classify(
            sidecar.operation_id,
            aim_of(sidecar.kind, pin),
            pinned=branch.pin(pin.table).version,
            above=above[pin.table],
        )
        for pin in sidecar.pins
    )
    return _Look(newest=newest, findings=findings, above=above)


def _decide(store: Store, sidecar: Sidecar, look: _Look) -> Action:
    """Say what to do about an operation that nobody has published."""
    movements = [finding.movement for finding in look.findings]
    if sidecar.kind is Kind.SCHEMA_APPLY:
        return decide_apply(movements, undisturbed=look.newest.version == sidecar.base)
    if sidecar.kind is Kind.MERGE:
        undisturbed = _branches_stand(store, sidecar, look.newest)
        return decide_whole(movements, undisturbed=undisturbed)
    return decide(movements)


def _branches_stand(store: Store, sidecar: Sidecar, newest: Manifest) -> bool:
    """Whether a merge finds its target as it was planned for, and the forks that it rests on."""
    planned = branch_of(read_manifest(store, sidecar.base), sidecar.branch)
    found = branch_of(newest, sidecar.branch)
    return found.head == planned.head and kept_refs(newest).issuperset(sidecar.rests_on)


def _roll_forward(store: Store, sidecar: Sidecar, look: _Look) -> Manifest | None:
    """Publish what the owner had committed, exactly that, in its name."""
    path = manifest_path(look.newest.version + 1)
    row = replace(
        _recovery_row(sidecar),
        decision=Decision.ROLLED_FORWARD,
        outcomes=forward_outcomes(sidecar),
    )
    reach(points.ROLLFORWARD_BEFORE, path)
    published = publish(store, look.newest, sidecar.edit, row)
    reach(points.ROLLFORWARD_AFTER, path)
    return published


def _roll_back(store: Store, sidecar: Sidecar, look: _Look) -> Manifest | None:
    """Restore every table that moved, once each, then publish the restored versions."""
    refs = {pin.table: pin.ref for pin in sidecar.pins}
    outcomes = tuple(
        _restore(store, sidecar, pin, finding, look.above[pin.table])
        for pin, finding in zip(sidecar.pins, look.findings, strict=True)
        if finding.movement is not Movement.NONE
    )
    path = manifest_path(look.newest.version + 1)
    moved = {
        one.table: TablePin(
            version=one.to_version, operation_id=sidecar.operation_id, ref=refs[one.table]
        )
        for one in outcomes
    }
    row = replace(
        _recovery_row(sidecar),
        commit_id=f"{sidecar.operation_id}-rolled-back",
        decision=Decision.ROLLED_BACK,
        merged_id=NO_PARENT,
        outcomes=outcomes,
    )
    reach(points.ROLLBACK_BEFORE, path)
    edit = Edit(branch=sidecar.branch, moved=moved)
    published = publish(store, look.newest, edit, row)
    reach(points.ROLLBACK_AFTER, path)
    return published


def _restore(
    store: Store, sidecar: Sidecar, pin: Pin, finding: Finding, above: tuple[TableVersion, ...]
) -> Outcome:
    """Commit the content from before as the next version, unless that has been done already."""
    table = store.schema.table(pin.table)
    own = [version for version in above if version.operation_id == sidecar.operation_id]
    left = [version for version in own if version.restores is None][-1]
    if finding.movement is Movement.RESTORED:
        restored = next(version for version in own if version.restores is not None)
    else:
        before = read_version(store, table, pin.expected, pin.begun_at)
        restored = replace(
            before,
            version=finding.head + 1,
            parent=finding.head,
            operation_id=sidecar.operation_id,
            restores=pin.expected,
            ref=pin.ref,
        )
        reach(points.RESTORE_BEFORE, restored.path)
        if not commit_table(store, points.TABLE_RESTORE, restored):
            raise OvertakenError(str(sidecar), f"somebody without the lock made {restored.path!r}")
        reach(points.RESTORE_AFTER, restored.path)
    return Outcome(
        table=pin.table,
        from_version=left.version,
        to_version=restored.version,
        restores=pin.expected,
    )


def _recovery_row(sidecar: Sidecar) -> LineageRow:
    """Return the lineage row of a recovery, all of it derived from the sidecar."""
    return LineageRow(
        commit_id=sidecar.operation_id,
        parent_id=NO_PARENT,
        operation_id=sidecar.operation_id,
        actor=RECOVERY_ACTOR,
        kind=sidecar.kind,
        started_us=sidecar.started_us,
        merged_id=sidecar.merged_id,
    )


def _refuse(sidecar: Sidecar, look: _Look) -> NoReturn:
    """Raise what names the sidecar, what it was about, and what was found."""
    findings = tuple(str(finding) for finding in look.findings)
    raise UndecidableSidecarError(sidecar.path, str(sidecar), findings)
