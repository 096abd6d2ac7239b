"""One write, from the locks to the receipt.

    locks       the schema's, shared; the operation's own and those of all tables that it may
                change or look at
    plan        against a fresh manifest: what each becomes; a strict operation is refused if a
                table has moved since it was read, any if one has drifted; nothing is written yet
    stage       fragments, which nothing refers to
    phases      the sidecar, the tables, the manifest: `commit`

It never moves a table or the manifest itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.graph.commit import carry_through
from engine.graph.drift import undrifted_version
from engine.graph.errors import (
    DamagedFileError,
    ExpectedVersionMismatchError,
    SchemaMovedError,
    TableBusyError,
)
from engine.graph.manifest import Manifest, branch_of, newer_manifest
from engine.graph.sidecar import (
    SCHEMA_LOCK,
    Pin,
    Sidecar,
    operation_lock,
    pending_paths,
    table_lock,
)
from engine.graph.staging import Change, Place, stage
from engine.graph.table import MAIN, TableVersion, read_version
from engine.storage import LockBusyError

if TYPE_CHECKING:
    from engine.graph.branch import Branch, TablePin
    from engine.graph.commit import Versions
    from engine.graph.operation import Kind
    from engine.graph.store import Store

Planner = Callable[[Mapping[str, TableVersion]], Mapping[str, Change]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An operation before it runs: who does what, to which tables, and how the changes are planned.

    `tables` must stand still on the `branch` (an id) while it is planned and committed. `strict`
    are the pins that some of them must still have, because the operation rests on what they held.
    `plan` is handed their current versions, and returns changes for those that change.
    """

    kind: Kind
    actor: str
    tables: tuple[str, ...]
    strict: Mapping[str, TablePin]
    plan: Planner
    branch: str = MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an acknowledged operation gets: its id, and the graph version that shows it."""

    operation_id: str
    graph_version: int


def run(store: Store, known: Manifest, work: Work) -> tuple[Receipt, Manifest]:
    """Carry the operation out and return its receipt with the manifest that shows it.

    `known` may be old. An operation that changes no table leaves nothing on disk. From before
    the sidecar until it is gone, nobody else can move these tables on this branch.
    """
    operation = store.ids.mint()
    with hold(store, operation, (table_lock(key, work.branch) for key in work.tables)):
        base = newer_manifest(store, known)
        if base.schema_hash != store.schema.hash:
            raise SchemaMovedError
        branch = branch_of(base, work.branch)
        _check_strict(store, branch, work)
        before = {
            key: undrifted_version(store, store.schema.table(key), branch) for key in work.tables
        }
        changes = work.plan(before)
        if not changes:
            return Receipt(operation_id=operation, graph_version=base.version), base
        versions = {
            key: stage(
                store,
                Place(operation=operation, table=store.schema.table(key), ref=branch.id),
                before[key],
                (changes[key],),
            )
            for key in sorted(changes)
        }
        sidecar = Sidecar(
            operation_id=operation,
            kind=work.kind,
            actor=work.actor,
            started_us=store.clock.now_us(),
            base=base.version,
            branch=branch.id,
            pins=pins_of(branch, versions),
        )
        published = carry_through(store, base, sidecar, versions)
    return Receipt(operation_id=operation, graph_version=published.version), published


def pins_of(branch: Branch, versions: Versions) -> tuple[Pin, ...]:
    """Return what a sidecar says of versions that are to be committed on a branch."""
    return tuple(
        Pin(
            table=key,
            expected=branch.pin(key).version,
            post=steps[-1].version,
            ref=branch.id,
            begun_at=branch.pin(key).ref,
        )
        for key, steps in versions.items()
    )


@contextmanager
def hold(store: Store, operation: str, locks: Iterable[str]) -> Iterator[None]:
    """Hold the locks of an operation, or say which live operation is in the way."""
    names = (operation_lock(operation), *locks)
    fence = store.storage.fence
    with ExitStack() as held:
        try:
            held.enter_context(fence.hold_shared(SCHEMA_LOCK, store.wait_s))
            held.enter_context(fence.hold_all(names, store.wait_s))
        except LockBusyError as busy:
            raise _busy(store, busy) from busy
        yield


@contextmanager
def alone(store: Store, *locks: str) -> Iterator[None]:
    """Hold the schema's lock and these while nobody else does anything to the store."""
    with ExitStack() as held:
        try:
            names = (SCHEMA_LOCK, *locks)
            held.enter_context(store.storage.fence.hold_all(names, store.wait_s))
        except LockBusyError as busy:
            raise _busy(store, busy) from busy
        yield


def _busy(store: Store, busy: LockBusyError) -> TableBusyError:
    """Return what says which live operations may be in the way."""
    return TableBusyError(busy.name, tuple(pending_paths(store.storage)), store.wait_s)


def _check_strict(store: Store, branch: Branch, work: Work) -> None:
    """Refuse an operation that rests on a version that is no longer the current one.

    A table may have moved without changing a row: what was read before that is still current.
    """
    for key, expected in sorted(work.strict.items()):
        actual = branch.pin(key)
        if actual != expected and not _holds_rows_of(store, key, actual, expected):
            raise ExpectedVersionMismatchError(
                key, expected=expected.version, actual=actual.version
            )


def _holds_rows_of(store: Store, key: str, actual: TablePin, expected: TablePin) -> bool:
    """Whether a version holds the rows of an earlier one, after maintenance or a rollback only."""
    table = store.schema.table(key)
    number: int | None = actual.version
    try:
        while actual.ref == expected.ref and number is not None and number > expected.version:
            found = read_version(store, table, number, actual.ref)
            number = found.rows_of if found.restores is None else found.restores
    except DamagedFileError:
        return False  # what lies between was cleaned up
    return actual.ref == expected.ref and number == expected.version
