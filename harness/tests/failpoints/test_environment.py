"""Plans from outside: FAILPOINTS and FAILPOINTS_ENTROPY, in fresh processes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.failpoints.conftest import Run

REACH_THRICE = "print(''.join(str(reach(FIRST, payload='.')) for _ in range(3)), flush=True)"


def test_the_variable_arms_the_process(run: Run) -> None:
    """Occurrences count from the start of the process."""
    ended = run(REACH_THRICE, FAILPOINTS="probe.first=return(1)@2")
    assert (0, ".1.\n", "") == (ended.returncode, ended.stdout, ended.stderr)


def test_the_variable_kills_for_real(run: Run) -> None:
    """The main use: a program that knows nothing of us dies at the named hit."""
    ended = run("print(reach(FIRST), flush=True)\n" * 3, FAILPOINTS="probe.*=kill@3")
    assert (-signal.SIGKILL, "None\nNone\n") == (ended.returncode, ended.stdout)


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_off(run: Run, empty: str) -> None:
    """As if it were not set."""
    ended = run("print(installed())", FAILPOINTS=empty)
    assert (0, "None\n") == (ended.returncode, ended.stdout)


def test_a_wrong_plan_stops_the_process_before_it_begins(run: Run) -> None:
    """Syntax is checked when the package is imported, with a caret under the place."""
    ended = run("print('began')", FAILPOINTS="probe.first=kil")
    assert (1, "") == (ended.returncode, ended.stdout)
    assert "plan, column 13: no fault is called 'kil'" in ended.stderr
    assert "  probe.first=kil\n" + " " * 14 + "^\n" in ended.stderr


def test_a_wrong_name_is_raised_from_every_reach(run: Run) -> None:
    """Names are known once the catalogues are; an engine that swallows one error gets the next."""
    attempts = """
for _ in range(2):
    try:
        reach(SECOND)
    except UnknownPointError as error:
        print(error)
"""
    ended = run(attempts, FAILPOINTS="probe.fist=kill")
    told = "no failpoint is called 'probe.fist': did you mean probe.first"
    assert 2 == ended.stdout.count(told)


def test_entropy_chooses_the_hits_of_a_chance(run: Run) -> None:
    """The same entropy draws the same in every process; another draws otherwise."""
    code = "print(''.join(str(reach(FIRST, payload='.')) for _ in range(99)))"
    plan = "probe.first=50%return(1)"
    drawn = [
        run(code, FAILPOINTS=plan, FAILPOINTS_ENTROPY=entropy, PYTHONHASHSEED=salt).stdout
        for entropy, salt in (("5", "1"), ("5", "2"), ("6", "1"))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert 100 == len(drawn[2])


def test_entropy_that_is_no_number_is_refused(run: Run) -> None:
    """One sentence names the variable and the way out."""
    ended = run("", FAILPOINTS="probe.first=kill", FAILPOINTS_ENTROPY="dice")
    told = "FAILPOINTS_ENTROPY=dice: is no whole number; write digits only."
    assert (1, True) == (ended.returncode, told in ended.stderr)
