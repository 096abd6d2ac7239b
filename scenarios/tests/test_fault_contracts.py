"""What calls to the storage promise when they fail: all of them, and nothing unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.graph import maintenance_points
from engine.graph import points as graph_points
from engine.kb import points as kb_points
from killpoint.case import Answer
from killpoint.records import read_record
from killpoint.report.matrix import MatrixLine, MatrixRow, matrix_of
from killpoint.verdict import Verdict
from scenarios.fault_contracts import ALLOWED, GRAPH, KB, PROMISES, Promise, wrong_in
from scenarios.table import declared_in
from tests.shell import Shell


def _row(name: str, answer: Answer) -> MatrixRow:
    counts = ((answer.value, 1),)
    whole, writer = (
        MatrixLine(name=each, cases_count=1, counts=counts, verdict=Verdict.PASSED)
        for each in (name, "graph.insert")
    )
    return MatrixRow(whole=whole, faults=("eio",), writers=(writer,))


def test_every_effect_of_both_stores_has_one_promise() -> None:
    """None is left out, none is listed twice, and none is listed that does not exist."""
    effects = declared_in(graph_points, maintenance_points, kb_points)
    listed = [name for store in (GRAPH, KB) for names in store.values() for name in names]

    assert sorted(one.name for one in effects) == sorted(listed)


@pytest.mark.parametrize("promise", [each for each in Promise if each is not Promise.ANY])
def test_an_answer_that_a_promise_leaves_no_room_for_is_named(promise: Promise) -> None:
    """For each promise, what it does not allow is wrong and what it allows is not."""
    name = next(each for each, held in PROMISES.items() if held is promise)
    for answer in (Answer.UNCHANGED, Answer.DONE, Answer.WENT_ON):
        wrong = [*wrong_in([_row(name, answer)])]
        assert bool(wrong) == (answer not in ALLOWED[promise])
        assert all(name in sentence for sentence in wrong)


def test_an_effect_of_which_nothing_is_promised_is_named() -> None:
    """A new effect needs a promise before its errors can pass."""
    (sentence,) = wrong_in([_row("moon.put", Answer.UNCHANGED)])
    assert "moon.put" in sentence


@pytest.mark.parametrize("scenario", ["graph.withdraw", "kb.recompile"])
def test_a_campaign_of_errors_shows_what_is_promised(shell: Shell, scenario: str) -> None:
    """`make errors` compares all of them; here is a small one of each store."""
    place = Path(__file__).parents[1] / scenario.partition(".")[0]
    done = shell.killpoint("run", str(place), scenario, "--strategy", "error", "--depth", "0")

    assert done.returncode == 0, done.stdout
    rows = matrix_of(read_record(shell.directory / "reports" / "latest").rows())
    assert len(rows) > 1
    assert [] == [*wrong_in(rows)]
