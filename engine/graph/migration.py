"""Bringing a store of an older layout up to date, before anything of it is looked at.

    layout 0   one `schema.json`, by no hash; work was done on branches of its own, called
               `__run__` and something, and a death could leave them behind
    layout 1   schemas by their hash; whoever wants a branch of such a name may have one

Alone in the store, and each step can be repeated: the schema gets the file that bears its hash, the
branches that runs have left are deleted, the old file goes, and last the layout is written down,
after which nobody does any of this again. Of two openings one does it, and the other finds it
done. It never touches a table, a fork or a graph version that is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.catalogue import read_schema
from engine.graph.commit import publish_whole
from engine.graph.errors import DamagedFileError, OldLayoutError
from engine.graph.genesis import FORMAT_PATH, LAYOUT, layout_file, read_layout
from engine.graph.manifest import LineageRow, Manifest, newest_manifest
from engine.graph.operation import Kind
from engine.graph.schema import decode_schema, encode_schema, schema_path
from engine.graph.work import alone
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from engine.graph.store import Store

OLD_SCHEMA_PATH = "schema.json"
RUN_PREFIX = "__run__"
MIGRATION = "layout-1"  # what the commits that delete the runs' branches begin with
MIGRATION_ACTOR = "migration"


def settle_layout(store: Store, *, may_write: bool) -> None:
    """Return when the store has the layout that the engine knows.

    Raises `OldLayoutError` if that would take writing and this may not write, `FutureFormatError`
    for a newer layout, `NotAStoreError` for what is no complete store.
    """
    layout = read_layout(store.storage)
    if layout == LAYOUT:
        return
    if not may_write:
        raise OldLayoutError(layout, LAYOUT)
    with alone(store):
        if read_layout(store.storage) == LAYOUT:
            return  # another opening has done it while this one waited
        newest = newest_manifest(store)
        _move_schema(store, newest)
        _drop_runs(store, newest)
        store.storage.delete(points.MIGRATE_DELETE, OLD_SCHEMA_PATH)
        _put_layout(store)


def _move_schema(store: Store, newest: Manifest) -> None:
    """Give the schema the file that bears its hash, which the manifests have always named."""
    try:
        data = store.storage.get(points.SCHEMA_READ, OLD_SCHEMA_PATH)
    except NotFoundError:
        read_schema(store, newest.schema_hash)  # a migration that died has moved it: all is well
        return
    schema = decode_schema(OLD_SCHEMA_PATH, data)
    if schema.hash != newest.schema_hash:
        reason = f"it is not the schema {newest.schema_hash} that the newest manifest names"
        raise DamagedFileError(OLD_SCHEMA_PATH, reason)
    path = schema_path(schema.hash)
    store.storage.put_if_absent(points.MIGRATE_SCHEMA, path, encode_schema(schema))


def _drop_runs(store: Store, newest: Manifest) -> None:
    """Delete the branches of runs, one graph version each; what they alone saw is for cleanup.

    Alone in the store, nobody else publishes.
    """
    for name in sorted(newest.branches):
        if name.startswith(RUN_PREFIX):
            gone = newest.branches[name]
            commit = f"{MIGRATION}-{gone.id}"
            row = LineageRow(
                commit_id=commit,
                parent_id=gone.head,
                operation_id=commit,
                actor=MIGRATION_ACTOR,
                kind=Kind.BRANCH_DELETE,
                started_us=store.clock.now_us(),
                branch=gone.id,
            )
            left = {each: one for each, one in newest.branches.items() if each != name}
            newest = newest.followed_by(left, row)
            publish_whole(store, newest)


def _put_layout(store: Store) -> None:
    """Write down that the store has the layout of today."""
    store.storage.put(points.MIGRATE_LAYOUT, FORMAT_PATH, layout_file())
