"""Merging branches: whole or not at all, over any death, with both parents, and only once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.graph import (
    Decision,
    Delete,
    ExpectedVersionMismatchError,
    Graph,
    Insert,
    LoadMode,
    MergeConflictError,
    MergeKind,
    MissingReferenceError,
    Row,
    StillReferencedError,
    Update,
)
from engine.tests.graph import rules
from engine.tests.graph.test_branches import branched
from engine.tests.stores import ADA, ADA_BOB, BOB, CYD, KNOWS, PERSON, image, kill_at, open_store

OLD_ADA = {**ADA, "age": 90}
MERGED = [OLD_ADA, CYD]  # of ada, bob: one changed, one gone, one new


def _changed(root: Path) -> tuple[Graph, Graph]:
    """Return main and a branch on which one person is new, one changed, one gone."""
    main, work = branched(root)
    work.mutate(
        [Insert(PERSON, [CYD]), Update(PERSON, ["ada"], {"age": 90}), Delete(PERSON, ["bob"])]
    )
    return main, work


def test_a_merge_that_finds_nothing_of_the_targets_own_is_a_fast_forward(root: Path) -> None:
    """Every row is taken over, table by table in up to three commits; nothing else moves."""
    main, work = _changed(root)
    merged = main.merge_branch("work")
    assert (MergeKind.FAST_FORWARD, MERGED) == (merged.kind, main.read(PERSON))
    assert {KNOWS: 1, PERSON: 4} == main.pins() == main.heads()
    row = main.history()[-1]
    assert (row.parent_id, row.merged_id) == (
        main.history()[1].commit_id,
        main.history()[-2].commit_id,
    )
    assert (work.rows(), ()) == (main.rows(), main.pending())


def test_a_merge_is_done_once(root: Path) -> None:
    """What is there already is not merged again, and the other way round there is nothing new."""
    main, work = _changed(root)
    main.merge_branch("work")
    before = image(root)
    assert MergeKind.UP_TO_DATE is main.merge_branch("work").kind
    assert before == image(root)
    assert MergeKind.FAST_FORWARD is work.merge_branch("main").kind
    assert MergeKind.UP_TO_DATE is main.merge_branch("main").kind
    work.insert({PERSON: [{"id": "dan", "age": 1}]})
    assert MergeKind.FAST_FORWARD is main.merge_branch("work").kind
    assert ["ada", "cyd", "dan"] == [row["id"] for row in main.read(PERSON)]


def test_changes_of_both_are_merged_by_row(root: Path) -> None:
    """Against where they parted, so that nothing of either is undone."""
    main, _ = _changed(root)
    eve = {"id": "eve", "age": 5}
    main.insert({PERSON: [eve]})
    main.delete(KNOWS, ["ada-bob"])
    assert MergeKind.THREE_WAY is main.merge_branch("work").kind
    assert {KNOWS: [], PERSON: [*MERGED, eve]} == main.rows()


def test_a_conflict_names_the_rows_and_writes_nothing(root: Path) -> None:
    """All of them, of all tables; once they are the same, the merge goes through."""
    main, work = _changed(root)
    main.update(PERSON, ["ada", "bob"], {"age": 1})
    before = image(root)
    with pytest.raises(MergeConflictError, match="node:Person: 'ada', 'bob'") as told:
        main.merge_branch("work")
    assert {PERSON: ("ada", "bob")} == told.value.keys
    assert before == image(root)
    work.load({PERSON: [{**ADA, "age": 1}, {**BOB, "age": 1}]}, mode=LoadMode.MERGE)
    main.merge_branch("work")
    assert [{**ADA, "age": 1}, {**BOB, "age": 1}, CYD] == main.read(PERSON)


def test_a_branch_that_comes_to_nothing_can_be_merged(root: Path) -> None:
    """No table moves, and from then on it is known to be merged."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    work.delete(PERSON, ["cyd"])
    pins = main.pins()
    assert MergeKind.FAST_FORWARD is main.merge_branch("work").kind
    assert MergeKind.UP_TO_DATE is main.merge_branch("work").kind
    assert (pins, pins) == (main.pins(), main.heads())


def test_a_table_that_was_never_written_is_adopted_where_it_stands(root: Path) -> None:
    """From main, and from a branch that the target rests on; nothing is copied."""
    main, work = branched(root)
    main.insert({PERSON: [CYD]})
    work.merge_branch("main")
    assert ([ADA, BOB, CYD], 2) == (work.read(PERSON), work.pins()[PERSON])
    assert not list((root / "tables/node.Person").glob("forks/*"))
    work.create_branch("more")
    work.insert({PERSON: [{"id": "dan", "age": 1}]})
    more = main.on("more")
    more.merge_branch("work")
    assert (work.rows(), work.pins()) == (more.rows(), more.pins())
    main.delete_branch("work")
    assert ["ada", "bob", "cyd", "dan"] == [row["id"] for row in more.read(PERSON)]


def test_branches_are_merged_into_each_other(root: Path) -> None:
    """Main has no part in it; what was merged may be deleted, and a later merge still knows it."""
    main, work = branched(root)
    main.create_branch("other")
    other = main.on("other")
    work.insert({PERSON: [CYD]})
    other.delete(KNOWS, ["ada-bob"])
    other.merge_branch("work")
    main.merge_branch("work")
    main.refresh()
    main.update(PERSON, ["cyd"], {"age": 8})
    main.delete_branch("work")
    other.merge_branch("main")
    assert {KNOWS: [], PERSON: [ADA, BOB, {**CYD, "age": 8}]} == other.rows()
    assert [ADA_BOB] == main.read(KNOWS)


def test_rules_between_rows_hold_over_what_a_merge_brings_together(root: Path) -> None:
    """Each side alone is right: an edge on the one, and its end gone on the other."""
    main = rules.ruled_store(root / "ruled")
    main.create_branch("work")
    main.delete(rules.PERSON, ["cyd"])
    main.on("work").insert({rules.KNOWS: [rules.edge("bob", "cyd")]})
    before = main.version()
    with pytest.raises(MissingReferenceError, match="cyd"):
        main.merge_branch("work")
    with pytest.raises(StillReferencedError, match="cyd"):
        main.on("work").merge_branch("main")
    assert before == main.version()


def test_after_a_merge_a_strict_operation_needs_a_fresh_look(root: Path) -> None:
    """What it brought was never shown to the caller."""
    main, _ = _changed(root)
    main.merge_branch("work")
    with pytest.raises(ExpectedVersionMismatchError):
        main.delete(PERSON, ["ada"], cascade=True)
    main.refresh()
    main.delete(PERSON, ["ada"], cascade=True)


@pytest.mark.parametrize(
    ("plan", "rows", "decision"),
    [
        ("phase_a.after_sidecar=kill", [ADA, BOB], Decision.ROLLED_BACK),
        ("phase_b.after_commit=kill@1", [ADA, BOB], Decision.ROLLED_BACK),
        ("phase_b.after_commit=kill@2", [ADA, BOB], Decision.ROLLED_BACK),
        ("confirm.before_put=kill", [ADA, BOB], Decision.ROLLED_BACK),
        ("sidecar.confirm.synced=kill", [ADA, BOB], Decision.ROLLED_BACK),
        ("sidecar.confirm.renamed=kill", MERGED, Decision.ROLLED_FORWARD),
        ("phase_c.before_publish=kill", MERGED, Decision.ROLLED_FORWARD),
        ("phase_d.before_delete=kill", MERGED, Decision.ROLLED_FORWARD),
    ],
)
def test_a_merge_that_dies_is_whole_once_it_is_confirmed_and_nothing_before(
    root: Path, plan: str, rows: list[Row], decision: Decision
) -> None:
    """Its parents are there, too; what was taken back can be merged again, what was not is not."""
    main, _ = _changed(root)
    source = main.history()[-1].commit_id
    kill_at(root, "merge work", plan, 2)
    store = open_store(root, 3)
    assert (rows, [decision]) == (store.read(PERSON), [row.decision for row in store.audit()])
    assert store.pins() == store.heads()
    forward = decision is Decision.ROLLED_FORWARD
    if forward:
        assert source == store.history()[-1].merged_id
    expected = MergeKind.UP_TO_DATE if forward else None
    merged = store.merge_branch("work").kind
    assert (merged is expected) is forward
    assert MERGED == store.read(PERSON)
    assert MergeKind.UP_TO_DATE is store.merge_branch("work").kind
