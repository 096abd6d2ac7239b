"""What the page draws, as figures."""

from __future__ import annotations

import pytest

from killpoint.records import Pair
from killpoint.report.charts import CELLS_MAX, cells, spread, times
from killpoint.verdict import Verdict


def _pair(number: int, verdict: Verdict = Verdict.PASSED, *, kills_count: int = 1) -> Pair:
    return Pair(point="a.b", occurrence=number, kills_count=kills_count, verdict=verdict)


def test_a_cell_names_its_pair_and_what_came_of_it() -> None:
    """A pair that nothing struck is said to be not killed."""
    shown, per_cell = cells([_pair(1), _pair(2, Verdict.UNDECIDED, kills_count=0)])
    assert 1 == per_cell
    assert [("passed", "a.b@1: passed"), ("missing", "a.b@2: not killed")] == [
        (each.kind, each.title) for each in shown
    ]


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.UNDECIDED])
def test_a_shared_cell_shows_the_worst(verdict: Verdict) -> None:
    """Among thousands of pairs one that is not passed is still seen."""
    pairs = [_pair(number) for number in range(1, 3 * CELLS_MAX + 1)]
    pairs[700] = _pair(701, verdict)
    shown, per_cell = cells(pairs)
    assert (CELLS_MAX, 3) == (len(shown), per_cell)
    wrong = [each for each in shown if each.kind != "passed"]
    assert [(verdict.value, f"a.b@700 to a.b@702: {verdict.value}")] == [
        (each.kind, each.title) for each in wrong
    ]


def test_bars_span_all_times_and_count_every_case() -> None:
    """Between the shortest and the longest there is a bar for each step, also an empty one."""
    bars = times(spread([0.002, 0.002, 0.2]))
    assert 3 == sum(bar.count for bar in bars)
    assert [1.0, 0.5] == [bars[0].height, bars[-1].height]
    assert 13 == len(bars)
    assert () == times(spread([]))
