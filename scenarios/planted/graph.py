"""Wrong graph engines, each wrong in one step of its commit or its recovery.

`killpoint run scenarios/planted` finds every one. A plant replaces a function of the engine in the
process that calls it; it never changes what is on disk by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import audit, commit, points, recovery
from engine.graph import graph as handles
from engine.graph.operation import Decision
from scenarios.graph import writes
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.graph.audit import AuditRow
    from engine.graph.manifest import LineageRow, Manifest
    from engine.graph.store import Store


def skip_publish_of_rollback() -> None:
    """Restore the tables and pretend that the publish went through."""
    sound = commit.publish

    def publish(
        store: Store, base: Manifest, tables: dict[str, int], row: LineageRow
    ) -> Manifest | None:
        if row.decision is not Decision.ROLLED_BACK:
            return sound(store, base, tables, row)
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
        (commit, "newer_manifest"),
        (handles, "newer_manifest"),
        (handles.Graph, "close"),
    ):
        put(home, name, _paid_first(right(home, name), pay))


def _paid_first(sound: Callable[..., Any], pay: Callable[[], None]) -> Callable[..., Any]:
    def wrong(*arguments: Any) -> Any:  # noqa: ANN401 -- stands for any call
        pay()
        return sound(*arguments)

    return wrong


BUGS = (
    Bug(
        name="rollback_unpublished",
        mechanism="a rollback restores the tables and does not publish them",
        expected="manifest equals HEAD",
        plant=skip_publish_of_rollback,
    ),
    Bug(
        name="audited_twice",
        mechanism="recovery writes a second audit row",
        expected="exactly one audit row",
        plant=second_audit_row,
    ),
    Bug(
        name="acknowledged_early",
        mechanism="an operation is acknowledged before phase C",
        expected="acknowledged means settled",
        plant=acknowledge_before_phase_c,
    ),
)

SCENARIOS = tuple(planted(bug, writes.SCENARIOS[0]) for bug in BUGS)
