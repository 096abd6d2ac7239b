"""What the failure of each call to the storage, or damage to each file, comes to: the matrix.

A row is an effect of the store, such as `sidecar.put`, or a sort of file, such as
`manifest/*.json`; within it, one line a scenario. The columns count what came of it: the operation
failed and nothing has changed, it failed and yet is there, it went on as if nothing had been; the
damage was harmless, or it was named. It never judges: the verdict of a line is the worst of its
cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from killpoint.case import Answer
from killpoint.fault import DAMAGES, Fault
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable

    from killpoint.records import CaseRow

PYTHON = "python."
OF_ERRORS = (Answer.UNCHANGED, Answer.DONE, Answer.WENT_ON)
OF_DAMAGES = (Answer.HARMLESS, Answer.NAMED)
DAMAGED = frozenset(fault.value for fault in DAMAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixLine:
    """Cases of one name: how many, and how many of them each answer has."""

    name: str
    cases_count: int
    counts: tuple[tuple[str, int], ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """An effect: all its cases together, and by writer; `faults` are those that were tried."""

    whole: MatrixLine
    faults: tuple[str, ...]
    writers: tuple[MatrixLine, ...]


def matrix_of(rows: Iterable[CaseRow]) -> tuple[MatrixRow, ...]:
    """Return the matrix, by name of the effect; nothing for a campaign without errors."""
    by_effect: dict[str, list[CaseRow]] = {}
    for row in rows:
        if row.depth == 0 and row.fault != Fault.KILL.value:
            by_effect.setdefault(_effect(row), []).append(row)
    return tuple(_row(name, by_effect[name]) for name in sorted(by_effect))


def _effect(row: CaseRow) -> str:
    if row.fault in DAMAGED:
        path = PurePosixPath(row.point.replace("+", "/"))
        return str(path.with_name(f"*{path.suffix}")) if path.suffix else str(path)
    return row.point if row.point.startswith(PYTHON) else row.point.rpartition(".")[0]


def _row(name: str, rows: list[CaseRow]) -> MatrixRow:
    writers: dict[str, list[CaseRow]] = {}
    for row in rows:
        writers.setdefault(row.scenario, []).append(row)
    tried = {row.fault for row in rows}
    return MatrixRow(
        whole=_line(name, rows),
        faults=tuple(fault.value for fault in Fault if fault.value in tried),
        writers=tuple(_line(writer, own) for writer, own in writers.items()),
    )


def _line(name: str, rows: list[CaseRow]) -> MatrixLine:
    answers = OF_DAMAGES if any(row.fault in DAMAGED for row in rows) else OF_ERRORS
    return MatrixLine(
        name=name,
        cases_count=len(rows),
        counts=tuple(
            (answer.value, sum(row.answer is answer for row in rows)) for answer in answers
        ),
        verdict=worst(row.verdict for row in rows),
    )
