"""Changing the schema: one operation like any other, but alone in the store.

    lock        the schema's, not shared: no operation and no recovery is at work beside it
    plan        the steps, on paper; no table may have drifted; every row as it will be is held
                against every rule as it will be; nothing is written yet
    stage       the new schema under its hash, and the rows of the tables that are rewritten:
                files that nothing refers to
    phases      the sidecar, the tables, the manifest: `commit`
    collect     what no graph version needs of the tables that were dropped hard

The manifest names the new schema and the tables that go with it, so both change in one step, and
forward or back in one step if this dies. A table that is added or only renamed moves no HEAD. It
never changes the rows of a graph version that is there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.branch import TablePin
from engine.graph.branch_errors import BranchesStandError
from engine.graph.catalogue import read_schema, under
from engine.graph.cleanup import clean_table
from engine.graph.commit import carry_through
from engine.graph.constraints import check_constraints
from engine.graph.draft import Draft
from engine.graph.drift import undrifted_version
from engine.graph.errors import GraphError, SchemaMovedError
from engine.graph.horizon import kept_from
from engine.graph.manifest import newer_manifest
from engine.graph.operation import Kind
from engine.graph.schema import directory_of, encode_schema, schema_path
from engine.graph.sidecar import Sidecar, operation_lock
from engine.graph.staging import Change, Place, stage
from engine.graph.steps import Migration, Step, migration_of
from engine.graph.table import MAIN, TableVersion, live_rows, no_version
from engine.graph.work import Receipt, alone, pins_of
from engine.storage import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph.manifest import Manifest
    from engine.graph.schema import Schema
    from engine.graph.store import Store

_log = logging.getLogger(__name__)


def apply_steps(
    store: Store, known: Manifest, steps: Iterable[Step], actor: str
) -> tuple[Receipt, Manifest]:
    """Carry the steps out, all or none, and return the receipt with the manifest that shows it.

    `known` may be old. Steps that change nothing leave nothing on disk.
    """
    operation = store.ids.mint()
    with alone(store, operation_lock(operation)):
        base = newer_manifest(store, known)
        if base.schema_hash != store.schema.hash:
            raise SchemaMovedError
        migration = migration_of(store.schema, steps, operation)
        if migration.changes_nothing:
            return Receipt(operation_id=operation, graph_version=base.version), base
        _check_no_branch(base)
        before = {
            key: undrifted_version(store, table, base.branches[MAIN])
            for key, table in store.schema.tables.items()
        }
        drafts = _drafts(store, migration, before)
        check_constraints(migration.after, drafts)
        versions = {
            key: stage(
                store,
                Place(operation=operation, table=drafts[to].table),
                before[key],
                (Change(kept=(), rows=tuple(drafts[to].new.values())),),
            )
            for key in migration.rewrites
            if before[key].fragments and (to := migration.renamed.get(key, key))
        }
        _put_schema(store, migration.after)
        sidecar = Sidecar(
            operation_id=operation,
            kind=Kind.SCHEMA_APPLY,
            actor=actor,
            started_us=store.clock.now_us(),
            base=base.version,
            pins=pins_of(base.branches[MAIN], versions),
            adopts=_adopts(base, migration, operation),
            renames=migration.renamed,
            drops=migration.dropped,
            schema_hash=migration.after.hash,
        )
        published = carry_through(store, base, sidecar, versions)
        for home in migration.collected:
            _collect(under(store, published), published, directory_of(home))
    return Receipt(operation_id=operation, graph_version=published.version), published


def _check_no_branch(base: Manifest) -> None:
    """Refuse while there are branches: their tables would be of another schema than they are."""
    names = tuple(sorted(name for name in base.branches if name != MAIN))
    if names:
        raise BranchesStandError(names)


def _drafts(
    store: Store, migration: Migration, before: Mapping[str, TableVersion]
) -> dict[str, Draft]:
    """Return every table as it will be, all of its rows put anew, so that all are looked at."""
    drafts = {
        key: Draft(store, table, no_version(table)) for key, table in migration.after.tables.items()
    }
    for key, version in before.items():
        if key not in migration.dropped:  # whose name may be another's by now
            draft = drafts[migration.renamed.get(key, key)]
            rewrite = migration.rewrites.get(key, dict)
            for row in live_rows(store, migration.before.table(key), version):
                draft.put(rewrite(row))
    return drafts


def _put_schema(store: Store, schema: Schema) -> None:
    """Write the schema under its hash; if it is there, from an apply before, it must be whole."""
    path = schema_path(schema.hash)
    if not store.storage.put_if_absent(points.SCHEMA_PUT, path, encode_schema(schema)):
        read_schema(store, schema.hash)


def _collect(store: Store, newest: Manifest, directory: str) -> None:
    """Remove what no graph version needs of a dropped table; the next cleanup does what is left."""
    try:
        clean_table(store, newest, kept_from(store.storage), directory)
    except (GraphError, StorageError, OSError):
        _log.warning("data of %s stays until the next cleanup", directory, exc_info=True)


def _adopts(base: Manifest, migration: Migration, operation: str) -> dict[str, TablePin]:
    """Return the tables that are published without being committed: new ones, and renamed ones."""
    renamed = {to: base.branches[MAIN].pin(key) for key, to in migration.renamed.items()}
    added = TablePin(version=0, operation_id=operation)
    return {**renamed, **dict.fromkeys(migration.added, added)}
