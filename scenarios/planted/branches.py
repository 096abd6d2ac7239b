"""Wrong engines, each wrong about branches in one step.

They never change what a write to main does, unless it is about a branch by mistake.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import audit, commit, manifest, points, recovery
from engine.graph.classify import Movement
from engine.graph.manifest import NO_PARENT
from engine.graph.operation import Decision
from engine.graph.table import MAIN, versions_directory
from killpoint.invariants import OPENS
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    from engine.graph.audit import AuditRow
    from engine.graph.manifest import Edit, LineageRow, Manifest
    from engine.graph.sidecar import Sidecar
    from engine.graph.store import Store
    from engine.graph.table import TableVersion
    from killpoint.failpoints import Effect


def judge_by_main() -> None:
    """Look for what a dead operation did on main, whatever branch it worked on."""
    sound = right(recovery, "_look")

    def look(store: Store, sidecar: Sidecar, newest: Manifest) -> Any:  # noqa: ANN401
        pins = tuple(replace(pin, ref=MAIN, begun_at=MAIN) for pin in sidecar.pins)
        return sound(store, replace(sidecar, branch=MAIN, pins=pins), newest)

    put(recovery, "_look", look)


def move_every_branch() -> None:
    """Publish a table's new version for all branches that saw the old one."""
    sound = manifest.Manifest.after

    def after(self: Manifest, edit: Edit, row: LineageRow) -> Manifest:
        whole = sound(self, edit, row)
        moved = {
            name: replace(one, tables={**one.tables, **edit.moved})
            for name, one in whole.branches.items()
        }
        return replace(whole, branches=moved)

    put(manifest.Manifest, "after", after)


def judge_by_what_is_missing() -> None:
    """Take a branch for deleted when its fork is missing, not when the manifest lacks it."""
    sound = right(recovery, "_decided")

    def decided(store: Store, sidecar: Sidecar, newest: Manifest) -> AuditRow | None:
        row: AuditRow | None = sound(store, sidecar, newest)
        if row is not None and row.decision is Decision.DISCARDED:
            pin = sidecar.pins[0]
            directory = versions_directory(store.schema.table(pin.table), pin.ref)
            return None if store.storage.list(points.FORK_LIST, directory) else row
        return row

    put(recovery, "_decided", decided)


def change_fork_in_place() -> None:
    """Commit a fork's next version over the one before, too, if that is on the fork."""
    sound = commit.commit_table

    def commit_table(store: Store, effect: Effect, version: TableVersion) -> bool:
        before = replace(version, version=version.parent)
        if version.ref != MAIN and store.storage.exists(points.TABLE_READ, before.path):
            store.storage.put(points.SIDECAR_PUT, before.path, before.to_bytes())
        return sound(store, effect, version)

    put(commit, "commit_table", commit_table)


def discard_again() -> None:
    """Write a row for each attempt to discard an operation."""
    sound = audit.put_audit

    def put_audit(store: Store, row: AuditRow) -> None:
        sound(store, row)
        if row.decision is Decision.DISCARDED:
            count = len(store.storage.list(points.AUDIT_LIST, audit.AUDIT_DIRECTORY))
            path = f"{audit.AUDIT_DIRECTORY}/{row.operation_id}-{count}.json"
            store.storage.put_if_absent(points.AUDIT_PUT, path, row.to_bytes())

    put(recovery, "put_audit", put_audit)


def publish_parts() -> None:
    """Take whatever a dead merge had committed of a table for all of it."""
    sound_classify, sound_forward = right(recovery, "classify"), right(recovery, "_roll_forward")

    def classify(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 -- as the right step
        finding = sound_classify(*arguments, **named)
        if finding.movement is Movement.PARTIAL:
            return replace(finding, movement=Movement.AT_HEAD)
        return finding

    def roll_forward(store: Store, sidecar: Sidecar, look: Any) -> Any:  # noqa: ANN401
        heads = {finding.table: finding.head for finding in look.findings}
        return sound_forward(store, sidecar.confirmed(heads), look)

    put(recovery, "classify", classify)
    put(recovery, "_roll_forward", roll_forward)


def forget_what_was_merged() -> None:
    """Publish a dead merge as a commit like any other."""
    sound = right(recovery, "_recovery_row")

    def row(sidecar: Sidecar) -> LineageRow:
        whole: LineageRow = sound(sidecar)
        return replace(whole, merged_id=NO_PARENT)

    put(recovery, "_recovery_row", row)


BUGS = (
    Bug(
        name="merged_in_part",
        mechanism="recovery publishes a merge that nobody has confirmed",
        expected="all or nothing",
        plant=publish_parts,
        about=("graph.merge.forward",),
        rows=("28",),
    ),
    Bug(
        name="merged_unknown",
        mechanism="recovery publishes a merge without its second parent",
        expected="lineage is whole",
        plant=forget_what_was_merged,
        about=("graph.merge.forward",),
        rows=("47",),
    ),
    Bug(
        name="judged_by_main",
        mechanism="recovery looks at main for what was done on a branch",
        expected="manifest equals HEAD",
        plant=judge_by_main,
        about=("graph.branch.write",),
        rows=("42",),
    ),
    Bug(
        name="branches_moved",
        mechanism="what is published on a branch moves the others, too",
        expected="other branches and tables are untouched",
        plant=move_every_branch,
        about=("graph.branch.write",),
    ),
    Bug(
        name="fork_changed_in_place",
        mechanism="committing a version on a fork changes the one before, too",
        expected="old versions of branches read the same",
        plant=change_fork_in_place,
        about=("graph.branch.write",),
    ),
    Bug(
        name="deleted_branch_wedges",
        mechanism="an operation of a deleted branch stands in everybody's way",
        expected=OPENS,
        plant=judge_by_what_is_missing,
        about=("graph.branch.orphan",),
        rows=("64",),
    ),
    Bug(
        name="discarded_twice",
        mechanism="each attempt to discard an operation is audited",
        expected="the audit agrees with the lineage",
        plant=discard_again,
        about=("graph.branch.orphan",),
        rows=("66",),
    ),
)
SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
