"""The rows that a branch sees at a graph version. It never looks at anything newer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.manifest import branch_of
from engine.graph.table import live_rows, read_version

if TYPE_CHECKING:
    from engine.graph.manifest import Manifest
    from engine.graph.schema import Row
    from engine.graph.store import Store


def rows_of(store: Store, manifest: Manifest, branch: str, key: str) -> list[Row]:
    """Return the rows of a table, under whose schema the store is."""
    table, pin = store.schema.table(key), branch_of(manifest, branch).pin(key)
    return live_rows(store, table, read_version(store, table, pin.version, pin.ref))


def all_rows_of(store: Store, manifest: Manifest, branch: str) -> dict[str, list[Row]]:
    """Return the rows of all tables, under whose schema the store is."""
    return {key: rows_of(store, manifest, branch, key) for key in store.schema.tables}
