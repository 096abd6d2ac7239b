"""The files of a record: written whole or not at all, read with a clear word when they are not.

It never writes into a record that a campaign is still writing; the recorder does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from killpoint.errors import RecordError
from killpoint.records.model import FORMAT, Points, Run
from killpoint.records.rows import RowWriter, read_rows, seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from killpoint.records.model import CaseRow

RUN_NAME = "run.json"
POINTS_NAME = "points.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record on disk. The rows stay there: `rows()` reads them anew each time."""

    directory: Path
    run: Run
    points: Points

    def rows(self) -> Iterator[CaseRow]:
        """Yield the cases in order."""
        return read_rows(self.directory)

    @property
    def complete(self) -> bool:
        """Return whether the campaign came to its own end."""
        return self.run.complete


def read_record(directory: Path) -> Record:
    """Read the record in `directory`, finished or not.

    Raises `RecordError` when there is none, or when it is damaged or of another format.
    """
    if not (directory / RUN_NAME).is_file():
        raise RecordError(directory, f"there is no {RUN_NAME}")
    run = _read_json(directory / RUN_NAME, Run)
    has_points = (directory / POINTS_NAME).is_file()
    points = _read_json(directory / POINTS_NAME, Points) if has_points else Points()
    return Record(directory=directory, run=run, points=points)


def write_run(directory: Path, run: Run) -> None:
    """Replace `run.json`, whole or not at all."""
    _write_json(directory / RUN_NAME, run, indent=2)


def write_points(directory: Path, points: Points) -> None:
    """Replace `points.json`, whole or not at all."""
    _write_json(directory / POINTS_NAME, points, indent=-1)


def write_rows(directory: Path, rows: Iterable[CaseRow]) -> None:
    """Write all rows of a record that is already over."""
    writer = RowWriter(directory)
    for row in rows:
        writer.add(row)
    writer.close()
    seal(directory)


def _write_json(path: Path, value: object, *, indent: int) -> None:
    content = msgspec.json.encode(value)
    if indent > 0:
        content = msgspec.json.format(content, indent=indent)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


class _Format(msgspec.Struct):
    format: int = 0


def _read_json(path: Path, kind: type[T]) -> T:
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Format).format
        if version != FORMAT:
            raise RecordError(path, f"its format is {version}, and this version reads {FORMAT}")
        return msgspec.json.decode(content, type=kind)
    except OSError as error:
        raise RecordError(path, why(error)) from error
    except msgspec.DecodeError as error:
        raise RecordError(path, f"it is damaged ({error})") from error


def why(error: OSError) -> str:
    """Return the cause in the words of the system."""
    return error.strerror or str(error)
