"""Keeping tables small and their indices complete, without changing a row.

    look       which tables need it: more than one fragment, rows that are marked as gone, or
               fragments that no index covers; a table that needs nothing is not touched
    stage      under the locks of those: one fragment with all live rows, then an index over it
    phases     like any operation, with one or two versions a table: `commit`

Every version says whose rows it holds, so whoever had read those may go on. A table that has
drifted is left to repair, and all of it waits for recovery. It never changes what a reader sees,
never writes a sidecar when there is nothing to do, and never touches a table of another branch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.graph.commit import carry_through
from engine.graph.drift import undrifted_version
from engine.graph.errors import DamagedFileError, DriftError, SchemaMovedError
from engine.graph.index import coverage_of, uncovered
from engine.graph.manifest import Manifest, branch_of, newer_manifest
from engine.graph.repair import refuse_pending
from engine.graph.sidecar import Sidecar, table_lock
from engine.graph.staging import Place, put_index, put_rows
from engine.graph.table import MAIN, TableVersion, live_rows, read_version
from engine.graph.work import hold, pins_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.graph.branch import Branch
    from engine.graph.operation import Kind
    from engine.graph.store import Store

FRAGMENTS_MAX = 1  # of an optimized table


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """Who asks for what on which branch (an id): indices, and fragments put together or not."""

    kind: Kind
    actor: str
    compact: bool
    branch: str = MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Cared:
    """What maintenance came to: the tables that it moved, and why others were left.

    If it moved none, no graph version knows the operation.
    """

    operation_id: str
    graph_version: int
    moved: tuple[str, ...]
    skipped: Mapping[str, str]


def take_care(store: Store, known: Manifest, care: Care) -> tuple[Cared, Manifest]:
    """Do what the tables of a branch need, in one operation, and return the manifest after it.

    Raises `RecoveryPendingError` while a dead operation waits for recovery.
    """
    operation = store.ids.mint()
    known = newer_manifest(store, known)
    needy = [
        key
        for key in _own_tables(store, branch_of(known, care.branch))
        if _needs(store, known, care, key)
    ]
    if not needy:
        return _cared(operation, known), known
    locks = tuple(table_lock(key, care.branch) for key in needy)
    with hold(store, operation, locks):
        refuse_pending(store, locks)
        base = newer_manifest(store, known)
        if base.schema_hash != store.schema.hash:
            raise SchemaMovedError
        branch = branch_of(base, care.branch)
        versions: dict[str, tuple[TableVersion, ...]] = {}
        skipped: dict[str, str] = {}
        for key in needy:
            place = Place(operation=operation, table=store.schema.table(key), ref=branch.id)
            try:
                before = undrifted_version(store, place.table, branch)
            except DriftError as drift:
                skipped[key] = str(drift)
                continue
            steps = _stage(store, place, before, care)
            versions |= {key: steps} if steps else {}
        if versions:
            sidecar = Sidecar(
                operation_id=operation,
                kind=care.kind,
                actor=care.actor,
                started_us=store.clock.now_us(),
                base=base.version,
                branch=branch.id,
                pins=pins_of(branch, versions),
            )
            base = carry_through(store, base, sidecar, versions)
    return _cared(operation, base, tuple(versions), skipped), base


def _cared(
    operation: str,
    newest: Manifest,
    moved: tuple[str, ...] = (),
    skipped: Mapping[str, str] | None = None,
) -> Cared:
    """Return what it came to."""
    return Cared(
        operation_id=operation,
        graph_version=newest.version,
        moved=moved,
        skipped=skipped or {},
    )


def _own_tables(store: Store, branch: Branch) -> list[str]:
    """Return the tables that a branch has written; what it inherits is not its own."""
    return [key for key in sorted(store.schema.tables) if branch.pin(key).ref == branch.id]


def _needs(store: Store, known: Manifest, care: Care, key: str) -> bool:
    """Whether a table needs anything, as readers see it; no lock is held.

    What was cleaned up in the meantime is not there: under the lock it is looked at again.
    """
    table = store.schema.table(key)
    pin = branch_of(known, care.branch).pin(key)
    try:
        version = read_version(store, table, pin.version, pin.ref)
    except DamagedFileError:
        return True
    return _is_scattered(care, version) or bool(uncovered(table, version))


def _is_scattered(care: Care, version: TableVersion) -> bool:
    """Whether the live rows of a version should be put together."""
    fragments = version.fragments
    return care.compact and (
        len(fragments) > FRAGMENTS_MAX or any(fragment.deleted for fragment in fragments)
    )


def _stage(
    store: Store, place: Place, before: TableVersion, care: Care
) -> tuple[TableVersion, ...]:
    """Write what a table lacks where nothing refers to it, and return the versions that will."""
    steps: list[TableVersion] = []
    newest = before
    if _is_scattered(care, newest):
        fragment = put_rows(store, place, 0, live_rows(store, place.table, newest))
        newest = _next(place, before, replace(newest, fragments=(fragment,)))
        steps.append(newest)
    if uncovered(place.table, newest):
        index = put_index(store, place, coverage_of(store, place.table, newest))
        newest = _next(place, before, replace(newest, index=index))
        steps.append(newest)
    return tuple(steps)


def _next(place: Place, before: TableVersion, version: TableVersion) -> TableVersion:
    """Return the version as the one that follows it."""
    return replace(
        version,
        version=version.version + 1,
        parent=version.version,
        operation_id=place.operation,
        ref=place.ref,
        restores=None,
        rows_of=before.version,
    )
