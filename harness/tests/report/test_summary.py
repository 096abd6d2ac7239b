"""Programs and CI pages get the verdict, the sentence and every token."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from killpoint.records import Ledger, Recorder, Run
from killpoint.report import write_reports
from killpoint.report.markdown import as_markdown
from killpoint.report.sentence import completeness
from killpoint.report.summary import as_summary
from tests.campaigns import Made, events

FAILED = "k1/graph.load.append/kill:sidecar.delete.before@1/recover:audit.put.after@1~6165"


@pytest.fixture
def run() -> Run:
    """Return a campaign with a failure and an undecided case."""
    ledger = Ledger()
    for event in events(Made(reports=Path("reports/1"))):
        ledger(event)
    return ledger.run()


def _summary(run: Run) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(as_summary(run))
    return read


def test_the_summary_answers_what_a_script_asks(run: Run) -> None:
    """Verdict, exit code, whether all was killed, and the sentence."""
    summary = _summary(run)
    assert ("failed", 1) == (summary["verdict"], summary["exit_code"])
    assert (True, False) == (summary["record_complete"], summary["coverage_complete"])
    assert completeness(run).sentence == summary["sentence"]
    assert "killpoint run mine.py --strategy kill --workers 2 --depth 1" == summary["command"]


def test_the_summary_has_every_problem_with_its_command(run: Run) -> None:
    """A bot can post the line that reproduces it."""
    first, *others = _summary(run)["problems"]
    assert (FAILED, "deterministic") == (first["token"], first["label"])
    assert f"killpoint replay {FAILED} mine.py" == first["replay"]
    assert ["undecided", "undecided"] == [each["verdict"] for each in others]


def test_the_summary_has_figures_per_scenario_and_depth(run: Run) -> None:
    """A dashboard can draw them."""
    depths = _summary(run)["scenarios"][0]["depths"]
    assert [(0, 30, 30), (1, 45, 45)] == [
        (each["depth"], each["pairs_done"], each["pairs_total"]) for each in depths
    ]


def test_the_page_of_a_job_has_the_sentence_a_table_and_tokens(run: Run) -> None:
    """What a reviewer needs, and the failures before the undecided."""
    lines = as_markdown(run).splitlines()
    assert "## killpoint: **failed**, 120 cases in 4.2 s" == lines[0]
    assert completeness(run).sentence in lines
    assert "| graph.load.append | 30/30 | 45/45 | 60/s | **failed** |" in lines
    commands = [line for line in lines if line.startswith("    killpoint replay ")]
    assert f"    killpoint replay {FAILED} mine.py" == commands[0]
    # Both undecided cases are of one kind, and the first speaks for them.
    assert 2 == len(commands)


def test_text_of_a_store_is_no_markup_there(run: Run) -> None:
    """Evidence cannot break the table, make a link or an element."""
    hostile = replace(run, notes=("a|b `c` [d](e) <img>",))
    assert "- a\\|b \\`c\\` \\[d\\](e) &lt;img&gt;" in as_markdown(hostile)


def test_many_problems_do_not_flood_the_page(run: Run) -> None:
    """Twenty are shown and the others are counted."""
    numbered = (replace(run.problems[0], scenario=f"graph.{n}") for n in range(30))
    many = replace(run, problems=tuple(numbered))
    text = as_markdown(many)
    assert 20 == text.count("killpoint replay ")
    assert "... and 10 more in the report." in text


def test_all_reports_are_written_beside_the_record(tmp_path: Path) -> None:
    """One call leaves every form, for a finished record and again for the same one."""
    recorder = Recorder(tmp_path)
    for event in events(Made(reports=tmp_path)):
        recorder(event)
    assert tmp_path / "index.html" == write_reports(tmp_path)
    first = {each: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()}
    write_reports(tmp_path)
    assert first == {each: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()}
    names = {each.name for each in first}
    assert {"index.html", "junit.xml", "summary.json", "summary.md"} < names
