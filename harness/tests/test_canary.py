"""Known bugs are found before every campaign, or it never begins: sabotage of the harness shows."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from killpoint import canary
from killpoint.campaign import Campaign
from killpoint.case import CaseResult, Violation
from killpoint.errors import CanaryError
from killpoint.events import CampaignFinished, CampaignStarted, CaseFinished
from killpoint.exploration import Settings, StrategyName
from killpoint.fault import Fault
from killpoint.process.pool import Pool
from killpoint.scenario import PointSource
from killpoint.verdict import Reason, Verdict
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.events import Event

FILE = STORES / "sabotaged.py"
DECLARED, PYTHON, SYSCALLS = (f"sabotaged.{source}" for source in PointSource)
KILL, ERROR, DAMAGE = StrategyName.KILL, StrategyName.ERROR, StrategyName.DAMAGE


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the stores of these tests by themselves, and every harness whole at first."""
    monkeypatch.setenv("KILLPOINT_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.delenv("KILLPOINT_SABOTAGE", raising=False)


def events_of(
    reports: Path, *names: str, strategy: StrategyName = KILL, workers_count: int = 1
) -> list[Event]:
    """Run a campaign and return what it said."""
    heard: list[Event] = []
    with contextlib.closing(Pool(workers_count=workers_count, files=(FILE,))) as pool:
        settings = Settings(names=names, strategy=strategy, depth=0, reports=reports, measure=False)
        Campaign(pool, settings, (heard.append,)).run()
    return heard


@pytest.mark.parametrize(
    ("sabotage", "scenario", "strategy"),
    [
        ("forget_violations", DECLARED, KILL),
        ("forget_violations", SYSCALLS, KILL),
        ("forget_violations", DECLARED, DAMAGE),
        ("forget_invariants", PYTHON, KILL),
        ("fail_everything", DECLARED, KILL),
        ("spare_the_victim", DECLARED, KILL),
        ("close_before_dying", DECLARED, KILL),
        ("call_every_state_legal", PYTHON, KILL),
        ("hear_no_acknowledgement", DECLARED, KILL),
        ("verify_a_whole_run", PYTHON, KILL),
        ("wrap_no_call", PYTHON, KILL),
        ("raise_no_error", PYTHON, ERROR),
        ("call_every_error_a_bug", PYTHON, ERROR),
        ("accept_every_answer", DECLARED, DAMAGE),
    ],
)
def test_a_sabotaged_harness_never_begins(
    sabotage: str,
    scenario: str,
    strategy: StrategyName,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The canary sings otherwise, so no case of the user is run and nothing can pass."""
    monkeypatch.setenv("KILLPOINT_SABOTAGE", sabotage)

    with pytest.raises(CanaryError, match=r"canary, .* must"):
        events_of(tmp_path, scenario, strategy=strategy)


def test_the_user_reads_why_and_the_exit_code_is_that_of_a_broken_harness(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence with the next step; no record that could be taken for a pass."""
    monkeypatch.setenv("KILLPOINT_SABOTAGE", "forget_violations")
    done = shell.killpoint("run", str(FILE), DECLARED, "--no-measure")

    said = " ".join(done.stdout.split())
    assert done.returncode == 3, said
    assert "does not find its own canary, so no pass would mean anything" in said
    assert "must break 'nothing acknowledged is lost', and it passed" in said
    records = list(shell.directory.glob("reports/*/run.json"))
    assert [False] == [json.loads(each.read_text())["complete"] for each in records]


def test_a_whole_harness_finds_every_canary_on_every_worker(tmp_path: Path) -> None:
    """One for each source of points; none is a case of the campaign."""
    heard = events_of(tmp_path, workers_count=2)
    (started,) = (each for each in heard if isinstance(each, CampaignStarted))
    (finished,) = (each for each in heard if isinstance(each, CampaignFinished))
    cases = [each.result.case for each in heard if isinstance(each, CaseFinished)]

    assert ("declared points", "Python calls", "system calls") == started.canaries
    assert (DECLARED, PYTHON, SYSCALLS) == started.scenarios
    assert {each.scenario for each in cases} == set(started.scenarios)
    assert finished.cases_count == len(cases)


def test_the_record_and_the_page_say_that_it_was_found(shell: Shell) -> None:
    """It is in the last sentence, in the settings of the page, and is no scenario of the user's."""
    done = shell.killpoint("run", str(FILE), PYTHON, "--strategy", "error", "--workers", "1")
    listed = shell.killpoint("list", str(FILE))
    points = shell.killpoint("points", str(FILE))
    summary = json.loads((shell.directory / "reports/latest/summary.json").read_text())
    page = (shell.directory / "reports/latest/index.html").read_text()

    assert "; canary found" in " ".join(done.stdout.split())
    assert ["storage error"] == summary["canaries"]
    assert "found: storage error" in page
    assert "canary" not in listed.stdout + points.stdout


@pytest.mark.parametrize(
    ("faults", "sources", "titles"),
    [
        ([Fault.KILL], [PointSource.PYTHON, PointSource.DECLARED], "declared points, Python calls"),
        ([Fault.KILL], [PointSource.SYSCALLS], "system calls"),
        ([Fault.EIO], [PointSource.DECLARED], "storage error"),
        ([Fault.FLIP], [], "damage"),
        ([Fault.KILL], [], ""),
    ],
)
def test_there_is_a_canary_for_what_is_used(
    faults: list[Fault], sources: list[PointSource], titles: str
) -> None:
    """Each kind of fault and each source of points has its own."""
    assert titles == ", ".join(each.title for each in canary.needed(faults, sources))


def test_a_canary_must_fail_for_the_right_reason() -> None:
    """Another invariant, an undecided case or a pass is not the bug that is known."""
    known = canary.BY_SOURCE[PointSource.DECLARED]
    right, bug = known.cases
    passed = CaseResult(case=right, verdict=Verdict.PASSED)
    lost = Violation(invariant=canary.LOST, evidence=("a",))
    failed = CaseResult(
        case=bug, verdict=Verdict.FAILED, reason=Reason.VIOLATION, violations=(lost,)
    )
    other = replace(lost, invariant="all or nothing")

    assert not known.wrong([passed, failed])
    assert "must pass" in known.wrong([replace(failed, case=right), failed])
    assert known.wrong([passed, replace(passed, case=bug)])
    assert known.wrong([passed, replace(failed, violations=(other,))])
    assert known.wrong([passed, replace(failed, verdict=Verdict.UNDECIDED)])


def test_a_scenario_cannot_take_its_name(shell: Shell) -> None:
    """The name is kept by the harness, and the error says so."""
    (shell.directory / "mine.py").write_text(
        "from killpoint import Operation, Scenario, functions\n"
        "mine = Scenario(name='killpoint.canary.damage',\n"
        "    system=functions(open=lambda r: r, observe=lambda r: 0),\n"
        "    operations=(Operation('look', lambda r: None),))\n"
    )
    done = shell.killpoint("run", "mine.py")

    assert done.returncode == 2, done.stdout
    assert "belongs to the harness" in done.stdout
