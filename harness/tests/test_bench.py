"""The measurements measure what they say: both sides do their work, and a miss is a miss."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from killpoint import image
from killpoint.bench import bare, log_store
from killpoint.bench.__main__ import exit_code
from killpoint.bench.ratio import Bound, Cost, Measured, Round, Target, Unmeasured
from killpoint.bench.table import WIDTH_COLUMNS, console, table
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from pathlib import Path

AT_MOST = Target(row=1, what="a case / its parts", bound=Bound.AT_MOST, ratio=1.5)
AT_LEAST = Target(row=2, what="interpreters / a case", bound=Bound.AT_LEAST, ratio=10.0)
LIVES = {"key 0": "value 3", "key 1": "value 1", "key 2": "value 2"}


def measured(target: Target, *ratios: float) -> Measured:
    """Return a measurement that came to these ratios."""
    rounds = tuple(Round(above=Cost(victim_s=ratio), below=Cost(besides_s=1.0)) for ratio in ratios)
    return Measured(target=target, rounds=rounds, note="3 ms / 2 ms")


def bench(shell: Shell, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m killpoint.bench` with these arguments."""
    command = [sys.executable, "-m", "killpoint.bench", *arguments]
    return subprocess.run(
        command,
        cwd=shell.directory,
        env=shell.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("ratios", "median"), [((2.0, 1.0, 9.0), 2.0), ((1.0, 4.0, 2.0, 9.0), 3.0)]
)
def test_the_median_round_counts(ratios: tuple[float, ...], median: float) -> None:
    """One round that something else on the machine spoiled decides nothing."""
    assert median == measured(AT_MOST, *ratios).median


@pytest.mark.parametrize(
    ("target", "ratio", "met"),
    [
        (AT_MOST, 1.5, True),
        (AT_MOST, 1.51, False),
        (AT_LEAST, 10.0, True),
        (AT_LEAST, 9.99, False),
    ],
)
def test_a_target_has_a_right_side(target: Target, ratio: float, met: bool) -> None:  # noqa: FBT001
    """At most and at least both include the target itself."""
    assert met is measured(target, ratio).met


def test_a_miss_changes_the_exit_code_only_when_it_was_asked_to() -> None:
    """Not measured at all is 3 in any case."""
    fine, missed = measured(AT_MOST, 1.2), measured(AT_LEAST, 3.0)
    nothing = Unmeasured(target=AT_LEAST, why="no strace")

    assert 0 == exit_code((fine, missed), strict=False)
    assert 1 == exit_code((missed, fine), strict=True)
    assert 0 == exit_code((fine,), strict=True)
    assert 3 == exit_code((missed, nothing, fine), strict=False)


def test_the_table_says_of_each_row_what_came_of_it() -> None:
    """Target, median, range and costs stand there, and it fits the page."""
    results = (
        measured(AT_MOST, 1.1, 1.2, 1.4),
        measured(AT_LEAST, 3.0),
        Unmeasured(target=AT_LEAST, why="there is only one core"),
    )
    printer = console()
    with printer.capture() as page:
        printer.print(table("bench.log", results))
    lines = page.get().splitlines()

    assert WIDTH_COLUMNS >= max(map(len, lines))
    words = " ".join(page.get().split())
    assert "<= 1.5x 1.20x 1.10..1.40 PASS 3 ms / 2 ms" in words
    assert ">= 10x 3.00x 3.00..3.00 miss" in words
    assert "none there is only one core" in words


def test_the_store_that_is_measured_is_sound(shell: Shell) -> None:
    """Every pair of it is killed, also in its recovery, and nothing is found."""
    done = shell.killpoint("run", log_store.__file__, "--workers", "1")

    assert 0 == done.returncode, done.stdout
    assert "unbracketed calls 0; never reached: none" in " ".join(done.stdout.split())


@pytest.mark.parametrize(("references", "sound"), [((LIVES,) * 6, True), (({},) * 6, False)])
def test_the_bare_side_does_the_checks(
    tmp_path: Path,
    references: tuple[dict[str, str], ...],
    sound: bool,  # noqa: FBT001 -- the expectation
) -> None:
    """Two bare forks kill and judge for real: a state that was not expected is noticed."""
    root = tmp_path / "store"
    image.restore(image.Image((), ""), root)
    facts = bare.Facts(references=references, killed_after=4)

    cost, codes = bare.fork_case(log_store.scenario, root, facts)

    assert cost.victim_s > 0 < cost.verifier_s
    assert sound is (codes == bare.CODES)
    assert b"value 3" in (root / log_store.LOG).read_bytes()


def test_every_row_is_measured(shell: Shell) -> None:
    """A quick run of all rows has a figure for each, and leaves nothing behind."""
    done = bench(shell, "--quick")

    assert 0 == done.returncode, done.stdout + done.stderr
    ends = [line.split()[-1:] for line in done.stdout.splitlines()]
    assert 5 == ends.count(["PASS"]) + ends.count(["miss"]), done.stdout
    assert [] == [each for each in shell.scratch.iterdir() if each.is_dir()]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((str(STORES / "moody.py"), "moody.step", "--row", "1"), 3, "two runs without fault"),
        ((str(STORES / "moody.py"), "moody.stop", "--row", "1"), 2, "no scenario is called"),
        (("only_a_file.py",), 2, "a scenario's file and its name, or neither"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(
    shell: Shell, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    """An unfit scenario is a row without a figure; a wrong name is a wrong command."""
    done = bench(shell, *arguments)

    assert code == done.returncode, done.stdout + done.stderr
    assert sentence in " ".join((done.stdout + done.stderr).split())
