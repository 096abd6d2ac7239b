"""What the page draws: a cell per pair, and how long cases took.

Only figures and positions; the template turns them into marks. It never draws more than a page
can bear: many pairs share a cell, which then shows the worst of them.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.report.words import counted, plain
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from killpoint.records import Pair

CELLS_MAX = 1_200
BUCKETS_PER_DECADE = 6
BUCKET_FLOOR_S = 0.0001
LABELS_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One mark of the map. `kind` is a verdict, or `missing` when nothing was killed there."""

    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBar:
    """One bar of the chart of times. `height` is between 0 and 1."""

    label: str
    count: int
    height: float
    shown_label: bool


def cells(pairs: Sequence[Pair]) -> tuple[tuple[Cell, ...], int]:
    """Return the cells for these pairs, in order, and how many pairs each stands for."""
    per_cell = max(math.ceil(len(pairs) / CELLS_MAX), 1)
    groups = [pairs[start : start + per_cell] for start in range(0, len(pairs), per_cell)]
    return tuple(_cell(group) for group in groups), per_cell


def _cell(group: Sequence[Pair]) -> Cell:
    missing = [each for each in group if not each.struck]
    verdict = worst(each.verdict for each in group if each.struck)
    kind = verdict.value if not missing or verdict is Verdict.FAILED else "missing"
    first, last = group[0], group[-1]
    name = f"{plain(first.point)}@{first.occurrence}"
    if last is not first:
        name += f" to {plain(last.point)}@{last.occurrence}"
    recoveries = sum(each.recovery_kills_count for each in group)
    state = "not killed" if missing else verdict.value
    title = f"{name}: {state}"
    if recoveries:
        title += f", {counted(recoveries, 'recovery kill')}"
    if first.footprint and last is first:
        title += f", {plain(first.footprint)}"
    return Cell(kind=kind, title=title)


def spread(durations_s: Iterable[float]) -> dict[int, int]:
    """Count durations in buckets of equal width on a logarithmic scale."""
    return Counter(_bucket(each) for each in durations_s)


def _bucket(duration_s: float) -> int:
    return round(math.log10(max(duration_s, BUCKET_FLOOR_S)) * BUCKETS_PER_DECADE)


def times(buckets: Mapping[int, int]) -> tuple[TimeBar, ...]:
    """Return the bars from the shortest to the longest time, the empty ones between included."""
    if not buckets:
        return ()
    most = max(buckets.values())
    shown = range(min(buckets), max(buckets) + 1)
    labelled_each = math.ceil(len(shown) / LABELS_MAX)
    return tuple(
        TimeBar(
            label=_shown(10 ** (bucket / BUCKETS_PER_DECADE)),
            count=buckets.get(bucket, 0),
            height=buckets.get(bucket, 0) / most,
            shown_label=index % labelled_each == 0,
        )
        for index, bucket in enumerate(shown)
    )


def _shown(seconds: float) -> str:
    if seconds < 0.1:  # noqa: PLR2004 -- where milliseconds read better
        return f"{seconds * 1000:.2g} ms"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 -- same
