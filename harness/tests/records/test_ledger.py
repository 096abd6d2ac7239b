"""A ledger can say at any moment what a campaign came to so far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from killpoint.events import CaseFinished, Event, ScenarioFinished
from killpoint.records import Ledger
from killpoint.verdict import Verdict
from tests.campaigns import WORKLOADS, Made, events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def _ledger(stream: Iterable[Event]) -> Ledger:
    ledger = Ledger()
    for event in stream:
        ledger(event)
    return ledger


def test_its_own_tallies_are_those_of_the_loop(tmp_path: Path) -> None:
    """Before the loop gives its figures, counting cases and images comes to the same."""
    stream = list(events(Made(reports=tmp_path, sound=True)))
    told = {e.scenario: e.tallies for e in stream if isinstance(e, ScenarioFinished)}
    ledger = _ledger(e for e in stream if not isinstance(e, ScenarioFinished))
    assert told == {each.name: each.tallies for each in ledger.run().scenarios}


def test_a_fault_that_did_not_strike_is_no_kill(tmp_path: Path) -> None:
    """The loop has done all 16 cases, but two pairs were never killed."""
    run = _ledger(events(Made(reports=tmp_path))).run()
    (record,) = [each for each in run.scenarios if each.name == "kb.add.short"]
    assert (14, 16) == (record.tally(0).pairs_done, record.tally(0).pairs_total)


def test_points_show_every_pair_in_order_with_its_worst_verdict(tmp_path: Path) -> None:
    """The map of a scenario has a place for each hit, and a failure in recovery marks its kill."""
    points = _ledger(events(Made(reports=tmp_path))).points().scenarios["graph.load.append"]
    assert list(WORKLOADS["graph.load.append"]) == [pair.point for pair in points.pairs]
    assert {"sidecar.delete.before"} == {
        pair.point for pair in points.pairs if pair.verdict is Verdict.FAILED
    }
    assert all(pair.kills_count == 1 for pair in points.pairs)
    assert {"audit.put.after": 15, "audit.put.before": 15, "sidecar.list.before": 15} == (
        points.recovery_kills
    )


def test_a_pair_that_was_not_reached_yet_is_undecided(tmp_path: Path) -> None:
    """A campaign that ends after its first case has one pair killed and all others open."""
    stream = list(events(Made(reports=tmp_path)))
    first = next(i for i, event in enumerate(stream) if isinstance(event, CaseFinished))
    pairs = _ledger(stream[: first + 1]).points().scenarios["graph.load.append"].pairs
    assert [Verdict.PASSED] == [pair.verdict for pair in pairs if pair.struck]
    assert {Verdict.UNDECIDED} == {pair.verdict for pair in pairs if not pair.struck}


def test_equal_problems_are_one_problem_with_a_count(tmp_path: Path) -> None:
    """The same signature again raises the count and keeps the first token."""
    stream = list(events(Made(reports=tmp_path)))
    bad = next(
        event
        for event in stream
        if isinstance(event, CaseFinished) and event.result.verdict is Verdict.FAILED
    )
    ledger = _ledger([*stream, replace(bad, index=bad.index + 1)])
    (problem,) = ledger.of("graph.load.append").problems
    assert (2, bad.token) == (problem.cases_count, problem.token)
