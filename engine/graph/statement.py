"""What one operation may be made of: insert, merge, overwrite, update, delete.

A statement is fitted to the schema before any lock is taken, so that what could never be carried
out is refused at once and costs nobody anything. It never looks at a table; `planning` does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.graph.errors import BadStatementError, DuplicateKeyError
from engine.graph.schema import Row, fit_rows, fit_values

if TYPE_CHECKING:
    from engine.graph.schema import Schema, TableSchema

Key = int | str
Which = Collection[Key] | Callable[[Row], bool]  # rows by their keys, or by what they hold


@dataclass(frozen=True, slots=True)
class Insert:
    """Add rows; a key that is there already is refused."""

    table: str
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Merge:
    """Add rows, each in the place of the one that has its key; the last of a batch wins."""

    table: str
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Put rows in the place of all that are there."""

    table: str
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Update:
    """Give some columns new values in certain rows; there need not be any such row."""

    table: str
    which: Which
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Take certain rows away; there need not be any such row.

    A row that others refer to is refused, unless `cascade` takes those away, too.
    """

    table: str
    which: Which
    cascade: bool = False


Statement = Insert | Merge | Overwrite | Update | Delete


def fitted(schema: Schema, statement: Statement) -> Statement:
    """Return the statement with copies of its rows that fit, or raise what says why not."""
    table = schema.table(statement.table)
    match statement:
        case Insert() | Overwrite():
            return replace(statement, rows=_unique(table, fit_rows(table, statement.rows)))
        case Merge():
            rows = {row[table.primary]: row for row in fit_rows(table, statement.rows)}
            return replace(statement, rows=tuple(rows.values()))
        case Update():
            which, values = _which(table, statement.which), fit_values(table, statement.values)
            return replace(statement, which=which, values=values)
        case Delete():
            return replace(statement, which=_which(table, statement.which))


def is_strict(statement: Statement) -> bool:
    """Whether it rests on what its author had read, so that a table moved since is refused.

    The others say all that they need to: they are put on top of whatever is current.
    """
    match statement:
        case Overwrite() | Update() | Delete():
            return True
        case Insert() | Merge():
            return False


def _unique(table: TableSchema, rows: list[Row]) -> tuple[Row, ...]:
    """Refuse a key that comes twice in one batch."""
    seen: set[Key] = set()
    for row in rows:
        key = row[table.primary]
        if key in seen:
            raise DuplicateKeyError(table.key, key)
        seen.add(key)
    return tuple(rows)


def _which(table: TableSchema, which: Which) -> Which:
    """Return a copy of the keys; one str would be taken for the keys that are its letters."""
    if callable(which):
        return which
    if isinstance(which, str | bytes):
        raise BadStatementError(table.key, f"names {which!r} where a collection of keys belongs")
    return tuple(dict.fromkeys(which))
