"""Maintenance beside branches: each is mended on its own, and nothing goes that one needs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.graph import Consent, Decision, Finding, Remedy, Treatment
from engine.graph.sidecar import table_lock
from engine.graph.table import TableVersion
from engine.storage import IoFailedError
from engine.tests.graph.dead import versions_of
from engine.tests.graph.test_branches import FORKS, branched
from engine.tests.stores import (
    ADA,
    BOB,
    BOTH,
    CYD,
    CYD_ADA,
    KNOWS,
    PERSON,
    image,
    kill_at,
    make_store,
    open_store,
)
from killpoint import failpoints
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.failpoints import Hit

READS_MAX = 30


def _commit_on(root: Path, ref: str, version: int) -> None:
    """Make a version of the people on a fork as no operation would, with the rows before it."""
    fork = root / FORKS / ref
    fork.mkdir(parents=True, exist_ok=True)
    name = f"{version - 1:020d}.json"
    before = fork / name if (fork / name).exists() else versions_of(root, PERSON) / name
    found = TableVersion.from_bytes(name, before.read_bytes())
    made = replace(found, version=version, parent=version - 1, operation_id="nobody", ref=ref)
    (fork / f"{version:020d}.json").write_bytes(made.to_bytes())


def test_a_branch_is_optimized_where_it_has_written(root: Path) -> None:
    """What it inherits is not forked for the sake of order, and main is not touched."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    pins, rows = main.pins(), work.rows()
    assert (PERSON,) == work.optimize().moved
    assert (pins, rows) == (main.pins(), work.rows())
    assert {KNOWS: 1, PERSON: 4} == work.pins() == work.heads()
    assert () == work.optimize().moved
    assert [CYD] == work.find(PERSON, "id", "cyd")
    assert [] == main.find(PERSON, "id", "cyd")


@pytest.mark.parametrize(
    ("plan", "decision"),
    [
        ("phase_b.after_commit=kill@1", Decision.ROLLED_BACK),
        ("phase_c.before_publish=kill", Decision.ROLLED_FORWARD),
    ],
)
def test_indices_of_a_branch_that_were_cut_short_are_recovered_there(
    root: Path, plan: str, decision: Decision
) -> None:
    """Main keeps HEAD and pin; the branch reads as before, and the next pass finds what is left."""
    main, work = branched(root)
    work.insert({PERSON: [CYD], KNOWS: [CYD_ADA]})
    pins, rows = main.pins(), work.rows()
    kill_at(root, "index work", plan, 2)
    store = open_store(root, 3)
    assert ([decision], pins) == ([row.decision for row in store.audit()], store.pins())
    assert (pins, rows) == (store.heads(), work.rows())
    assert work.pins() == work.heads()
    left = () if decision is Decision.ROLLED_FORWARD else (KNOWS, PERSON)
    assert left == store.on("work").ensure_indices().moved


def test_a_branch_keeps_what_it_began_from(root: Path) -> None:
    """After a cleanup to the last graph version of main it reads and merges as if none had been."""
    main, work = branched(root)
    for age in (1, 2, 3):
        main.update(PERSON, ["ada"], {"age": age})
    work.insert({PERSON: [CYD], KNOWS: [CYD_ADA]})
    cleaned = main.cleanup(keep_count=1)
    assert ({}, 2) == (cleaned.skipped, cleaned.kept_from)
    fresh = open_store(root, 2)
    assert [ADA, BOB, CYD] == fresh.on("work").read(PERSON)
    fresh.merge_branch("work")
    assert [{**ADA, "age": 3}, BOB, CYD] == fresh.read(PERSON)


def test_a_branch_keeps_what_the_one_that_it_was_made_from_began_from(root: Path) -> None:
    """That one is deleted, and a merge still compares with what both were before it."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    main.update(PERSON, ["ada"], {"age": 1})
    work.create_branch("more")
    main.delete_branch("work")
    assert {} == main.cleanup(keep_count=1).skipped
    fresh = open_store(root, 2)
    fresh.merge_branch("more")
    assert [{**ADA, "age": 1}, BOB, CYD] == fresh.read(PERSON)


def test_history_that_only_a_deleted_branch_needed_goes(root: Path) -> None:
    """Its creation holds the horizon no longer."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    main.update(PERSON, ["ada"], {"age": 1})
    main.delete_branch("work")
    assert main.version() == main.cleanup(keep_count=1).kept_from
    assert not list((root / FORKS).rglob("*.json"))
    assert [{**ADA, "age": 1}, BOB] == open_store(root, 2).read(PERSON)


def test_only_orphaned_forks_go(root: Path) -> None:
    """One of a living branch that sees the table elsewhere, one of nobody; not the one in use."""
    main, work = branched(root)
    main.create_branch("other")
    work.insert({PERSON: [CYD]})
    legitimate = image(root / FORKS)
    other = open_store(root, 2, branch="other")
    for ref in (other._view.branch, "gone"):
        _commit_on(root, ref, 2)
    assert 2 == main.cleanup(keep_count=1).versions_count
    assert legitimate == image(root / FORKS)
    assert [ADA, BOB, CYD] == work.read(PERSON)
    other.insert({PERSON: [CYD]})


def test_a_fork_that_a_live_writer_begins_is_left_alone(root: Path) -> None:
    """Whoever holds the table on the branch keeps all of the table as it is."""
    main, work = branched(root)
    main = open_store(root, 2, wait_s=0.05)
    _commit_on(root, work._view.branch, 2)
    before = image(root / FORKS)
    lock = table_lock(PERSON, work._view.branch)
    with main._view.store.storage.fence.hold_all((lock,), 1.0):
        assert "live operation" in main.cleanup(keep_count=1).skipped["tables/node.Person"]
    assert before == image(root / FORKS)


def test_a_fork_of_a_branch_that_came_meanwhile_is_left_alone(root: Path) -> None:
    """Its branch is made after the locks were chosen: it is not held, and so not judged."""
    main, _ = branched(root)
    other = open_store(root, 2)
    listed: list[Hit] = []

    def begin(hit: Hit) -> None:
        if hit.point == "cleanup.list_table.before" and "Person" in hit.footprint:
            listed.append(hit)
            if len(listed) == 2:
                other.create_branch("late")
                _commit_on(root, other.on("late")._view.branch, 2)

    seam = failpoints.push(failpoints.Seam(observe=begin))
    cleaned = main.cleanup(keep_count=1)
    failpoints.remove(seam)
    assert (0, 1) == (cleaned.versions_count, len(list((root / FORKS).rglob("*.json"))))


def test_an_orphan_stays_when_the_manifest_cannot_be_read_again(tmp_path: Path) -> None:
    """Whose it is cannot be told then, whichever read it was; the next cleanup removes it."""
    stayed = 0
    for read in range(1, READS_MAX + 1):
        main, work = branched(make_store(tmp_path / str(read)))
        _commit_on(tmp_path / str(read), work._view.branch, 2)
        fork = image(tmp_path / str(read) / FORKS)
        skipped = {"all": "the failure was raised"}
        with arm(f"manifest.read.before=raise(OSError, EIO)@{read}"), suppress(IoFailedError):
            skipped = {**main.cleanup(keep_count=1).skipped}
        if skipped.keys() & {"all", "tables/node.Person"}:
            assert fork == image(tmp_path / str(read) / FORKS)
            assert ({}, 1) == ((last := main.cleanup(1)).skipped, last.versions_count)
            stayed += 1
    assert READS_MAX > stayed > 2, "every read is tried, and one that is not made spares nothing"


@pytest.mark.parametrize("remedy", Remedy)
def test_drift_on_a_branch_is_repaired_there(root: Path, remedy: Remedy) -> None:
    """It is told with its branch; main keeps HEAD and pin."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    _commit_on(root, work._view.branch, 3)
    pins = main.pins()
    (drift,) = main.repair(remedy, Consent.CONFIRM).drifts
    told = (drift.branch, drift.pinned, drift.head, drift.finding)
    assert ("work", 2, 3, Finding.SAME_ROWS) == told
    assert drift.treatment in {Treatment.PUBLISHED, Treatment.RESTORED}
    assert {KNOWS: 1, PERSON: 3} == work.pins() == work.heads()
    assert (pins, BOTH) == (main.pins(), main.rows())
