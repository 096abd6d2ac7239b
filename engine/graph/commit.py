"""One operation, phases A to D; and the only functions that move a table's HEAD or the manifest.

    locks       the schema's, shared; the operation's own and those of all tables that it may
                change or look at
    plan        against a fresh manifest: what each becomes; a strict operation is refused if a
                table has moved since it was read, any if one has drifted; nothing is written yet
    stage       fragments, which nothing refers to
    A           the sidecar: from here on a crash is recovered
    B           each table's next version, one after the other
    C           the next graph version, with the lineage row: readers see all of it at once
    D           the sidecar goes; failing here changes nothing, because all is published

An operation that fails while its process lives takes its sidecar back if no table has moved; what
has moved stays for the heal of the next write, or for recovery. It never acknowledges before C, and
never moves a table that its sidecar does not pin.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.drift import undrifted_version
from engine.graph.errors import (
    ExpectedVersionMismatchError,
    OvertakenError,
    SchemaMovedError,
    TableBusyError,
)
from engine.graph.fragment import encode_rows
from engine.graph.manifest import (
    LineageRow,
    Manifest,
    TablePin,
    manifest_path,
    newer_manifest,
    publication,
)
from engine.graph.record import digest
from engine.graph.sidecar import (
    SCHEMA_LOCK,
    Pin,
    Sidecar,
    delete_sidecar,
    operation_lock,
    pending_paths,
    put_sidecar,
    table_lock,
)
from engine.graph.table import (
    Fragment,
    TableVersion,
    fragment_path,
    versions_after,
)
from engine.storage import LockBusyError
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.graph.operation import Kind
    from engine.graph.schema import Row, TableSchema
    from engine.graph.store import Store
    from killpoint.failpoints import Effect

PUBLISH_ATTEMPTS_MAX = 6

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a table becomes: fragments of the version before that stay, and new rows."""

    kept: tuple[Fragment, ...]
    rows: tuple[Row, ...]


Planner = Callable[[Mapping[str, TableVersion]], Mapping[str, Change]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An operation before it runs: who does what, to which tables, and how the changes are planned.

    `tables` must stand still while it is planned and committed. `strict` are the versions that
    some of them must still have, because the operation rests on what they held. `plan` is handed
    their current versions, and returns changes for those that change.
    """

    kind: Kind
    actor: str
    tables: tuple[str, ...]
    strict: Mapping[str, int]
    plan: Planner


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an acknowledged operation gets: its id, and the graph version that shows it."""

    operation_id: str
    graph_version: int


def run(store: Store, known: Manifest, work: Work) -> tuple[Receipt, Manifest]:
    """Carry the operation out and return its receipt with the manifest that shows it.

    `known` may be old. An operation that changes no table leaves nothing on disk. From before
    the sidecar until it is gone, nobody else can move these tables.
    """
    operation = store.ids.mint()
    tables = {key: store.schema.table(key) for key in work.tables}
    with _hold(store, operation, tables):
        base = newer_manifest(store, known)
        if base.schema_hash != store.schema.hash:
            raise SchemaMovedError
        _check_strict(base, work)
        before = {
            key: undrifted_version(store, table, base.pinned(key)) for key, table in tables.items()
        }
        changes = work.plan(before)
        if not changes:
            return Receipt(operation_id=operation, graph_version=base.version), base
        versions = {
            key: _stage(store, operation, tables[key], before[key], changes[key])
            for key in sorted(changes)
        }
        sidecar = Sidecar(
            operation_id=operation,
            kind=work.kind,
            actor=work.actor,
            started_us=store.clock.now_us(),
            base=base.version,
            pins=tuple(
                Pin(table=key, expected=one.parent, post=one.version)
                for key, one in versions.items()
            ),
        )
        try:
            _phase_a(store, sidecar)
            _phase_b(store, sidecar, versions.values())
            published = _phase_c(store, base, sidecar)
        except Exception:
            _withdraw(store, sidecar)
            raise
        _phase_d(store, sidecar)
    return Receipt(operation_id=operation, graph_version=published.version), published


def commit_table(store: Store, effect: Effect, version: TableVersion) -> bool:
    """Make this version the table's HEAD, unless somebody else made one of that number."""
    return store.storage.put_if_absent(effect, version.path, version.to_bytes())


def publish(
    store: Store, base: Manifest, tables: Mapping[str, int], row: LineageRow
) -> Manifest | None:
    """Make the next graph version, with these tables moved, or return None if one is there.

    This is the compare-and-swap of the whole store: the caller has looked at `base` and decided,
    and the decision stands only if nobody has published since.
    """
    moved = {
        key: TablePin(version=version, operation_id=row.operation_id)
        for key, version in tables.items()
    }
    manifest = Manifest(
        version=base.version + 1,
        schema_hash=base.schema_hash,
        tables={**base.tables, **moved},
        row=replace(row, parent_id=base.row.commit_id),
    )
    path = manifest_path(manifest.version)
    if store.storage.put_if_absent(points.MANIFEST_PUBLISH, path, manifest.to_bytes()):
        return manifest
    return None


@contextmanager
def _hold(store: Store, operation: str, tables: Iterable[str]) -> Iterator[None]:
    """Hold the locks of an operation, or say which live operation is in the way."""
    names = (operation_lock(operation), *(table_lock(key) for key in tables))
    fence = store.storage.fence
    with ExitStack() as held:
        try:
            held.enter_context(fence.hold_shared(SCHEMA_LOCK, store.wait_s))
            held.enter_context(fence.hold_all(names, store.wait_s))
        except LockBusyError as busy:
            pending = tuple(pending_paths(store.storage))
            raise TableBusyError(busy.name, pending, store.wait_s) from busy
        yield


def _check_strict(base: Manifest, work: Work) -> None:
    """Refuse an operation that rests on a version that is no longer the current one."""
    for key, expected in sorted(work.strict.items()):
        actual = base.pinned(key)
        if actual != expected:
            raise ExpectedVersionMismatchError(key, expected=expected, actual=actual)


def _stage(
    store: Store, operation: str, table: TableSchema, before: TableVersion, change: Change
) -> TableVersion:
    """Write the new rows where nothing refers to them, and return the version that will."""
    fragments = change.kept
    if change.rows:
        path = fragment_path(table, operation, 0)
        data = encode_rows(table, change.rows)
        if not store.storage.put_if_absent(points.FRAGMENT_PUT, path, data):
            raise OvertakenError(operation, "an earlier operation had the same id")
        staged = Fragment(path=path, rows_count=len(change.rows), digest=digest(data))
        fragments = (*fragments, staged)
    return TableVersion(
        key=table.home,
        version=before.version + 1,
        parent=before.version,
        operation_id=operation,
        fragments=fragments,
    )


def _phase_a(store: Store, sidecar: Sidecar) -> None:
    """Write the intent down. If this fails, nothing has moved."""
    reach(points.PHASE_A_BEFORE, sidecar.path)
    put_sidecar(store, sidecar)
    reach(points.PHASE_A_AFTER, sidecar.path)


def _phase_b(store: Store, sidecar: Sidecar, versions: Iterable[TableVersion]) -> None:
    """Commit table by table. Dying between two of them is what recovery is for."""
    for version in versions:
        reach(points.PHASE_B_BEFORE, version.path)
        if not commit_table(store, points.TABLE_COMMIT, version):
            reason = f"somebody without the lock made {version.path!r}"
            raise OvertakenError(str(sidecar), reason)
        reach(points.PHASE_B_AFTER, version.path)


def _phase_c(store: Store, base: Manifest, sidecar: Sidecar) -> Manifest:
    """Publish. Losing to an operation on other tables is normal, so look again and try again."""
    row = LineageRow(
        commit_id=sidecar.operation_id,
        parent_id=base.row.commit_id,
        operation_id=sidecar.operation_id,
        actor=sidecar.actor,
        kind=sidecar.kind,
        started_us=sidecar.started_us,
    )
    moved = {pin.table: pin.post for pin in sidecar.pins}
    for _ in range(PUBLISH_ATTEMPTS_MAX):
        path = manifest_path(base.version + 1)
        reach(points.PHASE_C_BEFORE, path)
        published = publish(store, base, moved, row)
        if published is None:
            newest = newer_manifest(store, base)
            published = publication(store, sidecar.operation_id, base.version, newest)
            base = newest
        if published is not None:
            reach(points.PHASE_C_AFTER, path)
            return published
        _check_unmoved(base, sidecar)
    reason = f"others published {PUBLISH_ATTEMPTS_MAX} times before it could"
    raise OvertakenError(str(sidecar), reason)


def _check_unmoved(newest: Manifest, sidecar: Sidecar) -> None:
    """Refuse to publish over somebody who moved one of our tables without its lock."""
    for pin in sidecar.pins:
        found = newest.pinned(pin.table)
        if found != pin.expected:
            reason = f"{pin.table!r} was published at {found}, not at {pin.expected}"
            raise OvertakenError(str(sidecar), reason)


def _withdraw(store: Store, sidecar: Sidecar) -> None:
    """Take back the intent of an operation that failed before it moved anything.

    The locks are held. If this fails, too, the heal of the next write closes the sidecar.
    """
    try:
        for pin in sidecar.pins:
            above = versions_after(store, store.schema.table(pin.table), pin.expected)
            if any(version.operation_id == sidecar.operation_id for version in above):
                return
        delete_sidecar(store, sidecar)
    except Exception:  # noqa: BLE001 -- the caller is told what went wrong first
        _log.warning(
            "operation %s failed, and %s stays until the next write",
            sidecar.operation_id,
            sidecar.path,
            exc_info=True,
        )


def _phase_d(store: Store, sidecar: Sidecar) -> None:
    """Clear the intent away. The data is published, so failing here must not fail the caller."""
    try:
        reach(points.PHASE_D_BEFORE, sidecar.path)
        delete_sidecar(store, sidecar)
        reach(points.PHASE_D_AFTER, sidecar.path)
    except Exception:  # noqa: BLE001 -- whatever it was, the operation stands
        _log.warning(
            "operation %s is published, but %s stays until the next write",
            sidecar.operation_id,
            sidecar.path,
            exc_info=True,
        )
