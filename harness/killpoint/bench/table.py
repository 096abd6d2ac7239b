"""Print results as one table that fits 80 columns. It never computes a ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from killpoint.bench.ratio import Cost, Measured, Result, Unmeasured, middle_cost

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH_COLUMNS = 80


def table(scenario: str, results: Iterable[Result]) -> Table:
    """Return the table of these results."""
    title = f"what the harness costs, with {scenario}"
    drawn = Table(title=title, width=WIDTH_COLUMNS, box=SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("row", justify="right")
    drawn.add_column("what", ratio=1)
    for name in ("target", "median", "min..max"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    for result in results:
        target = result.target
        row = str(target.row)
        wanted = f"{target.bound.value} {target.ratio:g}x"
        match result:
            case Measured():
                low, high = result.ratios[0], result.ratios[-1]
                drawn.add_row(
                    row,
                    f"{target.what}\n[dim]{result.note}[/dim]",
                    wanted,
                    f"{result.median:.2f}x",
                    f"{low:.2f}..{high:.2f}",
                    "[green]PASS[/green]" if result.met else "[red]miss[/red]",
                )
            case Unmeasured():
                drawn.add_row(row, f"{target.what}\n{result.why}", wanted, "", "", "none")
    return drawn


def breakdown(result: Measured) -> Table:
    """Return the table of where the time of a case goes, beside the bare forks that do its work."""
    drawn = Table(title="where the time of a case goes, ms", box=SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("")
    names = ("victim, fork to burial", "verifier, fork to burial", "clone, capture, judge", "all")
    above = middle_cost([each.above for each in result.rounds])
    below = middle_cost([each.below for each in result.rounds])
    for name in ("harness", "bare", "more"):
        drawn.add_column(name, justify="right")
    for name, ours, theirs in zip(names, _parts(above), _parts(below), strict=True):
        drawn.add_row(name, *(f"{each * 1e3:.2f}" for each in (ours, theirs, ours - theirs)))
    return drawn


def _parts(cost: Cost) -> tuple[float, ...]:
    return cost.victim_s, cost.verifier_s, cost.besides_s, cost.total_s


def console() -> Console:
    """Return the console that the table is printed on: never wider than the page."""
    return Console(width=WIDTH_COLUMNS, highlight=False)
