"""The fuzz strategy: the same draw is the same cases, what fails is shrunk, and nothing is left."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from killpoint.case import Case, CaseResult, Life, Phase, Step, Violation, case_of_lives
from killpoint.events import CaseFinished, StopReason
from killpoint.explore import fuzz
from killpoint.explore.drawing import LIVES_MAX, OPERATIONS_MAX, STEPS_MAX, cut
from killpoint.explore.loop import Budget
from killpoint.fault import Fault
from killpoint.token import TOKEN_CHARACTERS_MAX, Token, parse
from killpoint.verdict import Verdict
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

SHELVES = str(STORES / "drawn.py")
TOKEN = re.compile(r"k1/\S+")


def _strategy(
    draw: int = 0, examples: int = 60, shard: tuple[int, int] = (1, 1)
) -> fuzz.FuzzStrategy:
    return fuzz.FuzzStrategy(
        scenario="s", letters=(4, 2), draw=draw, examples=examples, shard=shard
    )


def _placed(case: Case) -> Case:
    """Return the case as a worker would tell it: every drawn step has a place."""
    lives = tuple(
        replace(
            life,
            steps=tuple(
                replace(step, lot=None, point="a.b", occurrence=1, ordinal=(step.lot or 0) + 1)
                for step in life.steps
            ),
        )
        for life in case.lives
    )
    return case_of_lives(case.scenario, lives)


def _run(
    strategy: fuzz.FuzzStrategy,
    broken: Callable[[Case], tuple[str, ...]] = lambda _: (),
    budget: Budget | None = None,
) -> tuple[list[CaseFinished], StopReason]:
    """Run a strategy over results that are made up; return what it has told."""
    told: list[CaseFinished] = []

    def execute(cases: Sequence[Case]) -> Generator[CaseResult, None, None]:
        for case in cases:
            violations = tuple(
                Violation(invariant=each, evidence=("it is wrong",)) for each in broken(case)
            )
            verdict = Verdict.FAILED if violations else Verdict.PASSED
            yield CaseResult(case=_placed(case), verdict=verdict, violations=violations)

    def hear(event: object) -> None:
        assert isinstance(event, CaseFinished)
        told.append(event)

    stop = fuzz.fuzz(
        strategy,
        execute=execute,
        budget=budget or Budget(),
        fingerprint="0a9f",
        emit=hear,
        rest=lambda: None,
    )
    return told, stop


def _operations(case: Case) -> str:
    return "".join(life.operations for life in case.lives)


def test_the_same_draw_is_the_same_cases_in_the_same_order() -> None:
    """And another number is others."""
    first, second = (_run(_strategy())[0] for _ in range(2))
    other, _ = _run(_strategy(draw=1))

    assert [each.token for each in first] == [each.token for each in second]
    assert len(first) == 60
    assert {each.token for each in first} != {each.token for each in other}


def test_what_fails_is_shrunk_before_it_is_told_and_told_once() -> None:
    """The bug needs two operations of one life, in this order, and a kill there."""

    def broken(case: Case) -> tuple[str, ...]:
        for life in case.lives:
            killed = any(step.fault is Fault.KILL for step in life.steps)
            if killed and "b" in life.operations.partition("c")[2]:
                return ("all is well",)
        return ()

    told, _ = _run(_strategy(), broken)
    failed = [each.result.case for each in told if each.result.verdict is Verdict.FAILED]

    assert len(failed) == 1
    assert _operations(failed[0]) == "cb"
    assert [step.fault for step in failed[0].steps] == [Fault.KILL]


def test_two_bugs_are_told_apart_by_what_they_break() -> None:
    """One is not lost because the other was met first."""

    def broken(case: Case) -> tuple[str, ...]:
        whole = _operations(case)
        return ("first",) if "a" in whole[1:] else ("second",) if "dd" in whole else ()

    told, _ = _run(_strategy(examples=150), broken)
    failed = [each.result for each in told if each.result.verdict is Verdict.FAILED]

    assert {"first", "second"} == {each.violations[0].invariant for each in failed}
    assert len(failed) == 2


def test_there_are_as_many_examples_as_were_asked_for_and_no_thread_is_left() -> None:
    """Streams that are not needed any more end."""
    strategy = _strategy(examples=37)
    _run(strategy)

    assert strategy.tallies()[0].pairs_done == strategy.tallies()[0].pairs_total == 37
    assert not [each for each in threading.enumerate() if each.name == "killpoint-fuzz"]


def test_a_budget_ends_it_and_what_was_found_so_far_is_told() -> None:
    """Without a number of examples the budget is the only end."""
    told, stop = _run(_strategy(examples=0), lambda _: ("all",), Budget(end_s=0.0))

    assert stop is StopReason.BUDGET
    assert [each.result.verdict for each in told] == [Verdict.FAILED]
    assert not [each for each in threading.enumerate() if each.name == "killpoint-fuzz"]


def test_shards_draw_apart() -> None:
    """Two shards have hardly a case in common, and each is the same every time."""
    one, two = ({e.token for e in _run(_strategy(shard=(i, 2)))[0]} for i in (1, 2))

    assert len(one & two) < len(one) // 2


def test_an_error_of_the_campaign_ends_the_streams() -> None:
    """No thread waits for an answer that nobody will give."""

    def broken(_: Case) -> tuple[str, ...]:
        message = "the machine failed"
        raise OSError(message)

    with pytest.raises(OSError, match="the machine failed"):
        _run(_strategy(), broken)
    assert not [each for each in threading.enumerate() if each.name == "killpoint-fuzz"]


def test_a_token_has_room_for_whatever_is_drawn() -> None:
    """The longest words at the longest points, as often as a case may have them."""
    point = "kb.discard.delete.synced_directory"
    killed, struck, failed = (
        Step(phase=phase, fault=fault, point=point, occurrence=100, ordinal=1000)
        for phase, fault in (
            (Phase.RUN, Fault.KILL),
            (Phase.RECOVER, Fault.DEAD),
            (Phase.RUN, Fault.ENOSPC),
        )
    )
    ends = (((killed, struck), ""), ((), ""), ((failed,), "a"))
    strides = [*[("a", None)] * (OPERATIONS_MAX - 3), *zip("bcd", ends, strict=True)]
    lives = cut(strides)
    line = str(Token(case=case_of_lives("planted.drawn.undone", lives), fingerprint="0a9f"))

    assert len(lives) == LIVES_MAX
    assert sum(len(life.steps) for life in lives) == STEPS_MAX
    assert len(line) <= TOKEN_CHARACTERS_MAX
    assert [life.operations for life in parse(line).case.lives] == ["aaaaaaab", "c", "d"]


def test_lives_read_back_from_their_token() -> None:
    """Operations, steps with names and numbers, and the kept handle's operation."""
    steps = (
        Step(phase=Phase.RUN, point="a.b", occurrence=2, fault=Fault.EIO),
        Step(phase=Phase.RUN, point="a.c", occurrence=1),
    )
    lives = (Life(operations="ab", steps=steps, kept="c"), Life(operations="d"))
    case = case_of_lives("s", lives)
    line = str(Token(case=case, fingerprint="0a9f"))

    assert line == "k1/s/do:ab/eio:a.b@2/kill:a.c@1/kept:c/do:d~0a9f"
    assert parse(line).case == case


def test_two_operations_and_a_kill_are_found_shrunk_replayed_and_explained(shell: Shell) -> None:
    """As a user does it: run, copy the token, replay it, read its story."""
    bounds = ("--strategy", "fuzz", "--examples", "25", "--draw", "2", "--kept", "1")
    run = shell.killpoint("run", SHELVES, "shelf.hasty", *bounds)
    assert run.returncode == 1, run.stdout
    token = TOKEN.findall(run.stdout)[0]
    case = parse(token).case

    assert len(_operations(case)) == 2
    assert len(case.steps) == 1
    assert "put 1 in a" in run.stdout
    assert "fuzzed: 25 of 25 examples" in run.stdout
    assert "deterministic (10 of 10 replays)" in run.stdout
    replay = shell.killpoint("replay", token, SHELVES, "--times", "3", "--keep", "kept")
    assert replay.returncode == 1, replay.stdout
    assert "the same in 3 of 3 replays" in replay.stdout
    assert (shell.directory / "kept/life-1/before").is_dir()
    explain = shell.killpoint("explain", token, SHELVES)
    assert explain.returncode == 1
    assert "compact: in flight, so it may be there whole or not at all" in explain.stdout


def test_a_bug_that_needs_no_fault_is_found_by_the_model(shell: Shell) -> None:
    """What operations lead to together is compared with what their models say."""
    bounds = ("--strategy", "fuzz", "--examples", "20", "--kept", "0")
    run = shell.killpoint("run", SHELVES, "shelf.forgetful", *bounds)

    assert run.returncode == 1, run.stdout
    assert "an operation leads where its model says" in run.stdout
    assert "/do:cd~" in run.stdout


def test_a_sound_store_raises_no_alarm_whatever_the_number_of_workers(shell: Shell) -> None:
    """And the cases are the same on one worker as on two."""
    told = []
    for workers in ("1", "2"):
        bounds = ("--strategy", "fuzz", "--examples", "20", "--workers", workers, "--draw", "7")
        run = shell.killpoint("run", SHELVES, "shelf.sound", *bounds)
        assert run.returncode == 0, run.stdout
        told.append(re.findall(r"draw 7 has .*", run.stdout))

    assert told[0] == told[1] != []


def test_without_an_alphabet_there_is_nothing_to_draw(shell: Shell) -> None:
    """The error says what to give, and a drawn scenario is named by the others."""
    fragile = shell.killpoint("run", str(STORES / "fragile.py"), "--strategy", "fuzz")
    killed = shell.killpoint("run", SHELVES)

    assert (fragile.returncode, killed.returncode) == (2, 2)
    assert "give a scenario an alphabet" in fragile.stdout
    assert "Run it with --strategy fuzz." in killed.stdout


def test_a_letter_that_a_scenario_does_not_have_is_told(shell: Shell) -> None:
    """A token of another alphabet."""
    replay = shell.killpoint("replay", "k1/shelf.sound/do:az~0000", SHELVES)

    assert replay.returncode == 2
    assert "shelf.sound has the letters a to d" in replay.stdout


def test_a_missing_hypothesis_is_named_with_what_to_install(shell: Shell) -> None:
    """Nothing else needs it: only the fuzz strategy says so."""
    hidden = Path(shell.directory / "hypothesis.py")
    hidden.write_text("raise ModuleNotFoundError('hidden', name='hypothesis')\n")
    run = shell.killpoint("run", SHELVES, "--strategy", "fuzz")

    assert run.returncode == 3
    assert "pip install 'killpoint[fuzz]'" in run.stdout
