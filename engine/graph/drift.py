"""Before a write: is the table where the manifest says, and if not, why not?

A table ahead of the manifest holds work that nobody published. Writing on top would publish it
under another name, so the write is refused, with advice that depends on whether a sidecar of the
same branch accounts for it. Call this while holding the table's lock. It never
moves a table; it removes a fork that is nobody's, where a branch begins one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.branch_errors import ForkUnknownError
from engine.graph.errors import DriftAdvice, DriftError, GraphError
from engine.graph.forks import ForkState, classify_fork, reclaim_fork
from engine.graph.sidecar import pending_sidecars
from engine.graph.table import TableVersion, head_version, read_version, versions_directory
from engine.storage import StorageError

if TYPE_CHECKING:
    from engine.graph.branch import Branch, TablePin
    from engine.graph.schema import TableSchema
    from engine.graph.store import Store


def undrifted_version(store: Store, table: TableSchema, branch: Branch) -> TableVersion:
    """Return the version that a branch sees if nothing stands above it where a write would land.

    Raises `DriftError`.
    """
    pin = branch.pin(table.key)
    if pin.ref != branch.id:
        _clear_the_way(store, table, branch, pin)
        return read_version(store, table, pin.version, pin.ref)
    head = head_version(store, table, pin.version, pin.ref)
    if head > pin.version:
        advice, detail = _advise(store, table.key, pin.ref)
        raise DriftError(table.key, pinned=pin.version, head=head, advice=advice, detail=detail)
    return read_version(store, table, pin.version, pin.ref)


def _clear_the_way(store: Store, table: TableSchema, branch: Branch, pin: TablePin) -> None:
    """Make sure that a branch's first write to a table begins its fork afresh.

    What an operation left there that waits for recovery is refused; what is nobody's, removed.
    """
    paths = store.storage.list(points.FORK_LIST, versions_directory(table, branch.id))
    if not paths:
        return
    advice, detail = _advise(store, table.key, branch.id)
    match classify_fork(branch, table.key, branch.id, advice):
        case ForkState.ORPHAN:
            reclaim_fork(store, table, branch.id)
        case ForkState.INDETERMINATE:
            raise ForkUnknownError(table.key, detail)
        case ForkState.LEGITIMATE:
            raise DriftError(
                table.key,
                pinned=pin.version,
                head=pin.version + len(paths),
                advice=advice,
                detail=detail,
            )


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
