"""Before a write: is the table where the manifest says, and if not, why not?

A table ahead of the manifest holds work that nobody published. Writing on top would publish it
under another name, so the write is refused, with advice that depends on whether a sidecar
accounts for it. Call this while holding the table's lock. It never writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.errors import DriftAdvice, DriftError, GraphError
from engine.graph.sidecar import pending_sidecars
from engine.graph.table import TableVersion, head_version, read_version
from engine.storage import StorageError

if TYPE_CHECKING:
    from engine.graph.schema import TableSchema
    from engine.graph.store import Store


def undrifted_version(store: Store, table: TableSchema, pinned: int) -> TableVersion:
    """Return the pinned version if it is HEAD, or raise `DriftError`."""
    head = head_version(store, table, pinned)
    if head > pinned:
        advice, detail = _advise(store, table.key)
        raise DriftError(table.key, pinned=pinned, head=head, advice=advice, detail=detail)
    return read_version(store, table, pinned)


def _advise(store: Store, table: str) -> tuple[DriftAdvice, str]:
    """Look for a sidecar that pins the table; when looking fails, that is the advice."""
    try:
        sidecars = pending_sidecars(store)
    except (GraphError, StorageError, OSError) as cause:
        return DriftAdvice.UNKNOWN, str(cause)
    for sidecar in sidecars:
        if any(pin.table == table for pin in sidecar.pins):
            return DriftAdvice.COVERED, str(sidecar)
    return DriftAdvice.UNCOVERED, ""
