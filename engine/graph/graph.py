"""A handle on a store: what its users call.

Reads look at one manifest and at immutable files that it names, so they see a graph version
whole, whatever writers are doing. Writes go through `commit`. Opening for writing settles first
what dead operations left, and every write begins by healing what can be settled forward; opening
for reading writes nothing and looks at no sidecar.

A handle remembers which version of each table it has shown: an update, delete or overwrite rests
on that, and is refused when the table has moved since. It never keeps a lock between calls, except
the one that tells others that its writer lives.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from engine.graph.apply import apply_steps
from engine.graph.audit import AuditRow, audit_rows
from engine.graph.catalogue import NO_SCHEMA, under
from engine.graph.cleanup import Cleaned, cleanup
from engine.graph.errors import (
    ClosedError,
    DamagedFileError,
    ExpiredVersionError,
    NothingKeptError,
    ReadOnlyError,
    UnknownVersionError,
)
from engine.graph.genesis import make_store
from engine.graph.horizon import kept_from
from engine.graph.index import find_rows
from engine.graph.load import LoadMode, load_statements
from engine.graph.manifest import (
    FIRST_VERSION,
    LineageRow,
    Manifest,
    manifests,
    newer_manifest,
    newest_manifest,
)
from engine.graph.migration import settle_layout
from engine.graph.operation import Kind
from engine.graph.optimize import Care, Cared, take_care
from engine.graph.planning import work_of
from engine.graph.repair import Consent, Remedy, Repaired, repair
from engine.graph.sidecar import Sidecar, pending_sidecars
from engine.graph.statement import Delete, Update, fitted
from engine.graph.store import WAIT_S, Store
from engine.graph.sweep import heal, sweep
from engine.graph.table import MAIN, head_version, live_rows, read_version
from engine.graph.work import Receipt, run
from engine.storage import Local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.graph.branch import TablePin
    from engine.graph.schema import Row, Schema
    from engine.graph.statement import Statement, Which
    from engine.graph.steps import Step
    from engine.storage import Clock, Ids, Storage

T = TypeVar("T")

NO_ACTOR = ""


class Mode(StrEnum):
    """What a handle may do."""

    READ_WRITE = "read_write"
    READ_ONLY = "read_only"


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
    wait_s: float = WAIT_S,
) -> Graph:
    """Open a store. In `READ_WRITE`, dead operations are rolled forward or back before it returns.

    `wait_s` bounds every wait for a lock that a live operation holds. Raises `NotAStoreError`,
    `FutureFormatError`, `DamagedFileError` or `UndecidableSidecarError`, each before it has
    changed anything that it names.
    """
    storage = _storage(where, ids)
    store = Store(storage=storage, clock=clock, ids=ids, schema=NO_SCHEMA, wait_s=wait_s)
    settle_layout(store, may_write=mode is Mode.READ_WRITE)
    newest = newest_manifest(store)
    match mode:
        case Mode.READ_WRITE:
            return Graph(store, _swept(store, newest), mode)
        case Mode.READ_ONLY:
            return Graph(store, newest, mode)


class Graph:
    """An open store.

    Threads may share it. A process must not fork while it writes: its locks would live on.
    """

    def __init__(self, store: Store, newest: Manifest, mode: Mode) -> None:
        """Called by `open_graph` only."""
        self._store = under(store, newest)
        self._newest = newest
        self._seen = self._pinned()
        self._reloads_count = 0
        self._mode = mode
        self._closed = False

    def load(
        self,
        rows_by_table: Mapping[str, Iterable[Row]],
        mode: LoadMode = LoadMode.APPEND,
        actor: str = NO_ACTOR,
    ) -> Receipt:
        """Put rows into tables, all tables at once or none, and return when it is durable.

        Raises before anything is written if a row does not fit, a key is there already
        (`APPEND`), a rule of the schema would be broken, a table has moved since it was read
        (`OVERWRITE`) or has drifted, or a live operation holds one for too long.
        """
        return self._write(Kind.LOAD, load_statements(rows_by_table, mode), actor)

    def insert(self, rows_by_table: Mapping[str, Iterable[Row]], actor: str = NO_ACTOR) -> Receipt:
        """Add new rows to tables, all tables at once or none; see `load`."""
        statements = load_statements(rows_by_table, LoadMode.APPEND)
        return self._write(Kind.INSERT, statements, actor)

    def update(
        self, table: str, which: Which, values: Mapping[str, Any], actor: str = NO_ACTOR
    ) -> Receipt:
        """Give columns new values in the rows with these keys, or that a predicate chooses."""
        return self._write(Kind.UPDATE, (Update(table, which, values),), actor)

    def delete(
        self, table: str, which: Which, *, cascade: bool = False, actor: str = NO_ACTOR
    ) -> Receipt:
        """Take away the rows with these keys, or that a predicate chooses.

        A row that others refer to is refused, unless `cascade` takes those away, too.
        """
        return self._write(Kind.DELETE, (Delete(table, which, cascade),), actor)

    def mutate(self, statements: Iterable[Statement], actor: str = NO_ACTOR) -> Receipt:
        """Carry out several statements in order, all of them at once or none; see `load`."""
        return self._write(Kind.MUTATE, statements, actor)

    def apply_schema(self, steps: Iterable[Step], actor: str = NO_ACTOR) -> Receipt:
        """Change tables, columns and rules, all steps at once or none, and the rows with them.

        Waits for live operations to end, and holds off new ones. Raises before anything is written
        if a step cannot be, a row would break a rule, a table has drifted, or there are branches.
        """
        self._check_writable()
        self._heal()
        self._look(newer_manifest(self._store, self._newest))
        receipt, newest = apply_steps(self._store, self._newest, steps, actor)
        self._learn(receipt, newest)
        return receipt

    def refresh(self) -> None:
        """Take the newest view, after healing what can be settled forward.

        From here on an update, delete or overwrite rests on that view.
        """
        self._check_open()
        if self._mode is Mode.READ_WRITE:
            self._heal()
        self._look(newer_manifest(self._store, self._newest))
        self._seen = self._pinned()

    def repair(
        self,
        remedy: Remedy = Remedy.PUBLISH,
        consent: Consent = Consent.PREVIEW,
        actor: str = NO_ACTOR,
    ) -> Repaired:
        """Look for tables ahead of the manifest that no operation accounts for, and mend them.

        Without consent it only tells. Raises `RecoveryPendingError` while recovery has to do
        something first, `TableBusyError` when a live operation holds a table for too long.
        """
        self._check_writable()
        self._heal()
        self._look(newer_manifest(self._store, self._newest))
        before = self._newest
        repaired, self._newest = repair(self._store, before, remedy, consent, actor)
        self._see_same(before, (drift.table for drift in repaired.drifts if drift.keeps_rows))
        return repaired

    def ensure_indices(self, actor: str = NO_ACTOR) -> Cared:
        """Make the indices that tables lack; a store that lacks none is not written to."""
        return self._care(Care(kind=Kind.ENSURE_INDICES, actor=actor, compact=False))

    def optimize(self, actor: str = NO_ACTOR) -> Cared:
        """Put the live rows of scattered tables together, and make the indices that they lack.

        No row changes, and whoever had read the rows may go on. A table that has drifted is
        skipped. Raises `RecoveryPendingError` while recovery has to do something first.
        """
        return self._care(Care(kind=Kind.OPTIMIZE, actor=actor, compact=True))

    def find(self, table: str, column: str, value: object, version: int | None = None) -> list[Row]:
        """Return the rows with this value in a column, by the table's index as far as it goes.

        Unlike `read` this shows a part of the table only, so no strict operation can rest on it.
        """

        def show(store: Store, manifest: Manifest) -> list[Row]:
            schema, pin = store.schema.table(table), manifest.branches[MAIN].pin(table)
            found = read_version(store, schema, pin.version, pin.ref)
            return find_rows(store, schema, found, column, value)

        return self._shown(version, show)[1]

    def cleanup(self, keep_count: int) -> Cleaned:
        """Remove what the newest graph versions, this many, and all branches do not need.

        Raises `RecoveryPendingError` while recovery has to do something first.
        """
        self._check_writable()
        if keep_count < 1:
            raise NothingKeptError(keep_count)
        self._heal()
        return cleanup(self._store, self._newest, keep_count)

    def read(self, table: str, version: int | None = None) -> list[Row]:
        """Return the rows of a table, sorted by key, of a graph version or of the newest."""
        manifest, rows = self._shown(version, lambda store, one: _rows(store, one, table))
        store = under(self._store, manifest)
        if version is None:
            self._seen[store.schema.table(table).home] = manifest.branches[MAIN].pin(table)
        return rows

    def rows(self, version: int | None = None) -> dict[str, list[Row]]:
        """Return the rows of all tables, of one and the same graph version."""
        _, rows = self._shown(version, _all_rows)
        if version is None:
            self._seen = self._pinned()
        return rows

    def schema(self, version: int | None = None) -> Schema:
        """Return the schema of a graph version, or of the newest."""
        return under(self._store, self._manifest(version)).schema

    def version(self) -> int:
        """Return the number of the newest graph version."""
        return self._manifest(None).version

    def history(self) -> tuple[LineageRow, ...]:
        """Return the lineage row of every graph version, the oldest first."""
        newest = self._manifest(None)
        return tuple(one.row for one in manifests(self._store, FIRST_VERSION, newest.version))

    def audit(self) -> tuple[AuditRow, ...]:
        """Return what recovery did, sorted by operation."""
        self._check_open()
        return audit_rows(self._store)

    def pins(self) -> dict[str, int]:
        """Return the visible version of every table."""
        return {key: pin.version for key, pin in self._manifest(None).tables.items()}

    def heads(self) -> dict[str, int]:
        """Return the newest version of every table, visible or not."""
        return {
            key: head_version(self._store, self._store.schema.table(key), pinned)
            for key, pinned in self.pins().items()
        }

    def pending(self) -> tuple[Sidecar, ...]:
        """Return the operations that are at work or wait for recovery, sorted by id."""
        self._check_open()
        return pending_sidecars(self._store)

    @property
    def reloads_count(self) -> int:
        """How often a heal has settled something, so that this handle took a new view."""
        return self._reloads_count

    def close(self) -> None:
        """Let go of the store; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._store.storage.close()

    def _write(self, kind: Kind, statements: Iterable[Statement], actor: str) -> Receipt:
        """Heal, run one operation, and remember the manifest that shows it."""
        self._check_writable()
        # Taken before the heal: what it publishes is nothing that the caller has read.
        seen = dict(self._seen)
        self._heal()
        self._look(newer_manifest(self._store, self._newest))
        whole = tuple(fitted(self._store.schema, one) for one in statements)
        work = work_of(self._store, kind, actor, whole, seen)
        receipt, newest = run(self._store, self._newest, work)
        self._learn(receipt, newest)
        return receipt

    def _learn(self, receipt: Receipt, newest: Manifest) -> None:
        """Take the graph version that an operation of this handle has led to.

        Its own change is known to it, unless it came on top of one that is not.
        """
        self._look(newest)
        for key, pin in newest.tables.items():
            home = self._store.schema.table(key).home
            seen = self._seen.get(home)
            known = pin.version == 0 if seen is None else seen.version == pin.version - 1
            if pin.operation_id == receipt.operation_id and known:
                self._seen[home] = pin

    def _heal(self) -> None:
        """Settle what the dead left, forward only; reload if, and only if, that was anything."""
        healed = heal(self._store, self._newest)
        if healed is not None:
            self._look(healed)
            self._seen = self._pinned()
            self._reloads_count += 1

    def _look(self, newest: Manifest) -> None:
        """Take a graph version for the newest, with the schema that it names."""
        self._store = under(self._store, newest)
        self._newest = newest

    def _care(self, care: Care) -> Cared:
        """Heal, do what is needed, and remember the manifest that shows it."""
        self._check_writable()
        self._heal()
        self._look(newer_manifest(self._store, self._newest))
        before = self._newest
        cared, self._newest = take_care(self._store, before, care)
        self._see_same(before, cared.moved)
        return cared

    def _see_same(self, before: Manifest, tables: Iterable[str]) -> None:
        """Go on from where tables are now, if they had been read: they hold the same rows."""
        for key in tables:
            home = self._store.schema.table(key).home
            if self._seen.get(home) == before.tables.get(key):
                self._seen[home] = self._newest.tables[key]

    def _pinned(self) -> dict[str, TablePin]:
        """Return the visible version of every table, by its home: its key may change hands."""
        tables = self._store.schema.tables.values()
        return {table.home: self._newest.branches[MAIN].pin(table.key) for table in tables}

    def _manifest(self, version: int | None) -> Manifest:
        """Return a graph version; None is the newest there is at this moment."""
        self._check_open()
        self._look(newer_manifest(self._store, self._newest))
        newest = self._newest
        if version is None:
            return newest
        if not FIRST_VERSION <= version <= newest.version:
            raise UnknownVersionError(version, newest.version)
        oldest = kept_from(self._store.storage)
        if version < oldest:
            raise ExpiredVersionError(version, oldest)
        return next(manifests(self._store, version, version))

    def _shown(
        self, version: int | None, show: Callable[[Store, Manifest], T]
    ) -> tuple[Manifest, T]:
        """Return a graph version with what is read from it.

        When it is cleaned up in the meantime, the newest one is taken instead, if that was meant.
        """
        while True:
            manifest = self._manifest(version)
            try:
                return manifest, show(under(self._store, manifest), manifest)
            except DamagedFileError:
                oldest = kept_from(self._store.storage)
                if manifest.version >= oldest:
                    raise
                if version is not None:
                    raise ExpiredVersionError(version, oldest) from None

    def _check_writable(self) -> None:
        """Refuse a handle that was closed, or that was opened to read."""
        self._check_open()
        if self._mode is Mode.READ_ONLY:
            raise ReadOnlyError

    def _check_open(self) -> None:
        """Refuse a handle that was closed."""
        if self._closed:
            raise ClosedError


def _rows(store: Store, manifest: Manifest, key: str) -> list[Row]:
    """Return the rows of a table at a graph version, under whose schema the store is."""
    table = store.schema.table(key)
    return live_rows(store, table, read_version(store, table, manifest.pinned(key)))


def _all_rows(store: Store, manifest: Manifest) -> dict[str, list[Row]]:
    """Return the rows of all tables at a graph version, under whose schema the store is."""
    return {key: _rows(store, manifest, key) for key in store.schema.tables}


def _swept(store: Store, newest: Manifest) -> Manifest:
    """Settle what the dead left; on refusal keep nothing held."""
    try:
        return sweep(store, newest)
    except BaseException:
        store.storage.close()
        raise


def _storage(where: Storage | PurePath, ids: Ids) -> Storage:
    """Return a backend for a path, or the one that was given."""
    return Local(str(where), ids=ids) if isinstance(where, PurePath) else where
