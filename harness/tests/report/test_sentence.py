"""The sentence of completeness says what was killed, and is red when anything is not proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from killpoint.events import Bracketing, DepthTally, StopReason
from killpoint.records import Ledger, Run
from killpoint.report.sentence import completeness
from tests.campaigns import MEASURED, NO_STRACE, Made, events


def _run(made: Made) -> Run:
    ledger = Ledger()
    for event in events(made):
        ledger(event)
    return ledger.run()


@pytest.fixture
def whole() -> Run:
    """Return a campaign that killed everything."""
    return _run(Made(reports=Path("reports/1"), sound=True))


def _with_tallies(run: Run, *tallies: DepthTally) -> Run:
    first, *others = run.scenarios
    return replace(run, scenarios=(replace(first, tallies=tallies), *others))


def test_a_whole_campaign_is_complete(whole: Run) -> None:
    """Every part of the promise is in the sentence, with its figures."""
    expected = (
        "complete: 56 of 56 pairs killed; recovery 66 of 66 over 28 images (depth 1); "
        "unbracketed calls 0; never reached: none"
    )
    proof = completeness(whole)
    assert (True, expected) == (proof.complete, proof.sentence)


def test_large_figures_can_be_read(whole: Run) -> None:
    """Thousands are set apart."""
    tally = DepthTally(depth=0, pairs_done=2_140, pairs_total=2_140, images_count=391)
    sentence = completeness(_with_tallies(whole, tally)).sentence
    assert sentence.startswith("complete: 2,166 of 2,166 pairs killed")


def test_pairs_by_image_are_not_called_killed_in_silence(whole: Run) -> None:
    """How many of the workload's pairs did not cost a process each is part of the sentence."""
    tally = DepthTally(depth=0, pairs_done=40, pairs_total=40, images_count=9, by_image_count=38)
    sentence = completeness(_with_tallies(whole, tally)).sentence
    assert sentence.startswith("complete: 66 of 66 pairs killed, 38 of them by image;")


@pytest.mark.parametrize(
    ("bracketing", "part"),
    [
        (
            Bracketing(measured=True, unbracketed=("rename after a.b.after",)),
            "unbracketed calls 3: rename after a.b.after, rename after a.b.after",
        ),
        (NO_STRACE, "unbracketed calls not measured (strace is not installed)"),
    ],
)
def test_points_that_are_not_proven_dense_make_it_incomplete(
    bracketing: Bracketing, part: str
) -> None:
    """A call outside its bracket, or no measurement, is not a complete campaign."""
    proof = completeness(_run(Made(reports=Path("r"), sound=True, bracketing=bracketing)))
    assert not proof.complete
    assert proof.sentence.startswith("INCOMPLETE: 56 of 56")
    assert part in proof.sentence


def test_one_scenario_that_was_not_measured_is_not_hidden(whole: Run) -> None:
    """Two of three is said as two of three, with the reason."""
    assert MEASURED == whole.scenarios[0].bracketing
    mixed = replace(whole.scenarios[0], bracketing=NO_STRACE)
    proof = completeness(replace(whole, scenarios=(mixed, *whole.scenarios[1:])))
    expected = "unbracketed calls 0, measured in 2 of 3 scenarios (strace is not installed)"
    assert not proof.complete
    assert expected in proof.sentence


def test_a_point_that_was_never_reached_makes_it_incomplete(whole: Run) -> None:
    """Five names are shown and the others are counted."""
    names = tuple(f"lost.{index}" for index in range(7))
    proof = completeness(replace(whole, never_reached=names))
    assert not proof.complete
    assert proof.sentence.endswith(
        "never reached: lost.0, lost.1, lost.2, lost.3, lost.4 and 2 more"
    )


def test_a_budget_may_end_the_second_depth_but_not_the_first(whole: Run) -> None:
    """Deeper than one recovery the budget is said; before that it makes the campaign incomplete."""
    first = whole.scenarios[0].tally(0)
    second = whole.scenarios[0].tally(1)
    deep = DepthTally(depth=2, pairs_done=1_300, pairs_total=9_004, images_count=40)
    run = replace(_with_tallies(whole, first, second, deep), depth=2, stop=StopReason.BUDGET)
    proof = completeness(run)
    assert proof.complete
    assert "; depth 2: 1,300 of 9,004 within budget; " in proof.sentence
    cut = replace(second, pairs_done=3)
    proof = completeness(replace(_with_tallies(whole, first, cut), stop=StopReason.BUDGET))
    assert not proof.complete
    assert "recovery 24 of 66 over 28 images (depth 1) when the budget" in proof.sentence


def test_missing_pairs_without_a_budget_make_it_incomplete_at_any_depth(whole: Run) -> None:
    """Nobody said that the second depth may end early."""
    deep = DepthTally(depth=2, pairs_done=1, pairs_total=2, images_count=1)
    first, second = whole.scenarios[0].tally(0), whole.scenarios[0].tally(1)
    assert not completeness(replace(_with_tallies(whole, first, second, deep), depth=2)).complete


def test_nothing_to_kill_is_not_complete(whole: Run) -> None:
    """An empty enumeration proves nothing, and names the scenario."""
    empty = DepthTally(depth=0, pairs_done=0, pairs_total=0, images_count=0)
    proof = completeness(_with_tallies(whole, empty))
    assert not proof.complete
    assert "nothing to kill in graph.load.append" in proof.sentence
    assert not completeness(Run(complete=True)).complete


def test_a_shard_speaks_for_itself_only(tmp_path: Path) -> None:
    """Its sentence names the shard, and leaves it to the merge which points were never reached."""
    proof = completeness(_run(Made(reports=tmp_path, shard=(1, 2), sound=True)))
    assert proof.complete
    assert proof.sentence.startswith("complete for shard 1/2: ")
    assert "never reached" not in proof.sentence


def test_an_interrupted_campaign_names_what_was_left(whole: Run) -> None:
    """Scenarios that were not prepared or not finished are named."""
    first, second, third = whole.scenarios
    waiting = replace(third, prepared=False, finished=False)
    run = replace(
        whole, complete=False, scenarios=(first, replace(second, finished=False), waiting)
    )
    proof = completeness(run)
    assert not proof.complete
    assert "not prepared: log.put; not finished: kb.add.short; the campaign was cut short" in (
        proof.sentence
    )


def test_what_was_drawn_is_called_fuzzed_and_never_complete(whole: Run) -> None:
    """It says how many examples there were, and claims no enumeration."""
    drawn = replace(whole, strategy="fuzz")
    tally = DepthTally(depth=0, pairs_done=10, pairs_total=12, images_count=3)
    assert completeness(drawn).sentence == "fuzzed: 56 of 56 examples, 28 distinct crashes"
    assert completeness(_with_tallies(drawn, tally)).sentence.startswith("NOT FINISHED: ")
