"""What writers may write: fragments and indices, under names that nothing refers to.

A table may change in several steps, one version each; every step keeps rows of the version before
the operation, marks others as gone, and adds rows to those that the steps before it added. Until a
version is committed nothing refers to its fragments. It never moves a table; `commit` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.graph import maintenance_points, points
from engine.graph.errors import OvertakenError
from engine.graph.fragment import encode_rows
from engine.graph.index import Coverage, encode_coverage, indexed_columns
from engine.graph.record import digest
from engine.graph.table import MAIN, Fragment, Index, TableVersion, fragment_path, index_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.graph.schema import Row, TableSchema
    from engine.graph.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step: fragments of the version before the operation that stay, and new rows."""

    kept: tuple[Fragment, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the versions of an operation come to stand: its id, the table, the chain."""

    operation: str
    table: TableSchema
    ref: str = MAIN


def stage(
    store: Store, place: Place, before: TableVersion, steps: Sequence[Change]
) -> tuple[TableVersion, ...]:
    """Write the new rows where nothing refers to them, and return the versions that will."""
    added: tuple[Fragment, ...] = ()
    versions: list[TableVersion] = []
    for number, step in enumerate(steps):
        if step.rows:
            added = (*added, put_rows(store, place, number, step.rows))
        version = before.version + number + 1
        versions.append(
            TableVersion(
                key=place.table.home,
                version=version,
                parent=version - 1,
                operation_id=place.operation,
                fragments=(*step.kept, *added),
                ref=place.ref,
                index=before.index,
            )
        )
    return tuple(versions)


def put_rows(store: Store, place: Place, number: int, rows: Sequence[Row]) -> Fragment:
    """Write one fragment."""
    path = fragment_path(place.table, place.operation, number)
    data = encode_rows(place.table, rows)
    if not store.storage.put_if_absent(points.FRAGMENT_PUT, path, data):
        raise OvertakenError(place.operation, "an earlier operation had the same id")
    return Fragment(path=path, rows_count=len(rows), digest=digest(data))


def put_index(store: Store, place: Place, coverage: Coverage) -> Index:
    """Write one index."""
    path = index_path(place.table, place.operation)
    data = encode_coverage(place.table, coverage)
    if not store.storage.put_if_absent(maintenance_points.INDEX_PUT, path, data):
        raise OvertakenError(place.operation, "an earlier operation had the same id")
    return Index(
        path=path,
        digest=digest(data),
        columns=indexed_columns(place.table),
        covers=tuple(coverage.fragments),
    )
