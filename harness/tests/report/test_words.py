"""Reports speak the same words everywhere."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from killpoint.case import Case, Life, Phase, Step, case_of_lives
from killpoint.events import StopReason
from killpoint.records import Run, ScenarioRecord
from killpoint.report import words
from killpoint.verdict import Reason, Verdict

KILL = Step(phase=Phase.RUN, point="phase_d.before_delete", occurrence=1)
AGAIN = Step(phase=Phase.RECOVER, point="audit.after_put", occurrence=2)
SHORT = Step(phase=Phase.RECOVER, point="", occurrence=0, ordinal=31)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (112, "112th"),
        (1_021, "1,021st"),
    ],
)
def test_occurrences_are_counted_as_people_do(number: int, expected: str) -> None:
    """The first, second and third have their own endings, the teens do not."""
    assert expected == words.ordinal(number)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (21.4, "21 s"), (185, "3 min 5 s"), (7_450, "2 h 4 min")],
)
def test_durations_have_the_unit_that_fits(seconds: float, expected: str) -> None:
    """Seconds, minutes or hours, never a long row of digits."""
    assert expected == words.duration(seconds)


def test_time_left_is_a_clock() -> None:
    """Minutes and seconds, hours when there are any, and never below zero."""
    assert ["0:12", "4:09", "1:04:09", "0:00"] == [words.clock(s) for s in (12, 249, 3_849, -3)]


def test_a_case_is_told_in_the_order_of_its_deaths() -> None:
    """The run first, then each recovery; a short token knows only how far it came."""
    expected = (
        "killed at phase_d.before_delete (1st time), then in recovery at audit.after_put "
        "(2nd time), then in the next recovery at the 31st point on the way"
    )
    assert expected == words.struck(Case(scenario="s", steps=(KILL, AGAIN, SHORT)))
    assert "no fault at all" == words.struck(Case(scenario="s", steps=()))


def test_a_fault_that_did_not_strike_is_not_told_as_a_death() -> None:
    """Only the last one is in question: the others came before it."""
    case = Case(scenario="s", steps=(KILL, AGAIN))
    expected = (
        "killed at phase_d.before_delete (1st time), "
        "then in recovery not killed as planned at audit.after_put (2nd time)"
    )
    assert expected == words.struck(case, Reason.NOT_FIRED)


def test_a_replay_can_be_pasted_into_a_shell() -> None:
    """A token stands as it is; one that was tampered with is quoted and runs nothing."""
    case = "k1/graph.load/kill:a.b@1/recover:#31~7c3a"
    assert f"killpoint replay {case} mine.py" == words.replay_command(case, "mine.py")
    hostile = "k1/x; rm -rf ~"
    assert ["killpoint", "replay", hostile] == shlex.split(words.replay_command(hostile))


def test_a_replay_finds_the_files_that_were_given() -> None:
    """Names of scenarios are in the token already; files are not."""
    assert "mine.py" == words.replay_arguments({"what": "mine.py graph.load"})
    assert "--cmd ./w --check ./c" == words.replay_arguments({"replay": "--cmd ./w --check ./c"})
    assert "" == words.replay_arguments({})


def test_a_campaign_can_be_started_again() -> None:
    """The command has every setting that changes what is run."""
    run = Run(
        strategy="kill",
        workers_count=2,
        budget_s=90,
        depth=2,
        shard=(1, 4),
        stop=StopReason.COMPLETE,
        scenarios=(ScenarioRecord(name="log.put"),),
    )
    expected = (
        "killpoint run log.put --strategy kill --budget 90s --workers 2 --depth 2 --shard 1/4"
    )
    assert expected == words.again(run)
    assert "make torture" == words.again(replace(run, settings={"command": "make torture"}))


def test_no_control_character_gets_through() -> None:
    """What a store printed cannot move a cursor or change a colour; line ends stay."""
    assert "\\x1b[31mred\\x9b\\x00\n\tend" == words.plain("\x1b[31mred\x9b\x00\n\tend")


@pytest.mark.parametrize("reason", list(Reason))
def test_every_open_case_has_a_next_step(reason: Reason) -> None:
    """An undecided case always says what to do; a failed one speaks for itself."""
    assert words.advice_for(Verdict.UNDECIDED, reason)
    assert "" == words.advice_for(Verdict.FAILED, reason)


def test_a_fuzzed_case_is_told_life_by_life() -> None:
    """What was done, how each life ended, and whether a kept handle went on."""
    lives = (
        Life(operations="ab", steps=(KILL, AGAIN), names=("insert cleo", "delete bob")),
        Life(operations="c"),
        Life(operations="d", steps=(KILL,), kept="a"),
    )
    assert words.struck(case_of_lives("s", lives)) == (
        "insert cleo, delete bob: killed at phase_d.before_delete (1st time), then in recovery at "
        "audit.after_put (2nd time); reopened, c: closed; reopened, d: killed at "
        "phase_d.before_delete (1st time); a kept handle goes on"
    )


def test_the_command_that_draws_again_has_the_same_number() -> None:
    """Without it other cases would be drawn."""
    run = Run(strategy="fuzz", settings={"what": "mine.py", "draw": "7", "examples": "20"})
    assert "--draw 7 --examples 20" in words.again(run)
