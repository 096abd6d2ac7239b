"""A traced program that reports its failpoints, with and without a gap between them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import killpoint
from killpoint.sources.marks import Unbracketed, unbracketed

if TYPE_CHECKING:
    from tests.sources.conftest import Bench

PROGRAM = """
import os, sys
sys.path.insert(0, {path!r})
from killpoint.failpoints import Seam, declare, install, reach
from killpoint.sources.marks import emit
point = {{n: declare("step." + n, durable="", pending="") for n in ("open", "write", "end")}}
install(Seam(observe=emit))
reach(point["open"])
f = os.open("f", os.O_CREAT | os.O_WRONLY)
reach(point["write"])
os.write(f, b"1")
{more}
reach(point["end"])
{after}
"""


def measured(bench: Bench, *, more: str = "", after: str = "") -> tuple[Unbracketed, ...]:
    """Run the program with additions under strace and measure it."""
    path = str(Path(killpoint.__file__).parents[1])
    code = PROGRAM.format(path=path, more=more, after=after)
    assert bench.run([sys.executable, "-BSc", code], marks=True) == os.EX_OK
    return unbracketed(bench.output, bench.root)


def test_a_program_with_a_point_before_every_change_has_no_gap(bench: Bench) -> None:
    """One call between neighbouring points is what a kill at points can tell apart."""
    assert () == measured(bench)


def test_two_changes_between_neighbours_are_a_gap(bench: Bench) -> None:
    """The gap names both points and all calls in it."""
    (gap,) = measured(bench, more='os.fsync(f); os.rename("f", "g")')
    expected = "between step.write and step.end: 3 calls (write f, fsync f, rename g)"
    assert expected == str(gap)


def test_changes_after_the_last_point_are_a_gap(bench: Bench) -> None:
    """A run of changes counts at the ends of a program as well."""
    (gap,) = measured(bench, after='os.mkdir("d"); os.mkdir("d/e")')
    assert ("step.end", "") == (gap.after_point, gap.before_point)


def test_a_child_that_reports_no_point_is_a_gap_of_its_own(bench: Bench) -> None:
    """Points of the parent do not excuse the calls of another process."""
    (gap,) = measured(bench, more='os.system("echo a > x; echo b > y")')
    assert (1, "", "") == (gap.tracee, gap.after_point, gap.before_point)
    assert ["x", "x", "y", "y"] == [call.path for call in gap.calls]
