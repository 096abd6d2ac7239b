"""Where values stand: an index over the primary key and the references of a table.

An index is one immutable file. It covers the fragments that were there when it was made, and goes
on covering them in later versions, because fragments never change; rows that have come since are
looked through, and rows that are marked as gone are passed over. Making it again reads only the
fragments that the one before does not cover.

It never holds a row, and never decides what a reader sees: without it every answer is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.graph import maintenance_points
from engine.graph.errors import BadStatementError, DamagedFileError
from engine.graph.record import decode, digest, encode, parsing
from engine.graph.table import Fragment, TableVersion, read_fragment
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.graph.schema import Row, TableSchema
    from engine.graph.store import Store
    from engine.graph.table import Index

Places = tuple[int, ...]  # of rows in a fragment
Entries = dict[str, dict[Any, Places]]  # by column, by value


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What an index knows: by fragment, by column, where each value stands."""

    fragments: Mapping[str, Entries]


def indexed_columns(table: TableSchema) -> tuple[str, ...]:
    """Return the columns that a table's index is about, in order."""
    return tuple(sorted({table.primary, *table.references}))


def uncovered(table: TableSchema, version: TableVersion) -> tuple[Fragment, ...]:
    """Return the fragments that the index of a version does not cover in all columns."""
    index = version.index
    if index is None or index.columns != indexed_columns(table):
        return version.fragments
    return tuple(one for one in version.fragments if one.path not in index.covers)


def coverage_of(store: Store, table: TableSchema, version: TableVersion) -> Coverage:
    """Return an index over all fragments, from the one there is and from what it does not cover."""
    lacking = {one.path for one in uncovered(table, version)}
    known = read_coverage(store, version.index).fragments if version.index else {}
    columns = indexed_columns(table)
    return Coverage(
        fragments={
            one.path: _entries(columns, read_fragment(store, one))
            if one.path in lacking
            else known[one.path]
            for one in version.fragments
        }
    )


def find_rows(
    store: Store, table: TableSchema, version: TableVersion, column: str, value: object
) -> list[Row]:
    """Return the live rows with this value in a column, sorted by key, as the caller's own.

    A covered fragment is read only if it holds one. Raises `BadStatementError` for a column that
    is not there, or a value that no column could hold.
    """
    try:
        hash(value)
    except TypeError as refusal:
        reason = f"looks for {value!r}, which no column can hold"
        raise BadStatementError(table.key, reason) from refusal
    if column not in table.columns:
        raise BadStatementError(table.key, f"looks in a column {column!r} that it does not have")
    index = version.index if version.index and column in version.index.columns else None
    known = read_coverage(store, index).fragments if index else {}
    rows: list[Row] = []
    for fragment in version.fragments:
        if fragment.path in known:
            places: Iterable[int] = known[fragment.path][column].get(value, ())
            stored = read_fragment(store, fragment) if places else ()
        else:
            stored = read_fragment(store, fragment)
            places = (place for place, row in enumerate(stored) if row[column] == value)
        deleted = frozenset(fragment.deleted)
        rows += [dict(stored[place]) for place in places if place not in deleted]
    return sorted(rows, key=lambda row: row[table.primary])


def encode_coverage(table: TableSchema, coverage: Coverage) -> bytes:
    """Return the bytes of an index."""
    fragments = {
        path: {
            column: [[value, list(places)] for value, places in sorted(by_value.items())]
            for column, by_value in entries.items()
        }
        for path, entries in coverage.fragments.items()
    }
    return encode({"key": table.home, "fragments": fragments})


def read_coverage(store: Store, index: Index) -> Coverage:
    """Return what an index file holds, or raise `DamagedFileError` if it is not the one named."""
    try:
        data = store.read(maintenance_points.INDEX_READ, index.path)
    except NotFoundError as missing:
        raise DamagedFileError(index.path, "it is missing, yet a version names it") from missing
    if digest(data) != index.digest:
        raise DamagedFileError(index.path, "its bytes are not those that were committed")
    fields = decode(index.path, data)
    with parsing(index.path):
        return Coverage(
            fragments={
                path: {
                    column: {value: tuple(places) for value, places in pairs}
                    for column, pairs in entries.items()
                }
                for path, entries in fields["fragments"].items()
            }
        )


def _entries(columns: Sequence[str], rows: Sequence[Row]) -> Entries:
    """Return where the values of some columns stand in the rows of one fragment."""
    found: dict[str, dict[Any, list[int]]] = {column: {} for column in columns}
    for place, row in enumerate(rows):
        for column in columns:
            found[column].setdefault(row[column], []).append(place)
    return {
        column: {value: tuple(places) for value, places in by_value.items()}
        for column, by_value in found.items()
    }
