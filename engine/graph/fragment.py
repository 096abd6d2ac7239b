"""Rows as bytes: one Arrow IPC file per fragment, immutable once written.

It never reads or writes a path itself, and stays on the calling thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.ipc

from engine.graph.errors import DamagedFileError
from engine.graph.record import digest
from engine.graph.schema import ColumnType, Row, TableSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.INT: pa.int64(),
    ColumnType.FLOAT: pa.float64(),
    ColumnType.STR: pa.string(),
    ColumnType.BOOL: pa.bool_(),
}


def encode_rows(table: TableSchema, rows: Sequence[Row]) -> bytes:
    """Return the rows as an Arrow IPC file; equal rows give equal bytes."""
    arrow = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in table.columns.items()])
    batch = pa.RecordBatch.from_pydict(
        {name: [row[name] for row in rows] for name in table.columns}, schema=arrow
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, arrow) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def decode_rows(path: str, data: bytes, expected_digest: str) -> tuple[Row, ...]:
    """Return the rows of a fragment, or raise `DamagedFileError` if it is not the one committed."""
    if digest(data) != expected_digest:
        raise DamagedFileError(path, "its bytes are not those that were committed")
    options = pa.ipc.IpcReadOptions(use_threads=False)
    with pa.ipc.open_file(pa.BufferReader(data), options=options) as reader:
        rows = reader.read_all().to_pylist()
    return tuple(rows)
