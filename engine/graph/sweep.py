"""Going over all sidecars: who is dead, and in which order the dead are settled.

Two occasions. An opening for writing settles everything, with rollbacks. A live handle heals
before each write: it publishes what is complete, closes what had no effect, waits for nobody, and
leaves rollbacks to an opening, so that a handle in the middle of its work never turns a table back.

An operation's own lock tells whether its owner lives: if it is taken, its work is left alone. It
never decides what becomes of an operation; `recovery` does.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.catalogue import under
from engine.graph.errors import DamagedFileError
from engine.graph.manifest import newer_manifest, read_manifest
from engine.graph.recovery import Extent, Settled, refuse, settle
from engine.graph.sidecar import (
    SCHEMA_LOCK,
    Sidecar,
    operation_lock,
    pending_sidecars,
    read_sidecar,
)
from engine.storage import LockBusyError, NotFoundError
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from engine.graph.manifest import Manifest
    from engine.graph.store import Store

NO_WAIT_S = 0.0


def sweep(store: Store, newest: Manifest) -> Manifest:
    """Settle every dead operation, in order of their ids, and return the newest manifest.

    A sidecar that cannot be read raises before anything is touched. Those of the living are
    left alone.
    """
    reach(points.SWEEP_BEFORE)
    store.storage.sweep(points.TEMPORARY_LIST, points.TEMPORARY_DELETE)
    ends = _go_over(store, newest, Extent.WHOLE)
    newest = newer_manifest(store, newest)
    waiting = [sidecar for sidecar, end in ends if end is Settled.WAITS]
    if waiting and all(end is not Settled.LIVE for _, end in ends):
        refuse(_store_of(store, waiting[0]), waiting[0], newest)
    return newest  # what waits for the living is looked at by the next opening


def heal(store: Store, newest: Manifest) -> Manifest | None:
    """Settle what can be settled forward; return the newest manifest if that was anything.

    Costs one listing when there is nothing to do. Raises like `sweep` when a sidecar cannot be
    read, because then nobody knows what a write would run into.
    """
    ends = _go_over(store, newest, Extent.FORWARD_ONLY)
    return newer_manifest(store, newest) if any(end is Settled.DONE for _, end in ends) else None


def _go_over(store: Store, newest: Manifest, extent: Extent) -> list[tuple[Sidecar, Settled]]:
    """Try every sidecar; and again those that wait for another, as long as one gets settled."""
    waiting = pending_sidecars(store)
    for sidecar in waiting:
        _check_tables(_store_of(store, sidecar), sidecar)
    ends: dict[str, tuple[Sidecar, Settled]] = {}
    while waiting:
        tried = {one.path: (one, _recover(store, one, newest, extent)) for one in waiting}
        ends |= tried
        still = tuple(one for one, end in tried.values() if end is Settled.WAITS)
        if len(still) == len(waiting):
            break
        waiting = still
    return [*ends.values()]


def _check_tables(store: Store, sidecar: Sidecar) -> None:
    """Refuse a sidecar about tables that this store does not have."""
    for pin in sidecar.pins:
        if pin.table not in store.schema.tables:
            raise DamagedFileError(sidecar.path, f"the schema has no table {pin.table!r}")


def _recover(store: Store, listed: Sidecar, newest: Manifest, extent: Extent) -> Settled:
    """Settle one sidecar, if its owner is dead."""
    fence = store.storage.fence
    lock = fence.try_hold(operation_lock(listed.operation_id))
    if lock is None:
        return Settled.LIVE
    wait_s = store.wait_s if extent is Extent.WHOLE else NO_WAIT_S
    with ExitStack() as held:
        held.enter_context(lock)
        try:
            if listed.schema_hash:  # no live operation may be planned for the schema that goes
                held.enter_context(fence.hold_all((SCHEMA_LOCK,), wait_s))
            else:
                held.enter_context(fence.hold_shared(SCHEMA_LOCK, wait_s))
            held.enter_context(fence.hold_all(listed.table_locks, wait_s))
        except LockBusyError:
            return Settled.LIVE
        # Only now: the owner may have finished, or another recovery, since it was listed.
        sidecar = read_sidecar(store, listed.path)
        if sidecar is None:
            return Settled.GONE
        return settle(_store_of(store, sidecar), sidecar, newest, extent)


def _store_of(store: Store, sidecar: Sidecar) -> Store:
    """Return the store under the schema that the operation began with, which its pins speak of."""
    try:
        return under(store, read_manifest(store, sidecar.base))
    except NotFoundError as missing:
        reason = f"there is no graph version {sidecar.base}, from which it started"
        raise DamagedFileError(sidecar.path, reason) from missing
