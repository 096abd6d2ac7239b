"""The phases of an operation, A to D; and the only functions that move a table or the manifest.

    A           the sidecar: from here on a crash is recovered
    B           each table's next versions, one table after the other
    confirm     only where a table is committed several times: the sidecar is replaced by one that
                says which versions were reached
    C           the next graph version, with the lineage row: readers see all of it at once
    D           the sidecar goes; failing here changes nothing, because all is published

An operation that fails while its process lives takes its sidecar back if no table has moved; what
has moved stays for the heal of the next write, or for recovery. It never acknowledges before C, and
never moves a table that its sidecar does not pin.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.errors import OvertakenError
from engine.graph.manifest import (
    NO_PARENT,
    Edit,
    LineageRow,
    Manifest,
    branch_of,
    manifest_path,
    newer_manifest,
    publication,
)
from engine.graph.operation import Completion, completion_of
from engine.graph.sidecar import Sidecar, confirm_sidecar, delete_sidecar, put_sidecar
from engine.graph.table import TableVersion, versions_after
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from engine.graph.store import Store
    from killpoint.failpoints import Effect

Versions = Mapping[str, Sequence[TableVersion]]  # what is to be committed, by table, in order

PUBLISH_ATTEMPTS_MAX = 6

_log = logging.getLogger(__name__)


def carry_through(store: Store, base: Manifest, sidecar: Sidecar, versions: Versions) -> Manifest:
    """Take an operation that is staged from phase A to D, and return the manifest that shows it.

    The caller holds the operation's lock and those of its tables since before it read `base`, and
    has found no drift in them.
    """
    try:
        _phase_a(store, sidecar)
        _phase_b(store, sidecar, versions)
        match completion_of(sidecar.kind):
            case Completion.PLANNED:
                pass
            case Completion.CONFIRMED:
                sidecar = _confirm(store, sidecar, versions)
        published = _phase_c(store, base, sidecar)
    except Exception:
        _withdraw(store, sidecar)
        raise
    _phase_d(store, sidecar)
    return published


def commit_table(store: Store, effect: Effect, version: TableVersion) -> bool:
    """Make this version the table's HEAD, unless somebody else made one of that number."""
    return store.storage.put_if_absent(effect, version.path, version.to_bytes())


def publish(store: Store, base: Manifest, edit: Edit, row: LineageRow) -> Manifest | None:
    """Make the next graph version, with this edit, or return None if one is there.

    This is the compare-and-swap of the whole store: the caller has looked at `base` and decided,
    and the decision stands only if nobody has published since.
    """
    return publish_whole(store, base.after(edit, row))


def publish_whole(store: Store, manifest: Manifest) -> Manifest | None:
    """Make this graph version, or return None if there is one of its number."""
    path = manifest_path(manifest.version)
    if store.storage.put_if_absent(points.MANIFEST_PUBLISH, path, manifest.to_bytes()):
        return manifest
    return None


def publish_contended(
    store: Store, base: Manifest, operation: str, make: Callable[[Manifest], Manifest]
) -> Manifest:
    """Make a graph version on top of the newest one, whichever that is by then; return it.

    Losing to an operation on something else is normal, so look again and try again: `make` is
    handed the newest graph version each time, and refuses if it cannot stand on that.
    """
    for _ in range(PUBLISH_ATTEMPTS_MAX):
        published = publish_whole(store, make(base))
        if published is None:
            newest = newer_manifest(store, base)
            published = publication(store, operation, base.version, newest)
            base = newest
        if published is not None:
            return published
    reason = f"others published {PUBLISH_ATTEMPTS_MAX} times before it could"
    raise OvertakenError(operation, reason)


def _phase_a(store: Store, sidecar: Sidecar) -> None:
    """Write the intent down. If this fails, nothing has moved."""
    reach(points.PHASE_A_BEFORE, sidecar.path)
    put_sidecar(store, sidecar)
    reach(points.PHASE_A_AFTER, sidecar.path)


def _phase_b(store: Store, sidecar: Sidecar, versions: Versions) -> None:
    """Commit table by table. Dying between two of them is what recovery is for."""
    for version in chain.from_iterable(versions.values()):
        reach(points.PHASE_B_BEFORE, version.path)
        if not commit_table(store, points.TABLE_COMMIT, version):
            reason = f"somebody without the lock made {version.path!r}"
            raise OvertakenError(str(sidecar), reason)
        reach(points.PHASE_B_AFTER, version.path)


def _confirm(store: Store, sidecar: Sidecar, versions: Versions) -> Sidecar:
    """Replace the intent, in one step, by one that says which versions were reached.

    Dying before this is durable takes everything back, however much of it is there.
    """
    confirmed = sidecar.confirmed({key: steps[-1].version for key, steps in versions.items()})
    reach(points.CONFIRM_BEFORE, sidecar.path)
    confirm_sidecar(store, confirmed)
    reach(points.CONFIRM_AFTER, sidecar.path)
    return confirmed


def _phase_c(store: Store, base: Manifest, sidecar: Sidecar) -> Manifest:
    """Publish all of it in one step."""
    row = LineageRow(
        commit_id=sidecar.operation_id,
        parent_id=NO_PARENT,  # the head that its branch has when it is published
        operation_id=sidecar.operation_id,
        actor=sidecar.actor,
        kind=sidecar.kind,
        started_us=sidecar.started_us,
        merged_id=sidecar.merged_id,
    )

    def on_top_of(newest: Manifest) -> Manifest:
        reach(points.PHASE_C_BEFORE, manifest_path(newest.version + 1))
        return _unmoved(newest, sidecar).after(sidecar.edit, row)

    published = publish_contended(store, base, sidecar.operation_id, on_top_of)
    reach(points.PHASE_C_AFTER, manifest_path(published.version))
    return published


def _unmoved(newest: Manifest, sidecar: Sidecar) -> Manifest:
    """Refuse to publish over somebody who moved one of our tables without its lock.

    A schema apply is alone in the store: whoever has published meanwhile had no lock either.
    """
    if sidecar.schema_hash and newest.version != sidecar.base:
        raise OvertakenError(str(sidecar), f"graph version {newest.version} came before it")
    branch = branch_of(newest, sidecar.branch)
    for pin in sidecar.pins:
        found = branch.pin(pin.table).version
        if found != pin.expected:
            reason = f"{pin.table!r} was published at {found}, not at {pin.expected}"
            raise OvertakenError(str(sidecar), reason)
    return newest


def _withdraw(store: Store, sidecar: Sidecar) -> None:
    """Take back the intent of an operation that failed before it moved anything.

    The locks are held. If this fails, too, the heal of the next write closes the sidecar.
    """
    try:
        for pin in sidecar.pins:
            table = store.schema.table(pin.table)
            above = versions_after(store, table, pin.expected, pin.ref)
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
