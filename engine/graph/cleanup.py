"""Removing what nobody can come back to: old versions, orphaned forks, and unnamed fragments.

    horizon    moved up first: readers of what is about to go are told so, instead of finding damage
    a table    one after the other, under its locks on all branches: its old versions, then the
               fragments that no version names any more; a table that fails is told and left

Kept are the newest graph versions, as many as are wanted, and for every branch but the main one all
since it, or one that it rests on, was made, because a merge compares with what they began from. Of
a table's chain everything stays from the oldest version on that one of these shows, and so does
what stands above a pin: that is for recovery, or for repair. A fragment that no version names goes
only when the operation that wrote it is dead and has no sidecar. It never removes a manifest, a
schema, a sidecar or an audit row, and never begins while recovery has something to do.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.graph import maintenance_points, points
from engine.graph.catalogue import under
from engine.graph.errors import GraphError, MisnamedFileError, RecoveryPendingError
from engine.graph.forks import kept_refs
from engine.graph.horizon import kept_from, move_horizon
from engine.graph.manifest import FIRST_VERSION, Manifest, manifests, newer_manifest
from engine.graph.repair import refuse_pending
from engine.graph.sidecar import SCHEMA_LOCK, operation_lock, pending_sidecars, table_lock
from engine.graph.table import MAIN, TableVersion
from engine.storage import StorageError
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph.store import Store
    from engine.storage.verbs import Lock

CLEANUP_LOCK = "cleanup"
TABLES_DIRECTORY = "tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What a cleanup came to: the oldest graph version left, what went, and what had to stay.

    `skipped` says of a table's directory why it was left; cleaning up again tries it again.
    """

    kept_from: int
    versions_count: int
    fragments_count: int
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """The files of one table: versions by chain and number, and what they may name: fragments."""

    versions: Mapping[tuple[str, int], str]
    fragments: frozenset[str]


def cleanup(store: Store, known: Manifest, keep_count: int) -> Cleaned:
    """Remove what is not needed for the newest `keep_count` graph versions, nor by any branch.

    Raises `RecoveryPendingError` while a dead operation waits, `LockBusyError` while another
    cleanup is at work.
    """
    fence = store.storage.fence
    with ExitStack() as held:
        held.enter_context(fence.hold_shared(SCHEMA_LOCK, store.wait_s))
        held.enter_context(fence.hold_all((CLEANUP_LOCK,), store.wait_s))
        refuse_pending(store)
        newest = newer_manifest(store, known)
        store = under(store, newest)
        horizon = _moved_horizon(store, newest, keep_count)
        reach(maintenance_points.HORIZON_AFTER)
        versions_count = fragments_count = 0
        skipped: dict[str, str] = {}
        for directory in _directories(store):
            try:
                versions, fragments = clean_table(store, newest, horizon, directory)
                versions_count += versions
                fragments_count += fragments
            except (GraphError, StorageError, OSError) as reason:
                skipped[directory] = str(reason)
    return Cleaned(
        kept_from=horizon,
        versions_count=versions_count,
        fragments_count=fragments_count,
        skipped=skipped,
    )


def clean_table(store: Store, newest: Manifest, horizon: int, directory: str) -> tuple[int, int]:
    """Remove what nobody can come back to of one table; return how many versions and fragments.

    The caller shares the schema's lock, or holds it alone.
    """
    forks = {ref for ref, _ in _standing(store, directory).versions}
    refs = frozenset(forks | {one.id for one in newest.branches.values()})
    with _hold_table(store, directory, refs):
        versions_count = _remove_versions(store, newest, horizon, directory, refs)
        reach(maintenance_points.CLEANUP_VERSIONS_AFTER, directory)
        return versions_count, _remove_fragments(store, directory)


def _moved_horizon(store: Store, newest: Manifest, keep_count: int) -> int:
    """Return the oldest graph version to keep, after having moved the horizon there."""
    before = kept_from(store.storage)
    wanted = min(newest.version - keep_count + 1, _first_of_branches(store, newest))
    if wanted <= before:
        return before
    move_horizon(store.storage, wanted)
    return wanted


def _first_of_branches(store: Store, newest: Manifest) -> int:
    """Return the graph version from which the oldest branch was made that is there or rested on.

    A branch has the id of the operation that made it.
    """
    made = kept_refs(newest) - {MAIN}
    first = newest.version
    while made and first > FIRST_VERSION:
        (found,) = manifests(store, first, first)
        made -= {found.row.operation_id}
        first -= 1
    return first


def _directories(store: Store) -> list[str]:
    """Return the directories of all tables that have files, also of those that were dropped."""
    paths = store.storage.list(maintenance_points.TABLES_LIST, TABLES_DIRECTORY)
    return sorted({"/".join(path.split("/")[:2]) for path in paths})


def _hold_table(store: Store, directory: str, refs: frozenset[str]) -> Lock:
    """Hold a table on branches and forks; one that was dropped has no name, and no writer."""
    keys = [one.key for one in store.schema.tables.values() if one.directory == directory]
    names = tuple(table_lock(key, ref) for key in keys for ref in refs)
    return store.storage.fence.hold_all(names, store.wait_s)


def _remove_versions(
    store: Store, newest: Manifest, horizon: int, directory: str, held: frozenset[str]
) -> int:
    """Remove the versions of one table that are older than all that is kept, and orphaned forks."""
    standing = _standing(store, directory)
    # After the listing: a branch that has come since its writer was held off is in it by now.
    newest = newer_manifest(store, newest)
    kept = _kept(store, manifests(store, horizon, newest.version), directory)
    living = {one.id for one in newest.branches.values()} - held
    _refuse_late(store, directory)
    old = [
        path
        for (ref, number), path in sorted(standing.versions.items())
        if ref not in living and (ref not in kept or number < kept[ref])
    ]
    if old:
        store.storage.delete_all(maintenance_points.CLEANUP_VERSIONS, old)
    return len(old)


def _kept(store: Store, shown: Iterable[Manifest], directory: str) -> dict[str, int]:
    """Return from which version on the chains of a table stay; one that is not named goes whole.

    A fork that no graph version shows is an orphan, also if its branch lives: the branch sees the
    table elsewhere, and nobody is at work there.
    """
    kept: dict[str, int] = {}
    for manifest in shown:
        tables = under(store, manifest).schema.tables.values()
        keys = [one.key for one in tables if one.directory == directory]
        for pin in (one.pin(key) for key in keys for one in manifest.branches.values()):
            kept[pin.ref] = min(pin.version, kept.get(pin.ref, pin.version))
    return kept


def _refuse_late(store: Store, directory: str) -> None:
    """Refuse a table whose writer has died since recovery was looked at."""
    tables = store.schema.tables
    waiting = [
        str(sidecar)
        for sidecar in pending_sidecars(store)
        if any(
            pin.table in tables and tables[pin.table].directory == directory for pin in sidecar.pins
        )
    ]
    if waiting:
        raise RecoveryPendingError(tuple(waiting))


def _remove_fragments(store: Store, directory: str) -> int:
    """Remove the files of one table that no version names, unless their writer may still do so."""
    standing = _standing(store, directory)
    unnamed = standing.fragments - _named(store, standing.versions.values())
    with ExitStack() as held:
        dead = _dead(store, {_operation_of(path) for path in unnamed}, held)
        # Again: whoever was at work until now may have committed what was unnamed a moment ago.
        unnamed -= _named(store, _standing(store, directory).versions.values())
        orphans = sorted(path for path in unnamed if _operation_of(path) in dead)
        for path in orphans:
            store.storage.delete(maintenance_points.CLEANUP_FRAGMENT, path)
    return len(orphans)


def _dead(store: Store, operations: Iterable[str], held: ExitStack) -> set[str]:
    """Return those that will never commit again, and hold their locks so that this stays so."""
    dead: set[str] = set()
    for operation in sorted(operations):
        lock = store.storage.fence.try_hold(operation_lock(operation))
        if lock is not None:
            held.enter_context(lock)
            dead.add(operation)
    return dead - {sidecar.operation_id for sidecar in pending_sidecars(store)}


def _named(store: Store, paths: Iterable[str]) -> frozenset[str]:
    """Return the files that versions name."""
    found: set[str] = set()
    for path in paths:
        version = TableVersion.from_bytes(path, store.read(points.TABLE_READ, path))
        if version.path != path:
            raise MisnamedFileError(path, version.path)
        found.update(fragment.path for fragment in version.fragments)
        found.update([version.index.path] if version.index else [])
    return frozenset(found)


def _standing(store: Store, directory: str) -> _Standing:
    """List the files of a table. A name that is none of ours is left out, and so left alone."""
    versions: dict[tuple[str, int], str] = {}
    fragments: set[str] = set()
    for path in store.storage.list(maintenance_points.TABLE_LIST, directory):
        match path.removeprefix(f"{directory}/").split("/"):
            case ["versions", name] if name.removesuffix(".json").isdigit():
                versions[MAIN, int(name.removesuffix(".json"))] = path
            case ["forks", ref, name] if name.removesuffix(".json").isdigit():
                versions[ref, int(name.removesuffix(".json"))] = path
            case ["data" | "index", _]:
                fragments.add(path)
            case _:
                continue
    return _Standing(versions=versions, fragments=frozenset(fragments))


def _operation_of(path: str) -> str:
    """Return the operation that wrote a file, as its name says."""
    return path.rpartition("/")[2].rpartition("-")[0]
