"""Wrong graph engines, each wrong in one step of its commit or its recovery.

`killpoint run scenarios/planted` finds every one. A plant replaces a function of the engine in the
process that calls it; it never changes what is on disk by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import audit, commit, points, recovery, view, work
from engine.graph import graph as handles
from engine.graph.operation import Decision
from engine.graph.table import MAIN
from engine.storage import Local
from killpoint.invariants import KEPT_HANDLE
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.graph.audit import AuditRow
    from engine.graph.manifest import Edit, LineageRow, Manifest
    from engine.graph.store import Store
    from engine.graph.table import TableVersion
    from killpoint.failpoints import Effect


def skip_publish_of_rollback() -> None:
    """Restore the tables and pretend that the publish went through."""
    sound = commit.publish

    def publish(store: Store, base: Manifest, edit: Edit, row: LineageRow) -> Manifest | None:
        if row.decision is not Decision.ROLLED_BACK:
            return sound(store, base, edit, row)
        return replace(base, version=base.version + 1, row=replace(row, parent_id="nobody"))

    put(recovery, "publish", publish)


def second_audit_row() -> None:
    """Write the audit row once more under another name."""
    sound = audit.put_audit

    def put_audit(store: Store, row: AuditRow) -> None:
        sound(store, row)
        path = f"{audit.AUDIT_DIRECTORY}/{row.operation_id}-again.json"
        store.storage.put_if_absent(points.AUDIT_PUT, path, row.to_bytes())

    put(recovery, "put_audit", put_audit)


def leave_sidecars() -> None:
    """Settle an operation and forget to clear its sidecar away."""
    put(recovery, "delete_sidecar", lambda *_: None)


def tell_planned_outcomes() -> None:
    """Write into the audit what was planned, not what recovery led to."""
    sound = audit.put_audit

    def put_audit(store: Store, row: AuditRow) -> None:
        told = tuple(replace(each, to_version=each.from_version) for each in row.outcomes)
        sound(store, replace(row, outcomes=told))

    put(recovery, "put_audit", put_audit)


def audit_forward_always() -> None:
    """Take every published decision for a success."""
    sound = audit.put_audit

    def put_audit(store: Store, row: AuditRow) -> None:
        sound(store, replace(row, decision=Decision.ROLLED_FORWARD))

    put(recovery, "put_audit", put_audit)


def restore_twice() -> None:
    """Commit the content from before once more on top of the first restore."""
    sound = right(recovery, "_restore")

    def restore(store: Store, *told: Any) -> Any:  # noqa: ANN401 -- sidecar, pin, finding, above
        once = sound(store, *told)
        sidecar, pin, finding, above = told
        return sound(store, sidecar, pin, replace(finding, head=once.to_version), above)

    put(recovery, "_restore", restore)


def forget_the_parent() -> None:
    """Publish what recovery decided on top of no commit."""
    sound = commit.publish

    def publish(store: Store, base: Manifest, edit: Edit, row: LineageRow) -> Manifest | None:
        main = replace(base.branches[MAIN], head="")
        return sound(store, replace(base, branches={**base.branches, MAIN: main}), edit, row)

    put(recovery, "publish", publish)


def change_in_place() -> None:
    """Commit a table's next version over the one before, too."""
    sound = commit.commit_table

    def commit_table(store: Store, effect: Effect, version: TableVersion) -> bool:
        if version.parent:
            in_place = replace(version, version=version.parent)
            store.storage.put(points.SIDECAR_PUT, in_place.path, in_place.to_bytes())
        return sound(store, effect, version)

    put(commit, "commit_table", commit_table)


def sweep_nothing() -> None:
    """Leave what dead writers left half written."""
    put(Local, "sweep", lambda *_: ())


def reload_in_vain() -> None:
    """Take a new view at every heal, whether it has settled anything or not."""
    sound = right(view, "heal")

    def heal(store: Store, newest: Manifest) -> Manifest | None:
        healed: Manifest | None = sound(store, newest)
        return healed or newest

    put(view, "heal", heal)


def acknowledge_before_phase_c() -> None:
    """Return to the caller after phase B, and publish when the next operation comes or none."""
    owed: list[Callable[[], Any]] = []
    right_c, right_d = right(commit, "_phase_c"), right(commit, "_phase_d")

    def pay() -> None:
        while owed:
            owed.pop(0)()

    def phase_c(store: Store, base: Manifest, sidecar: Any) -> Manifest:  # noqa: ANN401
        pay()
        owed.append(lambda: right_c(store, base, sidecar))
        return base

    def phase_d(store: Store, sidecar: Any) -> None:  # noqa: ANN401 -- a Sidecar
        owed.append(lambda: right_d(store, sidecar))

    put(commit, "_phase_c", phase_c)
    put(commit, "_phase_d", phase_d)
    for home, name in (
        (work, "newer_manifest"),
        (view, "newer_manifest"),
        (handles.Graph, "close"),
    ):
        put(home, name, _paid_first(right(home, name), pay))


def _paid_first(sound: Callable[..., Any], pay: Callable[[], None]) -> Callable[..., Any]:
    def wrong(*arguments: Any) -> Any:  # noqa: ANN401 -- stands for any call
        pay()
        return sound(*arguments)

    return wrong


WRITES = ("graph.load.append", "graph.load.merge", "graph.insert")
BUGS = (
    Bug(
        name="rollback_unpublished",
        mechanism="a rollback restores the tables and does not publish them",
        expected="manifest equals HEAD",
        plant=skip_publish_of_rollback,
        about=WRITES,
        rows=("45",),
    ),
    Bug(
        name="sidecar_left",
        mechanism="recovery settles an operation and leaves its sidecar",
        expected="no sidecar is left",
        plant=leave_sidecars,
        about=WRITES,
    ),
    Bug(
        name="acknowledged_early",
        mechanism="an operation is acknowledged before phase C",
        expected="acknowledged means settled",
        plant=acknowledge_before_phase_c,
        about=WRITES,
    ),
    Bug(
        name="audited_twice",
        mechanism="recovery writes a second audit row",
        expected="exactly one audit row",
        plant=second_audit_row,
        about=WRITES,
        rows=("52", "L9"),
    ),
    Bug(
        name="outcomes_as_planned",
        mechanism="the audit tells other versions than those that recovery led to",
        expected="the audit tells the outcomes",
        plant=tell_planned_outcomes,
        about=WRITES,
        rows=("48",),
    ),
    Bug(
        name="audited_as_success",
        mechanism="a rollback is audited as rolled forward",
        expected="the audit agrees with the lineage",
        plant=audit_forward_always,
        about=WRITES,
        rows=("L4",),
    ),
    Bug(
        name="restored_twice",
        mechanism="a rollback restores each table once more than it should",
        expected="HEAD moved as often as decided",
        plant=restore_twice,
        about=WRITES,
        rows=("76",),
    ),
    Bug(
        name="parent_forgotten",
        mechanism="recovery publishes on top of no commit",
        expected="lineage is whole",
        plant=forget_the_parent,
        about=WRITES,
    ),
    Bug(
        name="changed_in_place",
        mechanism="committing a table's version changes the one before, too",
        expected="old versions read the same",
        plant=change_in_place,
        about=WRITES,
    ),
    Bug(
        name="unswept",
        mechanism="an opening leaves the temporary files of the dead",
        expected="no residue",
        plant=sweep_nothing,
        about=WRITES,
    ),
    Bug(
        name="reloaded_in_vain",
        mechanism="a live handle reloads although what is pending was deferred",
        expected=KEPT_HANDLE,
        plant=reload_in_vain,
        about=WRITES,
        rows=("68",),
    ),
)

SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
