"""`make planted`: how many of the known bugs are found, by what, and after how many cases.

    python -m scenarios.planted.measure [NAME...] [--workers N] [--quick]

Every planted bug is hunted as a campaign would, by real kills and errors; beside it in the same
run stand random kills. Bugs that no campaign can meet are shown by the tests that the catalogue
names. A required bug that is missing or not found fails the run. Of a whole run without names the
track record is written anew; `--quick` leaves out random kills and shrinking.

It never counts a bug as found because its patch cannot run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import TYPE_CHECKING

import click
from killpoint.shrink import Bounds, shrink

from killpoint.discovery import files_of
from killpoint.process.pool import Pool
from killpoint.token import parse
from scenarios.planted.catalogue import OPEN, REQUIRED, SHOWN, every_bug, missing
from scenarios.planted.hunt import Hunt, hunt
from scenarios.planted.random_kills import CASES_MAX, Luck, RandomKills, moments, per_hit, timed
from scenarios.planted.sound import sound
from scenarios.planted.track import Line, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scenarios.planted.patch import Bug
    from scenarios.planted.random_kills import Place

PLANTED = Path(__file__).parent
ROOT = PLANTED.parents[1]
MEDIAN_MAX = 12
SHRINKING = Bounds(cases_max=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A bug, its hunt, what random kills would have taken, and the smallest case that shows it."""

    hunt: Hunt
    at_random: tuple[Luck, Luck] | None = None
    shrunk: str = ""
    shrunk_operations_count: int = 0

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
    bugs = [bug for bug in every_bug() if not options.names or bug.name in options.names]
    unknown = {*options.names} - {bug.name for bug in bugs}
    if unknown:
        parser.error(f"there is no planted bug called {', '.join(sorted(unknown))}")
    began = time.monotonic()
    when = {} if options.quick else {name: moments(sound(name)) for name in _starts(bugs)}
    measured = []
    for number, each in enumerate(_measure(bugs, options.workers, when), start=1):
        left_s = (time.monotonic() - began) / number * (len(bugs) - number)
        click.echo(_row(each))
        if not number % 10:
            click.echo(f"  {number} of {len(bugs)}, {left_s:.0f} s left")
        measured.append(each)
    shown = options.names or _show()
    if not options.names:
        write(Line.of(each.hunt, each.shrunk) for each in measured if each.hunt.first)
    return _score(measured, whole=not options.names, shown=bool(shown))


def _starts(bugs: Sequence[Bug]) -> list[str]:
    return sorted({name for bug in bugs for name in bug.about})


def _measure(
    bugs: Sequence[Bug], workers_count: int, when: dict[str, dict[Place, float]]
) -> Iterator[Measured]:
    """Yield the bugs in order, from so many workers with a pool each."""
    files = files_of([PLANTED])
    pools = [Pool(workers_count=1, files=files) for _ in range(min(workers_count, len(bugs)))]
    free: SimpleQueue[Pool] = SimpleQueue()
    for pool in pools:
        free.put(pool)

    def measure(bug: Bug) -> Measured:
        pool = free.get()
        try:
            return _one(pool, bug, when)
        finally:
            free.put(pool)

    try:
        with ThreadPoolExecutor(len(pools)) as workers:
            yield from workers.map(measure, bugs)
    finally:
        for pool in pools:
            pool.close()


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
        shrunk_operations_count=len(smallest.result.history.operations),
    )


def _show() -> bool:
    """Run the tests that show what no campaign meets; each named one must be there and pass."""
    tests = sorted({one.test for one in SHOWN})
    if not tests:
        return True
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


def _score(measured: Sequence[Measured], *, whole: bool, shown: bool) -> int:
    """Print what was found and return the exit code."""
    lost = [each for each in measured if not each.hunt.found]
    click.echo()
    for one in SHOWN if whole else ():
        click.echo(f"{one.row:9} {one.mechanism}\n          by {one.by}: {one.test}")
    for one in OPEN if whole else ():
        click.echo(f"{one.row:9} {one.mechanism}\n          open: waits for {one.waits_for}")
    counts = [each.hunt.first.number for each in measured if each.hunt.first and each.required]
    middle = median(counts) if counts else 0
    absent = missing() if whole else ()
    click.echo()
    if counts:
        most = max(counts)
        click.echo(f"cases until a required bug shows: median {middle:g}, at most {most}")
    for number, name in enumerate(("timed kills", "kills per hit")):
        luck = [each.at_random[number] for each in measured if each.at_random]
        if luck:
            click.echo(f"{name}: {_of_luck(luck)}")
    click.echo(f"found {len(measured) - len(lost)} of {len(measured)} planted bugs", nl=False)
    click.echo(f", {len(SHOWN)} more by tests, {len(OPEN)} open" if whole else "")
    if absent:
        click.echo(f"MISSING: {', '.join(absent)}")
    if lost:
        click.echo(f"NOT FOUND: {', '.join(each.bug.name for each in lost)}")
    if not shown:
        click.echo("NOT SHOWN: the tests above did not all pass")
    late = whole and middle > MEDIAN_MAX
    if late:
        click.echo(f"LATE: the median is above {MEDIAN_MAX}")
    return int(bool(absent or lost or late or not shown))


def _of_luck(luck: Sequence[Luck]) -> str:
    """Return the median over the bugs, and how many were missed in every run."""
    missed = sum(all(count is None for count in each.counts) for each in luck)
    found = [count for each in luck for count in each.counts if count is not None]
    middle = f"median {median(found):g} cases where found" if found else "nothing found"
    return f"{middle}; {missed} of {len(luck)} bugs missed in {CASES_MAX} cases"


if __name__ == "__main__":
    sys.exit(main())
