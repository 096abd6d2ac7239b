"""How rows become a change of one table: append, merge, overwrite.

Planning happens while the table's lock is held, against its newest version, so what is found
there still holds when the change is committed. It never writes.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.graph.commit import Change, Planner
from engine.graph.errors import DuplicateKeyError
from engine.graph.schema import Row, TableSchema, fit_rows
from engine.graph.table import Fragment, TableVersion, live_fragments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph.store import Store


class LoadMode(StrEnum):
    """What happens to the rows that are there."""

    APPEND = "append"  # they stay; a key that is there already is refused
    MERGE = "merge"  # they stay unless a new row has their key; the last of a batch wins
    OVERWRITE = "overwrite"  # they go


def planners(
    store: Store, rows_by_table: Mapping[str, Iterable[Row]], mode: LoadMode
) -> dict[str, Planner]:
    """Return how each table is to change. Rows that do not fit are refused here, before any lock.

    Tables without rows do not change, except under overwrite, which empties them.
    """
    found: dict[str, Planner] = {}
    for key, given in rows_by_table.items():
        table = store.schema.table(key)
        rows = fit_rows(table, given)
        if mode is LoadMode.MERGE:
            rows = list({row[table.primary]: row for row in rows}.values())
        _check_batch(table, rows)
        found[key] = _planner(store, table, tuple(rows), mode)
    return found


def _planner(store: Store, table: TableSchema, rows: tuple[Row, ...], mode: LoadMode) -> Planner:
    """Return the plan of one table."""

    def plan(before: TableVersion) -> Change | None:
        match mode:
            case LoadMode.APPEND if rows:
                _check_absent(store, table, before, rows)
                return Change(kept=before.fragments, rows=rows)
            case LoadMode.MERGE if rows:
                return Change(kept=_without(store, table, before, rows), rows=rows)
            case LoadMode.OVERWRITE if rows or before.fragments:
                return Change(kept=(), rows=rows)
            case LoadMode.APPEND | LoadMode.MERGE | LoadMode.OVERWRITE:
                return None

    return plan


def _check_batch(table: TableSchema, rows: list[Row]) -> None:
    """Refuse a key that comes twice in one batch."""
    seen: set[object] = set()
    for row in rows:
        key = row[table.primary]
        if key in seen:
            raise DuplicateKeyError(table.key, key)
        seen.add(key)


def _check_absent(
    store: Store, table: TableSchema, before: TableVersion, rows: tuple[Row, ...]
) -> None:
    """Refuse a key that the table has already."""
    new = {row[table.primary] for row in rows}
    for fragment, stored in live_fragments(store, before):
        for place, row in enumerate(stored):
            if row[table.primary] in new and place not in fragment.deleted:
                raise DuplicateKeyError(table.key, row[table.primary])


def _without(
    store: Store, table: TableSchema, before: TableVersion, rows: tuple[Row, ...]
) -> tuple[Fragment, ...]:
    """Return the fragments with the rows of these keys deleted; an empty one is dropped."""
    new = {row[table.primary] for row in rows}
    kept: list[Fragment] = []
    for fragment, stored in live_fragments(store, before):
        replaced = {place for place, row in enumerate(stored) if row[table.primary] in new}
        deleted = tuple(sorted(replaced.union(fragment.deleted)))
        if len(deleted) < fragment.rows_count:
            kept.append(replace(fragment, deleted=deleted))
    return tuple(kept)
