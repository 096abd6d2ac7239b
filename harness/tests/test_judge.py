"""An old record is judged by today's invariants: what has changed is said, and nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from killpoint.judge import Change, Comparison, Only, docket_of
from killpoint.records import Recorder, read_record
from killpoint.records.model import CaseRow
from killpoint.verdict import Verdict
from tests.campaigns import Made, events
from tests.shell import STORES, Shell

FILE = str(STORES / "judged.py")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the reports of a run under no rule at all."""
    shell = Shell(tmp_path_factory.mktemp("once"))
    done = shell.killpoint("run", FILE, "--workers", "2", "--no-measure")
    assert done.returncode == 0, done.stdout
    return shell.directory / "reports"


@pytest.fixture
def recorded(shell: Shell, once: Path) -> Shell:
    """Return a place with that record in it."""
    shutil.copytree(once, shell.directory / "reports", symlinks=True)
    return shell


def record_of(shell: Shell) -> Path:
    """Return the directory of the run's own record."""
    return (shell.directory / "reports" / "latest").resolve()


def newest(shell: Shell) -> Path:
    """Return the directory of the last judgement."""
    return max((shell.directory / "reports").glob("2*"), key=lambda each: each.stat().st_mtime_ns)


def rows_of(directory: Path) -> list[CaseRow]:
    """Return the rows of a record without what no two runs have in common."""
    rows = read_record(directory).rows()
    return [replace(row, victim_s=0.0, verify_s=0.0, worker=0) for row in rows]


def content_of(directory: Path) -> dict[str, bytes]:
    """Return every file of a record."""
    return {str(each): each.read_bytes() for each in directory.rglob("*") if each.is_file()}


def test_an_unchanged_store_is_judged_the_same(recorded: Shell) -> None:
    """Every case of the record is run again, in its order, on any number of workers."""
    old = rows_of(record_of(recorded))
    judged = []
    for count in ("1", "2"):
        done = recorded.killpoint("judge", "reports/latest", "--workers", count)
        said = " ".join(done.stdout.split())
        assert done.returncode == 0, done.stdout
        assert f"judged again: {len(old)} of {len(old)} cases same {len(old)}" in said
        assert f"complete: {len(old)} of {len(old)} cases judged again" in said
        judged.append(rows_of(newest(recorded)))

    assert judged[0] == judged[1]
    assert [row.token for row in old] == [row.token for row in judged[0]]
    assert [row.crash_image for row in old] == [row.crash_image for row in judged[0]]


def test_a_stricter_invariant_fails_what_passed_and_the_old_record_stays(
    recorded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new record has the new verdicts, with each change and its token; the exit code is 1."""
    before = content_of(record_of(recorded))
    monkeypatch.setenv("KILLPOINT_RULE", "1")
    done = recorded.killpoint("judge", "reports/latest", "--kept", "0")

    changes = json.loads((newest(recorded) / "changes.json").read_text())
    failed = [row.token for row in rows_of(newest(recorded)) if row.verdict is Verdict.FAILED]
    assert done.returncode == 1, done.stdout
    assert failed
    assert sorted(failed) == sorted(each["token"] for each in changes["newly failed"])
    assert f"newly failed {len(failed)}" in " ".join(done.stdout.split())
    assert [] == changes["newly passed"]
    assert before == content_of(record_of(recorded))
    assert "newly failed" in (newest(recorded) / "index.html").read_text()


def test_only_what_failed_is_judged_when_that_is_asked_for(
    recorded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that failed under a rule passes without it; one without failures has nothing."""
    monkeypatch.setenv("KILLPOINT_RULE", "1")
    recorded.killpoint("judge", "reports/latest", "--kept", "0")
    strict = newest(recorded)
    failed = [row for row in rows_of(strict) if row.verdict is Verdict.FAILED]
    monkeypatch.delenv("KILLPOINT_RULE")
    done = recorded.killpoint("judge", str(strict), "--only", "failed")
    nothing = recorded.killpoint("judge", "reports/latest", "--only", "failed")

    assert done.returncode == 0, done.stdout
    assert f"judged again: {len(failed)} of {len(failed)} cases" in done.stdout
    assert f"newly passed {len(failed)}" in " ".join(done.stdout.split())
    assert nothing.returncode == 5, nothing.stdout
    assert "nothing ran: no case (failed) of reports/latest" in nothing.stdout


def test_a_scenario_that_is_gone_leaves_the_judgement_undecided(
    recorded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named; who chooses another one by name asks for no more than that."""
    monkeypatch.setenv("KILLPOINT_GONE", "1")
    whole = recorded.killpoint("judge", "reports/latest")
    chosen = recorded.killpoint("judge", "reports/latest", FILE, "judged.one")

    assert whole.returncode == 4, whole.stdout
    assert "in the record, and not judged again: judged.two" in " ".join(whole.stdout.split())
    assert chosen.returncode == 0, chosen.stdout


def test_a_budget_that_ends_it_is_said(recorded: Shell) -> None:
    """What was not judged is counted, and the judgement is not complete."""
    done = recorded.killpoint("judge", "reports/latest", "--budget", "0.001s", "--workers", "1")

    said = " ".join(done.stdout.split())
    assert "INCOMPLETE: " in said
    assert "when the budget was used up" in said
    assert "not judged" in said


def test_storage_errors_are_judged_again_too(shell: Shell) -> None:
    """What strikes after an error, in the process or in its recovery, is in the record as well."""
    ran = shell.killpoint("run", FILE, "judged.one", "--strategy", "error", "--kept", "0")
    done = shell.killpoint("judge", "reports/latest", "--kept", "0")

    old = rows_of(record_of(shell))
    assert {0, 1} == {row.depth for row in old}
    assert ran.returncode == done.returncode, done.stdout
    assert [row.verdict for row in old] == [row.verdict for row in rows_of(newest(shell))]
    assert "canary found" in done.stdout


def test_every_way_to_change_is_told_apart(tmp_path: Path) -> None:
    """A verdict that changed, and a failure that is another one, are not the same."""
    recorder = Recorder(tmp_path / "old")
    heard = list(events(Made(reports=tmp_path / "old")))
    for event in heard:
        recorder(event)
    recorder.close()
    old = read_record(tmp_path / "old")
    known = {each.name for each in old.run.scenarios}
    docket = docket_of(old, Only.ALL, known)
    same, sound = Comparison(docket), Comparison(docket)
    for event in heard:
        same(event)
    mended = Made(reports=tmp_path / "new", sound=True, scenarios=("graph.load.append",))
    for event in events(mended):
        sound(event)
    failed = docket_of(old, Only.FAILED, known)

    assert [] == [change for change in Change if same.changes[change] and change != "same"]
    assert {"newly passed", "same"} == {change for change in Change if sound.changes[change]}
    assert len(sound.changes[Change.NEWLY_PASSED]) == len(failed.cases["graph.load.append"])
    assert () == docket.missing
    assert known == set(docket_of(old, Only.ALL, ()).missing)
