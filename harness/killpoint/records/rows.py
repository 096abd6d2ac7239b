"""Rows of cases on disk: a stream while the campaign runs, a Parquet file when it is over.

The stream is Arrow IPC without a footer: each batch is readable as soon as it is written, so a
campaign that is killed leaves every batch but the one it was writing. pyarrow is imported when a
row is first written or read, because it costs more than all the rest of killpoint.

It never holds more than a batch of rows in memory.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import msgspec

from killpoint.errors import RecordError
from killpoint.fault import Fault
from killpoint.records.model import CaseRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from killpoint.events import CaseFinished

STREAM_NAME = "cases.arrow"
TABLE_NAME = "cases.parquet"
TEXT_CHARACTERS_MAX = 4_000
ROWS_PER_BATCH_MAX = 256

_COLUMN_TYPES = {
    "index": "int64",
    "scenario": "string",
    "token": "string",
    "depth": "int16",
    "first_point": "string",
    "first_occurrence": "int64",
    "point": "string",
    "occurrence": "int64",
    "verdict": "string",
    "reason": "string",
    "signature": "string",
    "invariants": "list",
    "detail": "string",
    "parent_image": "string",
    "crash_image": "string",
    "recovered_image": "string",
    "recovery_hits_count": "int32",
    "acknowledged_count": "int64",
    "victim_s": "float64",
    "verify_s": "float64",
    "worker": "int32",
    "means": "string",
    "made_again": "bool",
    "twice": "string",
    "fault": "string",
    "answer": "string",
    "parent_key": "string",
}


def clipped(text: str) -> str:
    """Return the text, or its end with a word about what is left out: a traceback ends well."""
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    left_out = len(text) - TEXT_CHARACTERS_MAX
    return f"({left_out:,} characters left out) ...{text[-TEXT_CHARACTERS_MAX:]}"


def row_of(event: CaseFinished) -> CaseRow:
    """Flatten the result of a case into its row."""
    result = event.result
    steps, images = result.case.steps, result.crash_images
    names = [(step.point or f"#{step.ordinal}", step.occurrence) for step in steps] or [("", 0)]
    struck_last = len(images) == len(steps) and bool(images)
    evidence = "\n".join(line for each in result.violations for line in each.evidence)
    return CaseRow(
        index=event.index,
        scenario=result.case.scenario,
        token=event.token,
        depth=result.case.depth,
        first_point=names[0][0],
        first_occurrence=names[0][1],
        point=names[-1][0],
        occurrence=names[-1][1],
        verdict=result.verdict,
        reason=result.reason,
        signature=result.signature,
        invariants=tuple(each.invariant for each in result.violations),
        detail=clipped("\n".join(each for each in (evidence, result.detail) if each)),
        parent_image=images[len(steps) - 2] if 1 < len(steps) <= len(images) + 1 else "",
        crash_image=images[-1] if struck_last else "",
        recovered_image=result.recovered_image,
        recovery_hits_count=len(result.recovery_hits),
        acknowledged_count=result.history.acknowledged_count,
        victim_s=result.victim_s,
        verify_s=result.verify_s,
        worker=result.worker,
        means=result.means,
        made_again=result.made_again,
        twice=result.twice,
        fault=steps[-1].fault.value if steps else Fault.KILL.value,
        answer=result.answer,
        parent_key=result.parent_key,
    )


class RowWriter:
    """Appends rows to the stream in a directory; `flush` makes them readable."""

    def __init__(self, directory: Path) -> None:
        """Write nothing yet: the stream is opened by the first flush."""
        self._directory = directory
        self._pending: list[dict[str, Any]] = []
        self._file: Any = None
        self._stream: Any = None
        self._buffer = io.BytesIO()

    def add(self, row: CaseRow) -> None:
        """Queue one row; a full batch is written at once."""
        self._pending.append(msgspec.to_builtins(row))
        if len(self._pending) >= ROWS_PER_BATCH_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what is queued as one batch."""
        if self._stream is None:
            self._open()
        if not self._pending:
            return
        # Encoded first and written at once, so that Ctrl-C never leaves half a batch in the middle.
        self._buffer.seek(0)
        self._buffer.truncate()
        batch = _arrow().RecordBatch.from_pylist(self._pending, schema=_schema())
        self._stream.write_batch(batch)
        self._file.write(self._buffer.getvalue())
        self._file.flush()
        self._pending.clear()

    def _open(self) -> None:
        self._file = (self._directory / STREAM_NAME).open("wb")
        self._stream = _arrow().ipc.new_stream(self._buffer, _schema())
        self._file.write(self._buffer.getvalue())

    def close(self) -> None:
        """Flush and end the stream; calling it again does nothing."""
        if self._file is not None and self._file.closed:
            return
        self.flush()
        self._buffer.seek(0)
        self._buffer.truncate()
        self._stream.close()
        self._file.write(self._buffer.getvalue())
        self._file.close()

    def abandon(self) -> None:
        """Let go of the stream as it is, after the disk refused a write."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # It would refuse once more.
                self._file.close()


def seal(directory: Path) -> None:
    """Turn the closed stream into the Parquet file, whole or not at all, and remove the stream."""
    parquet = _parquet()
    unfinished = directory / (TABLE_NAME + ".part")
    with parquet.ParquetWriter(unfinished, _schema(), compression="zstd") as writer:
        for batch in _batches_of_stream(directory / STREAM_NAME):
            writer.write_batch(batch)
    unfinished.replace(directory / TABLE_NAME)
    (directory / STREAM_NAME).unlink()


def read_rows(directory: Path) -> Iterator[CaseRow]:
    """Yield the rows of a record in order, from whichever form is there; none is no error.

    A stream that ends in the middle of a batch yields the batches before it.
    """
    table, stream = directory / TABLE_NAME, directory / STREAM_NAME
    try:
        if table.exists():
            with _parquet().ParquetFile(table) as file:
                for batch in file.iter_batches(use_threads=False):
                    yield from _rows_of(batch)
        elif stream.exists():
            for batch in _batches_of_stream(stream):
                yield from _rows_of(batch)
    except (OSError, _arrow().ArrowException, msgspec.ValidationError) as error:
        raise RecordError(directory, f"its rows cannot be read ({error})") from error


def _rows_of(batch: Any) -> Iterator[CaseRow]:  # noqa: ANN401 -- pyarrow has no types here
    for values in batch.to_pylist():
        yield msgspec.convert(values, CaseRow)


def _batches_of_stream(path: Path) -> Iterator[Any]:
    arrow = _arrow()
    with path.open("rb") as file:
        try:
            stream = arrow.ipc.open_stream(file)
        except (arrow.ArrowInvalid, OSError):
            return  # Killed before the schema was whole: there are no rows.
        while True:
            try:
                batch = stream.read_next_batch()
            except StopIteration:
                return
            except (arrow.ArrowInvalid, OSError):
                return  # The torn tail.
            yield batch


def _arrow() -> Any:  # noqa: ANN401 -- a module, imported late
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.ipc  # noqa: PLC0415

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    return pa


def _parquet() -> Any:  # noqa: ANN401 -- a module, imported late
    _arrow()
    import pyarrow.parquet  # noqa: PLC0415

    return pyarrow.parquet


def _schema() -> Any:  # noqa: ANN401 -- a schema of pyarrow
    arrow = _arrow()
    kinds = {
        "int16": arrow.int16(),
        "bool": arrow.bool_(),
        "int32": arrow.int32(),
        "int64": arrow.int64(),
        "float64": arrow.float64(),
        "string": arrow.string(),
        "list": arrow.list_(arrow.string()),
    }
    return arrow.schema([(name, kinds[kind]) for name, kind in _COLUMN_TYPES.items()])
