"""What the failure of each call to the storage comes to, for each writer: the matrix of errors.

A row is an effect of the store, such as `sidecar.put`; within it, one line a scenario. The columns
count what came of the operation whose storage failed: it failed and nothing has changed, it failed
and yet is there, or it went on as if nothing had been. It never judges: the verdict of a line is
the worst of its cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.case import Answer
from killpoint.fault import Fault
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable

    from killpoint.records import CaseRow

PYTHON = "python."


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixLine:
    """Cases of one name: how many, and what came of them."""

    name: str
    cases_count: int
    unchanged_count: int
    done_count: int
    went_on_count: int
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
            by_effect.setdefault(_effect(row.point), []).append(row)
    return tuple(_row(name, by_effect[name]) for name in sorted(by_effect))


def _effect(point: str) -> str:
    return point if point.startswith(PYTHON) else point.rpartition(".")[0]


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
    return MatrixLine(
        name=name,
        cases_count=len(rows),
        unchanged_count=sum(row.answer is Answer.UNCHANGED for row in rows),
        done_count=sum(row.answer is Answer.DONE for row in rows),
        went_on_count=sum(row.answer is Answer.WENT_ON for row in rows),
        verdict=worst(row.verdict for row in rows),
    )
