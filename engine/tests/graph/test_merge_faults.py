"""A merge that fails, or dies on another branch than main: all or nothing, and work goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    Decision,
    Delete,
    DriftAdvice,
    DriftError,
    Insert,
    Kind,
    MergeKind,
    Update,
)
from engine.storage import StorageError
from engine.tests.graph.test_branches import branched
from engine.tests.stores import (
    ADA,
    BOTH,
    CYD,
    CYD_ADA,
    KNOWS,
    PERSON,
    kill_at,
    make_store,
    open_store,
)
from killpoint.failpoints import arm, counting

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph

DAN = {"id": "dan", "age": 1}
MERGED = {PERSON: [{**ADA, "age": 90}, CYD], KNOWS: [CYD_ADA]}


def _changed(root: Path) -> Graph:
    """Return main, with a branch that has changed both tables in every way."""
    main, work = branched(make_store(root))
    work.mutate(
        [
            Insert(PERSON, [CYD]),
            Update(PERSON, ["ada"], {"age": 90}),
            Delete(KNOWS, ["ada-bob"]),
            Delete(PERSON, ["bob"]),
            Insert(KNOWS, [CYD_ADA]),
        ]
    )
    return main


def _goes_on(store: Graph) -> bool:
    """Whether the merge can be had now; if not, an opening has to do something first."""
    try:
        store.merge_branch("work")
    except DriftError as refusal:
        if refusal.advice is not DriftAdvice.COVERED:
            raise
        return False
    return True


def test_a_full_disk_at_any_point_of_a_merge_leaves_a_handle_that_goes_on(tmp_path: Path) -> None:
    """All of it or nothing; refused at most until somebody reopens, and then it is done once."""
    store, refused = _changed(tmp_path / "traced"), 0
    with counting() as tally:
        store.merge_branch("work")
    for number, hit in enumerate(tally.hits):
        root = tmp_path / str(number)
        kept = _changed(root)
        full = arm(f"{hit.point}=raise(OSError, ENOSPC)@{hit.occurrence}")
        with full, suppress(OSError, StorageError):
            kept.merge_branch("work")
        assert 1 == len(full.fired), hit
        assert kept.rows() in (BOTH, MERGED), hit
        if not _goes_on(kept):
            refused += 1
            open_store(root, 2).close()
            assert _goes_on(kept), hit
        assert (MERGED, kept.pins(), ()) == (kept.rows(), kept.heads(), kept.pending()), hit
        assert MergeKind.UP_TO_DATE is kept.merge_branch("work").kind
    assert refused > 0, "no failure left anything to roll back: this has tried nothing"


@pytest.mark.parametrize(
    ("plan", "decision"),
    [
        ("phase_b.after_commit=kill@1", Decision.ROLLED_BACK),
        ("phase_b.after_commit=kill@3", Decision.ROLLED_BACK),
        ("phase_c.before_publish=kill", Decision.ROLLED_FORWARD),
    ],
)
def test_a_merge_into_another_branch_that_dies_is_recovered_there(
    root: Path, plan: str, decision: Decision
) -> None:
    """Its sidecar speaks of that branch's chains alone; parents are of that branch; main stays."""
    main, work = branched(root)
    main.mutate([Update(PERSON, ["ada"], {"age": 90}), Insert(PERSON, [DAN])])
    main.update(KNOWS, ["ada-bob"], {"dst": "dan"})
    work.insert({PERSON: [CYD], KNOWS: [CYD_ADA]})
    before, head, source = main.rows(), *(one.commit_id for one in work.history()[:-3:-1])
    pins = main.pins()
    kill_at(root, "sync work", plan, 2)
    (sidecar,) = (root / "recovery").iterdir()
    assert {work._view.branch} == {pin["ref"] for pin in json.loads(sidecar.read_text())["pins"]}
    store = open_store(root, 3)
    newest = store.history()[-1]
    forward = decision is Decision.ROLLED_FORWARD
    assert ([decision], before) == ([row.decision for row in store.audit()], store.rows())
    assert (head, source if forward else "") == (newest.parent_id, newest.merged_id or "")
    assert pins == store.pins() == store.heads()
    expected = MergeKind.UP_TO_DATE if forward else MergeKind.THREE_WAY
    assert expected is store.on("work").merge_branch("main").kind
    assert ["ada", "bob", "cyd", "dan"] == [row["id"] for row in work.read(PERSON)]


def test_a_merge_settles_the_dead_before_it_looks(root: Path) -> None:
    """What they had committed is published under their name, and the merge is on top of it."""
    main, work = branched(root)
    work.insert({KNOWS: [CYD_ADA]})
    kill_at(root, "person", "phase_c.before_publish=kill", 2)
    merged = main.merge_branch("work")
    kinds = [(row.kind, row.decision) for row in main.history()[-2:]]
    assert [(Kind.INSERT, Decision.ROLLED_FORWARD), (Kind.MERGE, Decision.COMMITTED)] == kinds
    assert (MergeKind.THREE_WAY, 1, ()) == (merged.kind, len(main.audit()), main.pending())
    assert {PERSON: [*BOTH[PERSON], CYD], KNOWS: [*BOTH[KNOWS], CYD_ADA]} == main.rows()
