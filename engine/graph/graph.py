"""A handle on a store: what its users call.

Reads look at one manifest and at immutable files that it names, so they see a graph version
whole, whatever writers are doing. Writes go through `commit`, and every one begins by healing what
can be settled forward.

A handle is on one branch, the one that had the name when it was opened: another that comes after
it under the same name is not taken for it. It remembers which version of each table it has shown:
an update, delete or overwrite rests on that, and is refused when the table has moved since. It
never keeps a lock between calls, except the one that tells others that its writer lives.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from engine.graph.apply import apply_steps
from engine.graph.audit import AuditRow, audit_rows
from engine.graph.branches import create_branch, delete_branch
from engine.graph.catalogue import under
from engine.graph.cleanup import Cleaned, cleanup
from engine.graph.errors import (
    ClosedError,
    NothingKeptError,
    ReadOnlyError,
    SchemaMovedError,
)
from engine.graph.index import find_rows
from engine.graph.load import LoadMode, load_statements
from engine.graph.manifest import (
    FIRST_VERSION,
    LineageRow,
    Manifest,
    branch_named,
    manifests,
)
from engine.graph.merge import Merged, merge_branch
from engine.graph.operation import Kind
from engine.graph.optimize import Care, Cared, take_care
from engine.graph.planning import work_of
from engine.graph.reading import all_rows_of, rows_of
from engine.graph.repair import Consent, Remedy, Repaired, repair
from engine.graph.sidecar import Sidecar, pending_sidecars
from engine.graph.statement import Delete, Update, fitted
from engine.graph.table import head_version, read_version
from engine.graph.view import View
from engine.graph.work import Receipt, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.graph.branch import TablePin
    from engine.graph.schema import Row, Schema
    from engine.graph.statement import Statement, Which
    from engine.graph.steps import Step
    from engine.graph.store import Store

T = TypeVar("T")

NO_ACTOR = ""
SCHEMA_ATTEMPTS_MAX = 8


class Mode(StrEnum):
    """What a handle may do."""

    READ_WRITE = "read_write"
    READ_ONLY = "read_only"


class Graph:
    """An open store.

    Threads may share it. A process must not fork while it writes: its locks would live on.
    """

    def __init__(self, store: Store, newest: Manifest, branch: str, mode: Mode) -> None:
        """Called by `open_graph` and `on` only; `branch` is an id."""
        self._view = View(store, newest, branch)
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
        self._begin()
        receipt, newest = apply_steps(self._view.store, self._view.newest, steps, actor)
        self._view.learn(receipt, newest)
        return receipt

    def on(self, branch: str) -> Graph:
        """Return another handle on the same open store, on the branch that has this name now."""
        newest = self._manifest(None)
        return Graph(self._view.store, newest, branch_named(newest, branch).id, self._mode)

    def branches(self) -> tuple[str, ...]:
        """Return the names of all branches, sorted."""
        return tuple(sorted(self._manifest(None).branches))

    def create_branch(self, name: str, actor: str = NO_ACTOR) -> None:
        """Make a branch that sees what this handle's branch sees now.

        Raises `BadBranchNameError` or `BranchExistsError`.
        """
        self._begin()
        view = self._view
        view.look(create_branch(view.store, view.newest, name, view.branch, actor))

    def delete_branch(self, name: str, actor: str = NO_ACTOR) -> None:
        """Delete a branch; from when this is published, its name is free.

        Raises `UnknownBranchError`, `MainBranchError`, or `TableBusyError` if a live operation
        works on it.
        """
        self._begin()
        view = self._view
        doomed = branch_named(view.newest, name)
        view.look(delete_branch(view.store, view.newest, doomed, actor))

    def merge_branch(self, name: str, actor: str = NO_ACTOR) -> Merged:
        """Merge a branch into this handle's, all of its tables at once or none.

        What was read here before is no longer what a strict operation may rest on: read again.
        Raises `UnknownBranchError`, `MergeConflictError` naming the rows, a `ConstraintError`, or
        like any write.
        """
        self._begin()
        view = self._view
        source = branch_named(view.newest, name).id
        merged, newest = merge_branch(view.store, view.newest, source, view.branch, actor)
        view.look(newest)
        return merged

    def refresh(self) -> None:
        """Take the newest view, after healing what can be settled forward.

        From here on an update, delete or overwrite rests on that view.
        """
        self._check_open()
        if self._mode is Mode.READ_WRITE:
            self._view.heal()
        self._view.look_again()
        self._view.seen = self._view.pinned()

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
        self._begin()
        view = self._view
        here = view.sight(view.newest).name
        repaired, newest = repair(view.store, view.newest, remedy, consent, actor)
        same = [one for one in repaired.drifts if one.branch == here and one.keeps_rows]
        view.see_same(newest, (drift.table for drift in same))
        return repaired

    def ensure_indices(self, actor: str = NO_ACTOR) -> Cared:
        """Make the indices that tables lack; a store that lacks none is not written to."""
        return self._care(Kind.ENSURE_INDICES, actor, compact=False)

    def optimize(self, actor: str = NO_ACTOR) -> Cared:
        """Put the live rows of scattered tables together, and make the indices that they lack.

        No row changes, and whoever had read the rows may go on. A table that has drifted is
        skipped. Raises `RecoveryPendingError` while recovery has to do something first.
        """
        return self._care(Kind.OPTIMIZE, actor, compact=True)

    def find(self, table: str, column: str, value: object, version: int | None = None) -> list[Row]:
        """Return the rows with this value in a column, by the table's index as far as it goes.

        Unlike `read` this shows a part of the table only, so no strict operation can rest on it.
        """

        def show(store: Store, manifest: Manifest) -> list[Row]:
            schema, pin = store.schema.table(table), self._view.sight(manifest).pin(table)
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
        self._view.heal()
        return cleanup(self._view.store, self._view.newest, keep_count)

    def read(self, table: str, version: int | None = None) -> list[Row]:
        """Return the rows of a table, sorted by key, of a graph version or of the newest."""
        manifest, rows = self._shown(
            version, lambda store, one: rows_of(store, one, self._view.branch, table)
        )
        store = under(self._view.store, manifest)
        if version is None:
            self._view.seen[store.schema.table(table).home] = self._view.sight(manifest).pin(table)
        return rows

    def rows(self, version: int | None = None) -> dict[str, list[Row]]:
        """Return the rows of all tables, of one and the same graph version."""
        branch = self._view.branch
        _, rows = self._shown(version, lambda store, one: all_rows_of(store, one, branch))
        if version is None:
            self._view.seen = self._view.pinned()
        return rows

    def schema(self, version: int | None = None) -> Schema:
        """Return the schema of a graph version, or of the newest."""
        return under(self._view.store, self._manifest(version)).schema

    def version(self) -> int:
        """Return the number of the newest graph version."""
        return self._manifest(None).version

    def history(self) -> tuple[LineageRow, ...]:
        """Return the lineage row of every graph version, the oldest first."""
        newest = self._manifest(None)
        return tuple(one.row for one in manifests(self._view.store, FIRST_VERSION, newest.version))

    def audit(self) -> tuple[AuditRow, ...]:
        """Return what recovery did, sorted by operation."""
        self._check_open()
        return audit_rows(self._view.store)

    def pins(self) -> dict[str, int]:
        """Return the visible version of every table."""
        tables = self._view.sight(self._manifest(None)).tables
        return {key: pin.version for key, pin in tables.items()}

    def heads(self) -> dict[str, int]:
        """Return the newest version of every table, visible or not."""
        tables = self._view.sight(self._manifest(None)).tables
        store = self._view.store
        return {
            key: head_version(store, store.schema.table(key), pin.version, pin.ref)
            for key, pin in tables.items()
        }

    def pending(self) -> tuple[Sidecar, ...]:
        """Return the operations that are at work or wait for recovery, sorted by id."""
        self._check_open()
        return pending_sidecars(self._view.store)

    @property
    def reloads_count(self) -> int:
        """How often a heal has settled something, so that this handle took a new view."""
        return self._view.reloads_count

    def close(self) -> None:
        """Let go of the store; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._view.store.storage.close()

    def _write(self, kind: Kind, statements: Iterable[Statement], actor: str) -> Receipt:
        """Heal, run one operation, and remember the manifest that shows it.

        If the schema is changed while it waits for its locks, it is fitted again to the new one.
        """
        seen, view, whole = self._begin(), self._view, tuple(statements)
        for _ in range(SCHEMA_ATTEMPTS_MAX):
            whole = tuple(fitted(view.store.schema, one) for one in whole)
            work = work_of(view.store, kind, actor, whole, seen, view.branch)
            try:
                receipt, newest = run(view.store, view.newest, work)
            except SchemaMovedError:
                view.look_again()
                continue
            view.learn(receipt, newest, work.strict)
            return receipt
        raise SchemaMovedError

    def _care(self, kind: Kind, actor: str, *, compact: bool) -> Cared:
        """Heal, do what is needed, and remember the manifest that shows it."""
        self._begin()
        view = self._view
        care = Care(kind=kind, actor=actor, compact=compact, branch=view.branch)
        cared, newest = take_care(view.store, view.newest, care)
        self._view.see_same(newest, cared.moved)
        return cared

    def _begin(self) -> dict[str, TablePin]:
        """Heal and look at what there is; return what the caller had seen before that."""
        self._check_writable()
        return self._view.begin()

    def _manifest(self, version: int | None) -> Manifest:
        """Return a graph version; None is the newest there is at this moment."""
        self._check_open()
        return self._view.manifest(version)

    def _shown(
        self, version: int | None, show: Callable[[Store, Manifest], T]
    ) -> tuple[Manifest, T]:
        """Return a graph version with what is read from it."""
        self._check_open()
        return self._view.shown(version, show)

    def _check_writable(self) -> None:
        """Refuse a handle that was closed, or that was opened to read."""
        self._check_open()
        if self._mode is Mode.READ_ONLY:
            raise ReadOnlyError

    def _check_open(self) -> None:
        """Refuse a handle that was closed."""
        if self._closed:
            raise ClosedError
