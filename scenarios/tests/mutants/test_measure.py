"""What a mutant may come to, and what the measure says of it; each is hunted really."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from scenarios.mutants import measure
from scenarios.mutants.equivalent import Equivalent
from scenarios.mutants.hunt import Bounds, Ground, Outcome, Way, hunt, suite_of
from scenarios.mutants.measure import every_mutant, problems_of
from scenarios.mutants.mutant import Mutant, Rule, of_conditionals, of_effects

ROOT = Path(__file__).parents[3]
GONE_S = 10.0
FEW = Bounds(kills_max=25, recoveries_max=10, errors_max=10)


def _mutant(name: str) -> Mutant:
    return next(each for each in every_mutant() if each.name == name)


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("graph.recovery:_decided#1 negated", "graph.insert"),
        ("sidecar.delete skipped", "graph.insert"),
        ("kb.publish.rename doubled", "kb.add.short"),
        ("sidecar.put swapped", "graph.insert"),
    ],
)
def test_a_mutant_of_each_rule_is_noticed(name: str, scenario: str) -> None:
    """By a few cases of an ordinary workload."""
    outcome = hunt(_mutant(name), (scenario,), FEW)

    assert not outcome.survived
    assert outcome.way is not Way.TESTS
    assert outcome.told


def test_code_that_is_the_same_is_not_noticed(tmp_path: Path) -> None:
    """Planting alone changes nothing, so no case fails."""
    first = of_conditionals("graph.recovery")[0]
    same = replace(first, name=first.name.replace("negated", "same"), rule=Rule.SAME)

    ground = Ground(same, "graph.strict", tmp_path)
    for way in (Way.KILL, Way.RECOVERY, Way.ERROR):
        results = list(ground.results(way, FEW.cases_max(way)))
        assert {way is Way.RECOVERY} == {result.case.depth > 0 for result in results}
        assert {str(each.verdict) for each in results} == {"passed"}


def test_a_run_that_is_killed_leaves_no_process_behind() -> None:
    """Neither a worker nor what a worker has started goes on alone."""
    command = [sys.executable, "-m", "scenarios.mutants.measure", "graph.classify"]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    with run:
        # The first line is of work that a worker has done.
        assert "looked through" in run.stdout.readline()
        started = psutil.Process(run.pid).children(recursive=True)
        assert started
        run.kill()
    _, alive = psutil.wait_procs(started, timeout=GONE_S)
    assert [] == alive


def test_the_tests_of_a_module_are_asked_first() -> None:
    """They are the likeliest to notice; the store's others follow."""
    assert suite_of(of_conditionals("graph.recovery")[0]) == (
        "engine/tests/graph/test_recovery.py",
        "engine/tests/graph",
    )
    assert suite_of(of_effects("kb")[0]) == ("engine/tests/kb",)


def test_every_mutant_can_be_planted() -> None:
    """In a process of its own, all of them one after the other."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for each in every_mutant():
                each.plant()
            code = 0
        finally:
            os._exit(code)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_may_be_repeated_is_not_doubled() -> None:
    """That its second time changes nothing is the storage's contract."""
    doubled = {each.told for each in of_effects("kb") if each.rule is Rule.DOUBLED}

    assert "put" not in doubled
    assert "rename" in doubled


ARGUED = "graph.commit:_unmoved#1 negated"
DECIDING = "graph.classify:decide#1 negated"
NOTICED = "sidecar.put skipped"


def test_a_survivor_needs_an_argument_and_a_wrong_argument_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of classification and decision none may survive, argument or not."""
    outcomes = [
        Outcome(mutant=_mutant(ARGUED), way=Way.SURVIVED),
        Outcome(mutant=_mutant(DECIDING), way=Way.UNREACHED),
        Outcome(mutant=_mutant(NOTICED), way=Way.KILL, told="x"),
    ]
    named = tuple(Equivalent(name=each, why="so") for each in (DECIDING, NOTICED, "no such"))
    monkeypatch.setattr(measure, "EQUIVALENTS", named)

    problems = problems_of(outcomes, whole=False)

    words = [each.partition(":")[0] for each in problems]
    assert words == ["GONE", "WRONG", "SURVIVED", "SURVIVED"]
    assert "argue why" in problems[2]
    assert "where none may" in problems[3]
    assert problems_of(outcomes, whole=True)[-1].startswith("MANY")
