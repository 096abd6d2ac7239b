"""Which crashes in a recovery are the same: as the one before it, and as one made elsewhere."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from killpoint.case import Case, Means, Phase, Step, Twice
from killpoint.discovery import load
from killpoint.process import twice
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from killpoint.process.sameness import key_of
from killpoint.scenario import Scenario, all_of_it
from tests.shell import STORES

CRASHED = Step(phase=Phase.RUN, point="recovering.after_intent", occurrence=1)
UNCHANGED = Step(phase=Phase.RECOVER, point="recovering.before_first", occurrence=1)
CHANGED = Step(phase=Phase.RECOVER, point="recovering.before_second", occurrence=1)
EACH = (Means.IMAGE, Means.SIGKILL)


def runner_in(directory: Path, *, all_lasts: bool = False) -> Runner:
    """Return a runner over a store whose witness holds a clock; that may be made to last."""
    scenario = load([STORES / "recovering.py"])["recovering.witnessed"]
    assert isinstance(scenario, Scenario)
    if all_lasts:
        scenario = replace(scenario, lasting=all_of_it)
    runner = Runner(scenario, Nursery(), directory)
    runner.prepare()
    return runner


@pytest.mark.parametrize("means", EACH)
def test_dying_before_anything_changed_is_the_crash_that_was_there(
    tmp_path: Path, means: Means
) -> None:
    """The next recovery has the same directory before it, and reads the same from it."""
    crashes = runner_in(tmp_path).crashes
    before = crashes.make((CRASHED,), means)

    assert key_of(crashes.make((CRASHED, UNCHANGED), means)) == key_of(before)
    assert key_of(crashes.make((CRASHED, CHANGED), means)) != key_of(before)


@pytest.mark.parametrize("means", EACH)
def test_what_does_not_last_tells_no_crashes_apart(tmp_path: Path, means: Means) -> None:
    """The same crash, made twice, is one; were the clock to last, it would be two."""
    path = (CRASHED, CHANGED)
    some, all_ = runner_in(tmp_path / "a"), runner_in(tmp_path / "b", all_lasts=True)

    def keys(runner: Runner) -> set[tuple[str, str]]:
        first = key_of(runner.crashes.make(path, means))
        runner.crashes.forget()
        return {first, key_of(runner.crashes.make(path, means))}

    assert len(keys(some)) == 1
    assert len(keys(all_)) == 2


def test_what_lasts_is_what_the_deaths_have_shown(tmp_path: Path) -> None:
    """The names of the directory that the dead recovery found are told to the next."""
    crash = runner_in(tmp_path).crashes.make((CRASHED, CHANGED), Means.IMAGE)

    assert crash.witness == {"names": ["intent"]}


def test_an_equal_crash_is_run_twice_as_the_one_that_was_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes one process later, and what recovery signs with its number differs rightly."""
    monkeypatch.setattr(twice, "is_chosen", lambda _: True)
    scenario = load([STORES / "recovering.py"])["recovering.signed"]
    runner = Runner(scenario, Nursery(), tmp_path)
    runner.prepare()

    each = [
        runner.run(Case(scenario=scenario.name, steps=steps))
        for steps in ((CRASHED,), (CRASHED, UNCHANGED), (CRASHED, CHANGED))
    ]

    assert [(one.twice, one.detail) for one in each] == [(Twice.EQUAL, "")] * 3


@pytest.mark.parametrize(
    ("asked", "judged_count"), [({}, 2), ({"every": True}, 4)], ids=["as usual", "every"]
)
def test_equal_crashes_are_judged_a_second_time_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], judged_count: int
) -> None:
    """Each is made again all the same; two cases with one crash are judged twice in all."""
    monkeypatch.setattr(twice, "is_chosen", lambda _: True)
    scenario = load([STORES / "recovering.py"])["recovering.witnessed"]
    runner = Runner(scenario, Nursery(), tmp_path, **asked)
    runner.prepare()
    verify = Mock(wraps=runner._verify)
    again = Mock(wraps=runner.crashes.again)
    monkeypatch.setattr(runner, "_verify", verify)
    monkeypatch.setattr(runner.crashes, "again", again)

    for steps in ((CRASHED,), (CRASHED, UNCHANGED)):
        assert runner.run(Case(scenario=scenario.name, steps=steps)).twice is Twice.EQUAL

    assert (verify.call_count, again.call_count) == (judged_count, 2)
