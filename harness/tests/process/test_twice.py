"""A case that is run twice is held against itself in everything that its verdict rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from killpoint.case import Answer, Case, CaseResult, Phase, Step, Twice, Violation
from killpoint.discovery import load
from killpoint.history import History, OperationRecord, Outcome
from killpoint.process import twice
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from killpoint.verdict import Reason, Verdict
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from pathlib import Path

STEP = Step(phase=Phase.RUN, point="fickle.step", occurrence=2, ordinal=2)
ATTEMPT = OperationRecord(index=0, name="step 1", outcome=Outcome.IN_FLIGHT)
PASSED = CaseResult(
    case=Case(scenario="s", steps=(STEP,)),
    verdict=Verdict.PASSED,
    history=History(operations=(ATTEMPT,)),
    crash_images=("aa",),
    recovered_image="bb",
    recovery_hits=("open.before",),
    later_hits=(("write", 1),),
    applied_count=1,
)
FAILED = replace(
    PASSED,
    verdict=Verdict.FAILED,
    reason=Reason.VIOLATION,
    violations=(Violation(invariant="all or nothing", evidence=("half",)),),
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the stores lie, and what they count by."""
    monkeypatch.setenv("KILLPOINT_SCRATCH", str(tmp_path))
    return tmp_path / "stores"


def result_of(scenario: str, place: Path) -> CaseResult:
    """Strike before the second step; its ordinal is one that is always run twice."""
    runner = Runner(load([STORES / "fickle.py"])[scenario], Nursery(), place)
    runner.prepare()
    return runner.run(Case(scenario=scenario, steps=(STEP,)))


def test_equal_runs_are_marked_and_change_nothing(place: Path) -> None:
    """The result is that of the first run, and says that there was a second."""
    found = result_of("fickle.steady", place)

    assert found.verdict is Verdict.PASSED
    assert found.twice is Twice.EQUAL


@pytest.mark.parametrize(
    ("scenario", "word"),
    [
        ("fickle.recovery", "points of recovery"),
        ("fickle.recovered", "recovered image"),
        ("fickle.crash", "crash image"),
    ],
)
def test_a_store_that_changes_its_mind_is_undecided(scenario: str, word: str, place: Path) -> None:
    """Each case passes by itself; together they decide nothing, and the detail says in what."""
    found = result_of(scenario, place)

    assert found.verdict is Verdict.UNDECIDED
    assert found.reason is Reason.NOT_DETERMINISTIC
    assert found.twice is Twice.UNEQUAL
    assert word in found.detail


def test_a_violation_that_only_one_run_shows_is_not_hidden(place: Path) -> None:
    """It is a failure, and the detail says that the other run passed."""
    found = result_of("fickle.verdict", place)

    assert found.verdict is Verdict.FAILED
    assert found.twice is Twice.UNEQUAL
    assert "verdict passed and then failed" in found.detail


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (FAILED, "verdict"),
        (replace(PASSED, history=History()), "history"),
        (replace(PASSED, crash_images=("ab",)), "crash image"),
        (replace(PASSED, recovered_image="ba"), "recovered image"),
        (replace(PASSED, recovery_hits=("open.before", "open.after")), "points of recovery"),
        (replace(PASSED, later_hits=()), "points after the error"),
        (replace(PASSED, applied_count=0), "operations applied"),
        (replace(PASSED, told=Answer.NAMED), "answer"),
    ],
)
def test_everything_that_must_be_equal_is_compared(other: CaseResult, word: str) -> None:
    """A difference in any one of them is enough, whichever run had it."""
    for first, second in ((PASSED, other), (other, PASSED)):
        found = twice.held(first, second, with_bytes=True)

        assert found.twice is Twice.UNEQUAL
        assert found.verdict is not Verdict.PASSED
        assert word in found.detail


def test_bytes_are_left_alone_where_a_native_engine_may_write_chance() -> None:
    """The images are not compared there; all else is."""
    other = replace(PASSED, crash_images=("ab",), recovered_image="ba")

    assert twice.held(PASSED, other, with_bytes=False).twice is Twice.EQUAL
    assert twice.held(PASSED, FAILED, with_bytes=False).twice is Twice.UNEQUAL


def test_about_one_in_twenty_is_chosen_by_its_name_alone() -> None:
    """The choice is the same for every worker, and an early kill is always among them."""
    cases = [
        Case(scenario="s", steps=(replace(STEP, point=f"p{number}", ordinal=number),))
        for number in range(3, 2003)
    ]
    chosen = [case for case in cases if twice.is_chosen(case)]

    assert 60 < len(chosen) < 140
    assert chosen == [case for case in cases if twice.is_chosen(case)]
    assert twice.is_chosen(Case(scenario="s", steps=(STEP,)))
    assert not twice.is_chosen(Case(scenario="s", steps=()))


def test_the_sentence_of_a_run_says_how_many_and_that_all_were_equal(shell: Shell) -> None:
    """A user reads it in the last lines; a difference makes the run incomplete, and undecided."""
    file = str(STORES / "fickle.py")
    steady = shell.killpoint("run", file, "fickle.steady", "--no-measure", "--depth", "0")
    fickle = shell.killpoint("run", file, "fickle.recovered", "--no-measure", "--depth", "0")

    assert steady.returncode == 0, steady.stdout
    assert "1 case run twice, all equal" in " ".join(steady.stdout.split())
    assert fickle.returncode == 4, fickle.stdout
    assert "run twice, 1 came out otherwise" in " ".join(fickle.stdout.split())
