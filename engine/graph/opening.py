"""Making a store, and opening one: what comes before there is a handle.

Opening for writing settles first what dead operations left; opening for reading writes nothing and
looks at no sidecar. It never keeps anything held when it refuses.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from engine.graph.catalogue import NO_SCHEMA
from engine.graph.genesis import make_store
from engine.graph.graph import Graph, Mode
from engine.graph.manifest import branch_named, newest_manifest
from engine.graph.migration import settle_layout
from engine.graph.store import WAIT_S, Store
from engine.graph.sweep import sweep
from engine.graph.table import MAIN
from engine.storage import Local

if TYPE_CHECKING:
    from engine.graph.schema import Schema
    from engine.storage import Clock, Ids, Storage


def init(where: Storage | PurePath, schema: Schema, clock: Clock, ids: Ids) -> None:
    """Make an empty store; an init that was cut short is finished by calling this again.

    Raises `AlreadyAStoreError` if a complete store is there.
    """
    storage = _storage(where, ids)
    try:
        make_store(storage, schema, clock)
    finally:
        storage.close()


def open_graph(
    where: Storage | PurePath,
    clock: Clock,
    ids: Ids,
    *,
    mode: Mode = Mode.READ_WRITE,
    branch: str = MAIN,
    wait_s: float = WAIT_S,
) -> Graph:
    """Open a store on a branch.

    In `READ_WRITE`, dead operations of all branches are rolled forward or back before it returns.
    `wait_s` bounds every wait for a lock that a live operation holds. Raises `NotAStoreError`,
    `FutureFormatError`, `DamagedFileError` or `UndecidableSidecarError`, each before it has
    changed anything that it names, and `UnknownBranchError`.
    """
    storage = _storage(where, ids)
    store = Store(storage=storage, clock=clock, ids=ids, schema=NO_SCHEMA, wait_s=wait_s)
    try:
        settle_layout(store, may_write=mode is Mode.READ_WRITE)
        newest = newest_manifest(store)
        match mode:
            case Mode.READ_WRITE:
                newest = sweep(store, newest)
            case Mode.READ_ONLY:
                pass
        return Graph(store, newest, branch_named(newest, branch).id, mode)
    except BaseException:
        storage.close()
        raise


def _storage(where: Storage | PurePath, ids: Ids) -> Storage:
    """Return a backend for a path, or the one that was given."""
    return Local(str(where), ids=ids) if isinstance(where, PurePath) else where
