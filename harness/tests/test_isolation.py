"""A case comes to the same whichever worker runs it, and whatever ran before it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import msgspec
import psutil
import pytest

from killpoint import failpoints
from killpoint.campaign import Campaign
from killpoint.case import Case, CaseResult, Phase, Step
from killpoint.discovery import load
from killpoint.events import CaseFinished
from killpoint.exploration import Settings, StrategyName
from killpoint.failpoints import Seam
from killpoint.fault import Fault
from killpoint.process.child import Nursery
from killpoint.process.pool import Pool
from killpoint.process.runner import Runner
from killpoint.records import Ledger
from killpoint.records.rows import row_of
from killpoint.verdict import Verdict
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from killpoint.events import Event

FILE = STORES / "dealt.py"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the stores of these tests by themselves."""
    monkeypatch.setenv("KILLPOINT_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path


def rows_of(place: Path, file: Path, strategy: StrategyName, workers_count: int) -> list[bytes]:
    """Run a campaign; return its rows, its summary and its points, but for times and workers."""
    ledger, rows = Ledger(), []

    def hear(event: Event) -> None:
        ledger(event)
        if isinstance(event, CaseFinished):
            row = replace(row_of(event), victim_s=0.0, verify_s=0.0, worker=0)
            rows.append(msgspec.json.encode(row))

    with contextlib.closing(Pool(workers_count=workers_count, files=(file,))) as pool:
        settings = Settings(reports=place, measure=False, kept_max=0, strategy=strategy)
        Campaign(pool, settings, (hear,)).run()
    scenarios = [replace(each, elapsed_s=0.0) for each in ledger.run().scenarios]
    return [*rows, msgspec.json.encode(scenarios), msgspec.json.encode(ledger.points())]


@pytest.mark.parametrize("strategy", [StrategyName.KILL, StrategyName.ERROR])
def test_one_worker_and_three_write_the_same_rows(place: Path, strategy: StrategyName) -> None:
    """Byte for byte, with follow-ups and kept handles that fail, kills in recoveries and errors."""
    file = FILE if strategy is StrategyName.KILL else STORES / "judged.py"
    one, three = (rows_of(place, file, strategy, count) for count in (1, 3))

    assert len(one) > 30
    assert one == three


def kill(point: str, occurrence: int) -> Case:
    """Return a kill in the workload."""
    step = Step(phase=Phase.RUN, point=point, occurrence=occurrence)
    return Case(scenario="dealt", steps=(step,))


def hurt(fault: Fault) -> Case:
    """Return an error that everything after it would feel, if it leaked."""
    step = Step(phase=Phase.RUN, point="python.open", occurrence=1, fault=fault)
    return Case(scenario="dealt", steps=(step,))


KILLED = kill("operation.returned", 3)
BEFORE = {
    "a failing case": [kill("operation.acknowledged", 5)],
    "an error": [hurt(Fault.EIO)],
    "a storage that died": [hurt(Fault.DEAD)],
    "a fault that did not fire": [kill("operation.returned", 99)],
    "all of them, twice": [
        kill("operation.acknowledged", 5),
        hurt(Fault.EIO),
        hurt(Fault.DEAD),
        kill("operation.returned", 99),
    ]
    * 2,
}


@pytest.fixture
def runner(place: Path) -> Iterator[Runner]:
    """Return a runner whose fifth step is called wrong, with calls of Python for points."""
    prepared = Runner(load([FILE])["dealt.violated"], Nursery(), place)
    prepared.prepare()
    yield prepared
    failpoints.off()


def comparable(result: CaseResult) -> CaseResult:
    """Return a result without its times, and without what only the first of its kind tells."""
    return replace(result, victim_s=0.0, verify_s=0.0, recovery_hits=())


@pytest.mark.parametrize("before", BEFORE)
def test_a_case_is_the_same_alone_and_after_others(runner: Runner, before: str) -> None:
    """Nothing that was armed, failed or died before is felt by a later case."""
    alone = comparable(runner.run(KILLED))
    runner.crashes.forget()
    verdicts = {runner.run(case).verdict for case in BEFORE[before]}
    runner.crashes.forget()

    assert comparable(runner.run(KILLED)) == alone
    assert alone.verdict is Verdict.PASSED
    assert verdicts


def test_the_cases_that_come_before_do_what_they_say(runner: Runner) -> None:
    """They fail, are struck and are missed; else the test above would prove nothing."""
    failing, missed = (
        runner.run(kill("operation.acknowledged", 5)),
        runner.run(kill("operation.returned", 99)),
    )
    died = runner.run(hurt(Fault.DEAD))

    assert failing.verdict is Verdict.FAILED
    assert missed.verdict is Verdict.UNDECIDED
    assert died.history.open_ended is not None


def held() -> tuple[int, set[int]]:
    """Return how many descriptors this process has, and which children."""
    children = {each.pid for each in psutil.Process().children(recursive=True)}
    return psutil.Process().num_fds(), children


def test_the_parent_of_all_cases_is_never_armed(runner: Runner) -> None:
    """No seam, no wrapped call, no child and no descriptor stay behind, whatever a case did."""
    opened, before = os.open, held()
    for case in BEFORE["all of them, twice"]:
        runner.run(case)

    assert failpoints.installed() is None
    assert os.open is opened
    assert before == held()


class Leak:
    """A plan that somebody forgot to disarm: it fails whatever passes a point."""

    def decide(self, hit: failpoints.Hit) -> NoReturn:
        """Raise where a process still listens to this plan."""
        message = f"{hit.point} was struck by a plan of another case"
        raise RuntimeError(message)


@pytest.mark.parametrize("own", [True, False])
def test_a_plan_that_was_left_armed_in_the_parent_strikes_nobody(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, *, own: bool
) -> None:
    """Every child puts its own seam in the place of what it was born with; else it would show."""
    alone = comparable(runner.run(KILLED))
    runner.crashes.forget()
    failpoints.install(Seam(plan=Leak()))
    if not own:
        monkeypatch.setattr("killpoint.process.strike.install", lambda seam: seam)

    assert own is (comparable(runner.run(KILLED)) == alone)


def test_what_a_checker_passes_is_no_point_of_the_recovery(place: Path) -> None:
    """Observing and the invariants pass points of their own: they are in nobody's count."""
    scenario = load([FILE])["dealt.sound"]
    runner = Runner(scenario, Nursery(), place)
    hits = [hit.point for hit in runner.prepare().hits]
    crashed = runner.run(kill("dealt.second", 2))

    assert ("dealt.settled",) == crashed.recovery_hits
    assert "dealt.looked" not in hits


@pytest.mark.parametrize(
    ("arguments", "exit_code", "word"),
    [
        (("run", str(FILE), "dealt.nothing"), 2, "no scenario is called 'dealt.nothing'"),
        (("run", "empty.py"), 5, "nothing ran"),
        (("run", "idle.py"), 4, "the store passed no point"),
        (("run", str(FILE), "dealt.sound", "--shard", "700/700", "--no-measure"), 4, "UNDECIDED"),
        (("run", "idle.py", "--strategy", "error"), 4, "INCOMPLETE"),
    ],
)
def test_nothing_is_never_a_pass(
    shell: Shell, arguments: tuple[str, ...], exit_code: int, word: str
) -> None:
    """A name that fits nothing, a file without scenarios, a workload or a shard without cases."""
    (shell.directory / "empty.py").write_text("")
    (shell.directory / "idle.py").write_text(
        "from killpoint import Scenario, functions\n"
        "idle = Scenario(name='idle', operations=(),\n"
        "    system=functions(open=lambda root: root, observe=lambda root: 0))\n"
    )
    done = shell.killpoint(*arguments)

    assert exit_code == done.returncode, done.stdout
    assert word in " ".join(done.stdout.split())
