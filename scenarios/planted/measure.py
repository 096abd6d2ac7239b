"""`make planted`: how many of the known bugs are found, by what, and after how many cases.

    python -m scenarios.planted.measure [NAME...] [--workers N] [--quick]

Every planted bug is hunted as a campaign would, by real kills and errors; beside it in the same
run stand random kills. Bugs that take several operations are drawn for by the fuzz strategy; their
names begin with `drawn.`. Bugs that no campaign can meet are shown by the tests that the catalogue
names. A required bug that is missing or not found fails the run, and so does a fuzz strategy that
finds too few. Of a whole run without names the track record is written anew; `--quick` leaves out
random kills, shrinking and drawing.

It never counts a bug as found because its patch cannot run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click

from killpoint.process.pool import Pool
from killpoint.shrink import Bounds, shrink
from killpoint.token import parse
from scenarios.planted.catalogue import OPEN, REQUIRED, SHOWN, every_bug, missing
from scenarios.planted.drawn import (
    FAULTS_MAX,
    FINDS_MIN,
    OPERATIONS_MAX,
    Drawn,
    draw,
    operations_of,
)
from scenarios.planted.fuzzed import PAIRINGS
from scenarios.planted.hunt import Hunt, hunt
from scenarios.planted.random_kills import CASES_MAX, Luck, RandomKills, moments, per_hit, timed
from scenarios.planted.sound import sound
from scenarios.planted.track import Line, write
from scenarios.planted.workers import Answered, Asked, answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenarios.planted.patch import Bug
    from scenarios.planted.random_kills import Place

ROOT = Path(__file__).parents[2]
MEDIAN_MAX = 12
SHRINKING = Bounds(cases_max=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A bug, its hunt, what random kills would have taken, and the smallest case that shows it."""

    hunt: Hunt
    at_random: tuple[Luck, Luck] | None = None
    shrunk: str = ""

    @property
    def bug(self) -> Bug:
        """The bug."""
        return self.hunt.bug

    @property
    def required(self) -> bool:
        """Tell whether it stands for a row that must be found."""
        return bool({*self.bug.rows} & {*REQUIRED})


def main() -> int:
    """Measure, print the table and the score; return the exit code."""
    parser = argparse.ArgumentParser(prog="make planted", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="bugs by name; all without any")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="no random kills, no shrinking")
    options = parser.parse_args()
    named = {bug.name: bug for bug in every_bug()}
    drawable = {} if options.quick else {f"drawn.{each.bug.name}": each for each in PAIRINGS}
    names = options.names or [*named, *drawable]
    unknown = {*names} - named.keys() - drawable.keys()
    if unknown:
        parser.error(f"there is no planted bug called {', '.join(sorted(unknown))}")
    workers = options.workers
    bugs = [named[name] for name in names if name in named]
    when = {} if options.quick else {name: moments(sound(name)) for name in _starts(bugs)}
    measured = _each(lambda pool, bug: _one(pool, bug, when), bugs, _row, workers)
    drawn = _each(draw, [drawable[name] for name in names if name in drawable], _drawn_row, workers)
    shown = options.names or _show()
    if not options.names and not options.quick:
        lines = [Line.of(each.hunt, each.shrunk) for each in measured if each.hunt.first]
        write([*lines, *(each.line for each in drawn if each.case)])
    return _score(measured, drawn, whole=not options.names, shown=bool(shown))


def _each(
    work: Callable[[Pool, Asked], Answered],
    all_asked: Sequence[Asked],
    row: Callable[[Answered], str],
    workers_count: int,
) -> list[Answered]:
    """Return what the work makes of each, and say it as soon as it is there."""
    began = time.monotonic()
    done: list[Answered] = []
    for each in answers(work, all_asked, workers_count=workers_count):
        done.append(each)
        left_s = (time.monotonic() - began) / len(done) * (len(all_asked) - len(done))
        click.echo(row(each))
        if not len(done) % 10:
            click.echo(f"  {len(done)} of {len(all_asked)}, {left_s:.0f} s left")
    return done


def _starts(bugs: Sequence[Bug]) -> list[str]:
    return sorted({name for bug in bugs for name in bug.about})


def _one(pool: Pool, bug: Bug, when: dict[str, dict[Place, float]]) -> Measured:
    hunted = hunt(pool, bug)
    if hunted.first is None or not when:
        return Measured(hunt=hunted)
    find = hunted.expected or hunted.first
    case = parse(find.token).case
    hits = pool.prepare(case.scenario).hits
    kills = RandomKills(pool, case.scenario, hits)
    (about,) = (each for each in bug.about if case.scenario.endswith(each.partition(".")[2]))
    luck = (
        kills.luck(lambda chance: timed(hits, when[about], chance)),
        kills.luck(lambda chance: per_hit(hits, chance)),
    )
    smallest = shrink(pool, case, bounds=SHRINKING)
    return Measured(
        hunt=hunted,
        at_random=luck,
        shrunk=str(smallest.token),
    )


def _show() -> bool:
    """Run the tests that show what no campaign meets; each named one must be there and pass."""
    tests = sorted({one.test for one in SHOWN})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--no-header", *tests], cwd=ROOT, check=False
    )
    return done.returncode == 0


def _row(one: Measured) -> str:
    """Return what there is to say of a bug, in lines of at most 80 columns."""
    bug, find = one.bug, one.hunt.expected or one.hunt.first
    rows = ", ".join(bug.rows) or "-"
    head = f"{rows:9} {bug.name:34} {bug.by:5} "
    if one.hunt.first is None or find is None:
        return f"{head} NOT FOUND in {one.hunt.cases_count:,} cases"
    lines = [f"{head} case {one.hunt.first.number}"]
    if one.hunt.first.crashed:
        lines[0] += "  NOT FOUND: the patch crashed"
    names = ", ".join(dict.fromkeys(find.invariants))
    expected = "" if one.hunt.expected else f" (expected: {bug.expected})"
    lines += textwrap.wrap(f"by {names}{expected}", 68)
    if one.at_random:
        lines.append(f"timed kills {one.at_random[0]}; kills per hit {one.at_random[1]}")
    lines.append(one.shrunk or find.token)
    return "\n          ".join(lines)


def _drawn_row(one: Drawn) -> str:
    """Return what there is to say of a bug that was drawn for."""
    head = f"{'fuzz':9} {one.pairing.bug.name:34} fuzz  "
    if one.case is None:
        return f"{head} not found in {one.examples_count:,} examples"
    told = f"{operations_of(one.case)} operations, {len(one.case.steps)} faults"
    lines = (f"{head} example {one.examples_count}", f"by {one.pairing.bug.expected}: {told}")
    return "\n          ".join((*lines, one.token))


def _score(
    measured: Sequence[Measured], drawn: Sequence[Drawn], *, whole: bool, shown: bool
) -> int:
    """Print what was found and return the exit code."""
    click.echo()
    if whole:
        _tell_of_others()
    counts = [each.hunt.first.number for each in measured if each.hunt.first and each.required]
    middle = median(counts) if counts else 0
    if counts:
        click.echo(f"cases until a required bug shows: median {middle:g}, at most {max(counts)}")
    for number, name in enumerate(("timed kills", "kills per hit")):
        luck = [each.at_random[number] for each in measured if each.at_random]
        if luck:
            click.echo(f"{name}: {_of_luck(luck)}")
    small = sum(each.small for each in drawn)
    if drawn:
        click.echo(
            f"drawn: {small} of {len(drawn)} bugs of several operations, each shown by at most "
            f"{OPERATIONS_MAX} operations and {FAULTS_MAX} faults"
        )
    lost = [each.bug.name for each in measured if not each.hunt.found]
    also = f", {len(SHOWN)} more by tests, {len(OPEN)} open" if whole else ""
    click.echo(f"found {len(measured) - len(lost)} of {len(measured)} planted bugs{also}")
    few = whole and drawn and small < FINDS_MIN
    wrong = {
        "MISSING": ", ".join(missing()) if whole else "",
        "NOT FOUND": ", ".join(lost),
        "NOT SHOWN": "" if shown else "the tests above did not all pass",
        "LATE": f"the median is above {MEDIAN_MAX}" if whole and middle > MEDIAN_MAX else "",
        "FEW": f"the fuzz strategy is to find {FINDS_MIN}" if few else "",
    }
    for word, told in wrong.items():
        if told:
            click.echo(f"{word}: {told}")
    return int(any(wrong.values()))


def _tell_of_others() -> None:
    """Print the bugs that no campaign meets: shown by tests, or open."""
    for shown in SHOWN:
        click.echo(f"{shown.row:9} {shown.mechanism}\n          by {shown.by}: {shown.test}")
    for one in OPEN:
        click.echo(f"{one.row:9} {one.mechanism}\n          open: waits for {one.waits_for}")
    click.echo()


def _of_luck(luck: Sequence[Luck]) -> str:
    """Return the median over the bugs, and how many were missed in every run."""
    missed = sum(all(count is None for count in each.counts) for each in luck)
    found = [count for each in luck for count in each.counts if count is not None]
    middle = f"median {median(found):g} cases where found" if found else "nothing found"
    return f"{middle}; {missed} of {len(luck)} bugs missed in {CASES_MAX} cases"


if __name__ == "__main__":
    sys.exit(main())
