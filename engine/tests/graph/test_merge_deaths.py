"""Merges that die, and what others do to their branches before recovery comes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import Decision, DriftError, MergeKind
from engine.graph.sidecar import table_lock
from engine.tests.graph import rules
from engine.tests.graph.dead import commit_raw
from engine.tests.graph.test_branches import branched
from engine.tests.stores import ADA, BOB, CYD, CYD_ADA, KNOWS, PERSON, kill_at, open_store
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph

DAN = {"id": "dan", "age": 4}


def _dead_adopter(root: Path) -> tuple[Graph, Graph]:
    """Return main and a branch into which it was being merged: one table moved, one adopted."""
    main, work = branched(root)
    work.insert({KNOWS: [CYD_ADA]})
    main.insert({PERSON: [CYD]})
    main.delete(KNOWS, ["ada-bob"])
    kill_at(root, "merge main", "phase_c.before_publish=kill", 2)
    return main, work


def test_a_dead_merge_never_publishes_over_what_came_after_it(root: Path) -> None:
    """A table that it was to adopt has been written since: all of the merge is taken back."""
    main, work = _dead_adopter(root)
    fence = main._view.store.storage.fence
    with fence.hold_all((table_lock(KNOWS, work._view.branch),), 1.0):  # no heal comes to it
        work.insert({PERSON: [DAN]})
    after = open_store(root, 3).on("work")
    assert [ADA, BOB, DAN] == after.read(PERSON)
    assert [Decision.ROLLED_BACK] == [row.decision for row in after.audit()]
    assert after.pins() == after.heads()
    assert MergeKind.THREE_WAY is after.merge_branch("main").kind
    assert {KNOWS: [CYD_ADA], PERSON: [ADA, BOB, CYD, DAN]} == after.rows()


def test_a_dead_merge_of_a_branch_that_was_deleted_since_is_taken_back(root: Path) -> None:
    """It would rest on forks that are gone, and no later merge could compare with them."""
    main, work = branched(root)
    main.create_branch("more")
    more = main.on("more")
    work.insert({PERSON: [CYD]})
    with arm("phase_c.before_publish=raise(OSError, EIO)"), pytest.raises(OSError, match="5"):
        more.merge_branch("work")
    fence = main._view.store.storage.fence
    with fence.hold_all((table_lock(PERSON, more._view.branch),), 1.0):  # no heal comes to it
        main.delete_branch("work")
    after = open_store(root, 3).on("more")
    assert [ADA, BOB] == after.read(PERSON)
    assert [Decision.ROLLED_BACK] == [row.decision for row in after.audit()]
    assert after.pins() == after.heads()


def test_a_merge_is_refused_while_a_table_that_its_rows_refer_to_has_drifted(root: Path) -> None:
    """What stands there may yet be published, and take away what the new rows refer to."""
    main = rules.ruled_store(root / "ruled")
    main.create_branch("work")
    main.on("work").insert({rules.KNOWS: [rules.edge("bob", "cyd")]})
    commit_raw(root / "ruled", rules.PERSON, 2, "nobody")
    before = main.version()
    with pytest.raises(DriftError, match="node:Person"):
        main.merge_branch("work")
    assert before == main.version()
