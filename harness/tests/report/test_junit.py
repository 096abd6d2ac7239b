"""CI servers see each distinct failure as a case of its own, with its token."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from killpoint.records import Ledger, Run
from killpoint.report.junit import as_junit
from tests.campaigns import NO_STRACE, Made, events

FAILED = "k1/graph.load.append/kill:sidecar.delete.before@1/recover:audit.put.after@1~6165"


def _run(made: Made, *, count: int | None = None) -> Run:
    ledger = Ledger()
    for event in list(events(made))[:count]:
        ledger(event)
    return ledger.run()


def _parsed(run: Run) -> ET.Element:
    return ET.fromstring(as_junit(run))  # noqa: S314 -- written here a moment ago


@pytest.fixture
def made() -> Made:
    """Return a campaign with a failure and an undecided case."""
    return Made(reports=Path("reports/1"))


def test_a_failure_is_a_case_with_token_and_replay(made: Made) -> None:
    """The message has the evidence, the property the token, the text the command."""
    suites = {suite.get("name"): suite for suite in _parsed(_run(made))}
    (case,) = suites["graph.load.append"].findall("testcase")
    failure = case.find("failure")
    assert failure is not None
    assert FAILED in [each.get("value") for each in case.iter("property")]
    assert "exactly one audit row at audit.put.after" == case.get("name")
    assert "exactly one audit row: expected one RolledForward row" in (failure.get("message") or "")
    assert f"killpoint replay {FAILED} mine.py" in (failure.text or "")


def test_undecided_is_an_error_and_never_a_skip(made: Made) -> None:
    """A server that ignores skips cannot ignore what was not decided."""
    root = _parsed(_run(made))
    assert [] == root.findall(".//skipped")
    (case,) = root.findall("testsuite[@name='kb.add.short']/testcase[error]")
    told = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert "2" == told["cases"]
    assert "journal.write.before, journal.write.after" == told["points"]


def test_counts_agree_with_the_cases(made: Made) -> None:
    """Every suite and the whole count what they hold; the campaign itself is incomplete."""
    root = _parsed(_run(made))
    for element in (root, *root):
        inside = {"tests": "testcase", "failures": "failure", "errors": "error"}
        for attribute, tag in inside.items():
            assert str(sum(1 for _ in element.iter(tag))) == element.get(attribute)
    assert ("4", "1", "2") == (root.get("tests"), root.get("failures"), root.get("errors"))


def test_a_sound_campaign_has_one_passed_case_a_scenario() -> None:
    """Nothing is wrong and nothing is hidden: four cases pass."""
    root = _parsed(_run(Made(reports=Path("r"), sound=True)))
    assert ("4", "0", "0") == (root.get("tests"), root.get("failures"), root.get("errors"))


def test_an_incomplete_campaign_is_an_error() -> None:
    """Without strace, or when it was cut off, the campaign's own case says so."""
    root = _parsed(_run(Made(reports=Path("r"), sound=True, bracketing=NO_STRACE)))
    assert 1 == len(root.findall("testsuite[@name='campaign']/testcase/error"))
    cut = _parsed(_run(Made(reports=Path("r"), sound=True), count=12))
    messages = [each.get("message") or "" for each in cut.iter("error")]
    assert "undecided: 10 of 30 pairs struck, interrupted" == messages[0]
    assert 4 == len(messages)


def test_characters_that_xml_forbids_are_written_out() -> None:
    """A hostile name gives a document that can still be parsed."""
    run = _run(Made(reports=Path("r"), never_reached=("\x00<&\x1b",)))
    texts = [each.text or "" for each in _parsed(run).iter("system-out")]
    assert "never reached: \\x00<&\\x1b" in texts[0]
