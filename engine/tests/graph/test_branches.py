"""Branches: made whole, deleted at once, written apart from each other, known by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    BadBranchNameError,
    BranchExistsError,
    BranchGoneError,
    ExpectedVersionMismatchError,
    Graph,
    MainBranchError,
    Mode,
    TableBusyError,
    UnknownBranchError,
)
from engine.graph.sidecar import table_lock
from engine.storage import IoFailedError
from engine.tests.stores import ADA, BOB, BOTH, CYD, KNOWS, PERSON, SCHEMA, image, open_store
from killpoint import failpoints
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from killpoint.failpoints import Hit

FORKS = f"{SCHEMA.table(PERSON).directory}/forks"


def branched(root: Path) -> tuple[Graph, Graph]:
    """Return a handle on main, with ada and bob, and one on a branch of it."""
    main = open_store(root, 1)
    main.insert(BOTH)
    main.create_branch("work")
    return main, main.on("work")


def test_a_branch_sees_what_the_other_saw_until_either_writes(root: Path) -> None:
    """Both go on apart, for readers, old versions and a handle that is opened on the branch."""
    main, work = branched(root)
    before = work.version()
    assert main.rows() == work.rows()
    work.insert({PERSON: [CYD]})
    main.update(PERSON, ["ada"], {"age": 1})
    assert [{**ADA, "age": 1}, BOB] == main.read(PERSON)
    assert [ADA, BOB, CYD] == work.read(PERSON)
    assert [ADA, BOB] == work.read(PERSON, before)
    assert ("main", "work") == main.branches()
    assert [ADA, BOB, CYD] == open_store(root, 2, branch="work", mode=Mode.READ_ONLY).read(PERSON)


def test_a_table_is_forked_at_its_first_write_and_no_other_is(root: Path) -> None:
    """The fork goes on from the number that it began at; nothing is copied."""
    main, work = branched(root)
    assert not (root / FORKS).exists()
    work.delete(PERSON, ["bob"])
    work.insert({PERSON: [CYD]})
    assert {KNOWS: 1, PERSON: 3} == work.pins() == work.heads()
    assert {KNOWS: 1, PERSON: 1} == main.pins() == main.heads()
    forks = [path.name for path in sorted((root / FORKS).rglob("*.json"))]
    assert [f"{number:020d}.json" for number in (2, 3)] == forks
    assert not (root / SCHEMA.table(KNOWS).directory / "forks").exists()


def test_names_are_checked_before_anything_is_written(root: Path) -> None:
    """Each refusal says what is wrong; nothing is published."""
    main, _ = branched(root)
    before = main.version()
    for name in ("", ".", "a/../b", "a b", "-x"):
        with pytest.raises(BadBranchNameError, match="is no name"):
            main.create_branch(name)
    with pytest.raises(BranchExistsError, match="'work' already"):
        main.create_branch("work")
    with pytest.raises(UnknownBranchError, match="one of main, work"):
        main.on("wrok")
    with pytest.raises(UnknownBranchError):
        main.delete_branch("wrok")
    with pytest.raises(MainBranchError):
        main.delete_branch("main")
    assert before == main.version()


def test_a_deleted_branch_is_gone_for_every_handle_and_its_forks_too(root: Path) -> None:
    """Reading and writing say so, and nothing of it stays on disk."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    main.delete_branch("work")
    assert ("main",) == main.branches()
    assert [] == [path for path in (root / FORKS).rglob("*") if path.is_file()]
    for call in (work.rows, lambda: work.insert({PERSON: [CYD]}), work.refresh):
        with pytest.raises(BranchGoneError, match="was deleted"):
            call()
    assert BOTH == main.rows()


def test_a_branch_made_anew_is_not_taken_for_the_one_before(root: Path) -> None:
    """An old handle sees none of it; the name and the numbers are used again."""
    main, old = branched(root)
    old.insert({PERSON: [CYD]})
    main.delete_branch("work")
    main.create_branch("work")
    new = main.on("work")
    new.insert({PERSON: [{"id": "dan", "age": 2}]})
    with pytest.raises(BranchGoneError):
        old.read(PERSON)
    with pytest.raises(BranchGoneError):
        old.update(PERSON, ["cyd"], {"age": 8})
    assert ["ada", "bob", "dan"] == [row["id"] for row in new.read(PERSON)]


def test_forks_of_a_deleted_branch_stay_while_another_rests_on_them(root: Path) -> None:
    """It sees the table there; with the last of them they go."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    work.create_branch("more")
    main.delete_branch("work")
    assert (("main", "more"), [ADA, BOB, CYD]) == (main.branches(), main.on("more").read(PERSON))
    assert [ADA, BOB, CYD] == open_store(root, 2, branch="more").read(PERSON)
    main.delete_branch("more")
    assert [] == list((root / FORKS).rglob("*.json"))


def test_a_branch_that_a_live_operation_works_on_is_not_deleted(root: Path) -> None:
    """The delete waits, then says who is in the way."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    other = open_store(root, 3, wait_s=0.05)
    ref = next((root / FORKS).iterdir()).name
    fence = main._view.store.storage.fence
    with (
        fence.hold_all((table_lock(PERSON, ref),), 1),
        pytest.raises(TableBusyError, match="table:node:Person@"),
    ):
        other.delete_branch("work")
    assert [ADA, BOB, CYD] == work.read(PERSON)


def test_a_strict_write_rests_on_what_was_read_on_its_own_branch(root: Path) -> None:
    """A change of main refuses nothing on the branch; one on the branch does."""
    main, work = branched(root)
    second = main.on("work")
    main.update(PERSON, ["ada"], {"age": 1})
    work.update(PERSON, ["ada"], {"age": 2})
    with pytest.raises(ExpectedVersionMismatchError, match="node:Person"):
        second.update(PERSON, ["ada"], {"age": 3})
    second.refresh()
    second.update(PERSON, ["ada"], {"age": 3})
    assert 3 == work.read(PERSON)[0]["age"]


def test_failing_to_reclaim_fails_no_delete_and_the_next_one_does_it(root: Path) -> None:
    """The branch is gone already; what it left is removed by whoever deletes next."""
    main, work = branched(root)
    work.insert({PERSON: [CYD]})
    main.create_branch("other")
    with arm("fork.reclaim.before=raise(OSError, EIO)"):
        main.delete_branch("work")
    assert ("main", "other") == main.branches()
    assert 1 == len(list((root / FORKS).rglob("*.json")))
    main.delete_branch("other")
    assert [] == list((root / FORKS).rglob("*.json"))


def test_a_branch_that_comes_while_another_is_deleted_keeps_its_forks(root: Path) -> None:
    """It is made and written after the delete is published, and before forks are looked for."""
    main, _ = branched(root)
    other = open_store(root, 2)

    def begin(hit: Hit) -> None:
        if hit.point == "branch.after_delete":
            other.create_branch("late")
            other.on("late").insert({PERSON: [CYD]})

    seam = failpoints.push(failpoints.Seam(observe=begin))
    main.delete_branch("work")
    failpoints.remove(seam)
    assert [ADA, BOB, CYD] == open_store(root, 3, branch="late").read(PERSON)


@pytest.mark.parametrize("point", ["manifest.publish.before", "manifest.publish.synced"])
def test_a_branch_that_cannot_be_published_is_not_there(root: Path, point: str) -> None:
    """The failure names the file; nothing of the branch stands, and it can be made then."""
    main = open_store(root, 1)
    main.insert(BOTH)
    before = image(root)
    with arm(f"{point}=raise(OSError, EIO)"), pytest.raises(IoFailedError, match="manifest/0"):
        main.create_branch("work")
    assert (("main",), before) == (main.branches(), image(root))
    main.create_branch("work")
    assert BOTH == main.on("work").rows()
