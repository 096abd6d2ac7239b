"""Bugs that take two operations are found by drawing, and the sound stores raise no alarm."""

import re
from pathlib import Path

import pytest

from killpoint.case import Case
from killpoint.explore.fuzz import weight
from killpoint.token import parse
from scenarios.planted.fuzzed import PAIRINGS, Pairing
from tests.shell import Shell

SCENARIOS = Path(__file__).parents[1]
# What is drawn early enough for a test that is to take seconds; the others show in `PAIRINGS`.
SOON = {"bring_rows_back": 0, "move_every_branch": 0}
OPERATIONS_MAX = 3
STEPS_MAX = 2


def _smallest(printed: str) -> Case:
    return min((parse(line).case for line in re.findall(r"k1/\S+", printed)), key=weight)


@pytest.mark.parametrize(
    "pairing", [each for each in PAIRINGS if each.bug.name in SOON], ids=lambda one: one.bug.name
)
def test_a_bug_of_several_operations_is_found_and_shrunk(shell: Shell, pairing: Pairing) -> None:
    """Found by its invariant, and told by three operations and two faults at most."""
    where = (str(SCENARIOS / "planted/fuzzed.py"), f"planted.drawn.{pairing.bug.name}")
    draw = str(SOON[pairing.bug.name])
    run = shell.killpoint(
        "run", *where, "--strategy", "fuzz", "--examples", "10", "--draw", draw, "--kept", "0"
    )

    assert run.returncode == 1, run.stdout
    assert pairing.bug.expected in run.stdout
    case = _smallest(run.stdout)
    assert sum(len(life.operations) for life in case.lives) <= OPERATIONS_MAX
    assert len(case.steps) <= STEPS_MAX


@pytest.mark.parametrize("store", ["graph", "kb"])
def test_a_sound_store_raises_no_alarm(shell: Shell, store: str) -> None:
    """A few examples of every alphabet."""
    where = str(SCENARIOS / store / "fuzzed.py")
    run = shell.killpoint("run", where, "--strategy", "fuzz", "--examples", "10")

    assert run.returncode == 0, run.stdout
    assert "examples" in run.stdout
