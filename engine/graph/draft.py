"""One table in the course of an operation: what it was, and what the statements made of it so far.

Rows are put and dropped by key; what comes out is a `Change`: the fragments of the version before,
with marks on the rows that no longer count, and the new rows. Nothing is moved or rewritten in
place. It never writes, and never changes a row that it was given or has read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.graph.staging import Change
from engine.graph.table import Fragment, TableVersion, live_fragments

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.graph.schema import Row, TableSchema
    from engine.graph.statement import Key
    from engine.graph.store import Store


class Draft:
    """A table being changed. Its rows are read when they are first asked for."""

    __slots__ = ("_gone", "_new", "_rows", "_store", "before", "table")

    def __init__(self, store: Store, table: TableSchema, before: TableVersion) -> None:
        """Start with the content of a version."""
        self.table = table
        self.before = before
        self._store = store
        self._rows: dict[Key, Row] | None = None
        self._new: dict[Key, Row] = {}
        self._gone: dict[Key, None] = {}  # of the version before; a dict, because it has an order

    @property
    def rows(self) -> Mapping[Key, Row]:
        """The live rows by key, as they are at this moment of the operation."""
        return self._live()

    @property
    def new(self) -> Mapping[Key, Row]:
        """The rows that were put, and not dropped again."""
        return self._new

    @property
    def removed(self) -> tuple[Key, ...]:
        """The keys that the version before had, and that are gone."""
        return tuple(key for key in self._gone if key not in self._new)

    def put(self, row: Row) -> None:
        """Put a row in, in the place of the one that has its key."""
        self.drop(row[self.table.primary])
        self._live()[row[self.table.primary]] = row
        self._new[row[self.table.primary]] = row

    def drop(self, key: Key) -> None:
        """Take a row away; one that is not there is none the less away."""
        if self._live().pop(key, None) is not None and self._new.pop(key, None) is None:
            self._gone[key] = None

    def change(self) -> Change | None:
        """Return what the table becomes, or None when it stays as it is."""
        if not self._new and not self._gone:
            return None
        return Change(kept=self._kept(self._gone), rows=tuple(self._new.values()))

    def steps(self) -> tuple[Change, ...]:
        """Return the same in up to three steps: rows that are new, that changed, that go."""
        added = tuple(row for key, row in self._new.items() if key not in self._gone)
        changed = {key: row for key, row in self._new.items() if key in self._gone}
        steps: list[Change] = []
        if added:
            steps.append(Change(kept=self._kept({}), rows=added))
        if changed:
            steps.append(Change(kept=self._kept(changed), rows=tuple(changed.values())))
        if self.removed:
            steps.append(Change(kept=self._kept(self._gone), rows=()))
        return tuple(steps)

    def _live(self) -> dict[Key, Row]:
        """Return the rows, read now if they have not been."""
        if self._rows is None:
            self._rows = {
                row[self.table.primary]: row
                for fragment, stored in live_fragments(self._store, self.before)
                for place, row in enumerate(stored)
                if place not in fragment.deleted
            }
        return self._rows

    def _kept(self, dropped: Collection[Key]) -> tuple[Fragment, ...]:
        """Return the fragments with these rows marked as gone; an empty one is dropped."""
        kept: list[Fragment] = []
        for fragment, stored in live_fragments(self._store, self.before):
            gone = {place for place, row in enumerate(stored) if row[self.table.primary] in dropped}
            deleted = tuple(sorted(gone.union(fragment.deleted)))
            if len(deleted) < fragment.rows_count:
                kept.append(replace(fragment, deleted=deleted))
        return tuple(kept)
