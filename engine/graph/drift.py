"""Before a write: is the table where the manifest says, and if not, why not?

A table ahead of the manifest holds work that nobody published. Writing on top would publish it
under another name, so the write is refused, with advice that depends on whether a sidecar of the
same branch accounts for it. Call this while holding the table's lock. It never writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.errors import DriftAdvice, DriftError, GraphError
from engine.graph.sidecar import pending_sidecars
from engine.graph.table import MAIN, TableVersion, head_version, read_version
from engine.storage import StorageError

if TYPE_CHECKING:
    from engine.graph.branch import TablePin
    from engine.graph.schema import TableSchema
    from engine.graph.store import Store


def undrifted_version(
    store: Store, table: TableSchema, pin: TablePin, ref: str = MAIN
) -> TableVersion:
    """Return the pinned version if nothing stands above it on the chain `ref`.

    That is where a write would land; at a branch's first write the pin stands on another chain.
    Raises `DriftError`.
    """
    head = head_version(store, table, pin.version, ref)
    if head > pin.version:
        advice, detail = _advise(store, table.key, ref)
        raise DriftError(table.key, pinned=pin.version, head=head, advice=advice, detail=detail)
    return read_version(store, table, pin.version, pin.ref)


def _advise(store: Store, table: str, ref: str) -> tuple[DriftAdvice, str]:
    """Look for a sidecar that pins the table there; when looking fails, that is the advice."""
    try:
        sidecars = pending_sidecars(store)
    except (GraphError, StorageError, OSError) as cause:
        return DriftAdvice.UNKNOWN, str(cause)
    for sidecar in sidecars:
        if any((pin.table, pin.ref) == (table, ref) for pin in sidecar.pins):
            return DriftAdvice.COVERED, str(sidecar)
    return DriftAdvice.UNCOVERED, ""
