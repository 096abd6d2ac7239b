"""The three ways of loading rows into several tables, as statements. It never looks at a table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from engine.graph.statement import Insert, Merge, Overwrite, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph.schema import Row


class LoadMode(StrEnum):
    """What happens to the rows that are there."""

    APPEND = "append"  # they stay; a key that is there already is refused
    MERGE = "merge"  # they stay unless a new row has their key; the last of a batch wins
    OVERWRITE = "overwrite"  # they go


def load_statements(
    rows_by_table: Mapping[str, Iterable[Row]], mode: LoadMode
) -> tuple[Statement, ...]:
    """Return one statement a table."""
    return tuple(_statement(table, rows, mode) for table, rows in rows_by_table.items())


def _statement(table: str, rows: Iterable[Row], mode: LoadMode) -> Statement:
    match mode:
        case LoadMode.APPEND:
            return Insert(table, rows)
        case LoadMode.MERGE:
            return Merge(table, rows)
        case LoadMode.OVERWRITE:
            return Overwrite(table, rows)
