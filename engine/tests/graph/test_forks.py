"""Deaths on a branch, branches deleted under the dead, and forks that are nobody's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.graph import (
    Decision,
    DriftAdvice,
    DriftError,
    ForkUnknownError,
    Outcome,
    TableBusyError,
)
from engine.graph.branch import Branch, TablePin
from engine.graph.forks import ForkState, classify_fork
from engine.storage import IoFailedError
from engine.tests.graph.dead import commit_raw
from engine.tests.graph.test_branches import FORKS, branched
from engine.tests.stores import BOTH, CYD, CYD_ADA, KNOWS, PERSON, image, kill_at, open_store
from killpoint.failpoints import arm, park_first

AFTER = {PERSON: [*BOTH[PERSON], CYD], KNOWS: [*BOTH[KNOWS], CYD_ADA]}
DAN = {"id": "dan", "age": 1}
MAIN_HEADS = {KNOWS: 1, PERSON: 1}


@pytest.mark.parametrize(
    ("plan", "rows", "decision", "heads"),
    [
        ("phase_a.after_sidecar=kill", BOTH, Decision.ROLLED_BACK, {KNOWS: 1, PERSON: 1}),
        ("phase_b.after_commit=kill@1", BOTH, Decision.ROLLED_BACK, {KNOWS: 3, PERSON: 1}),
        ("phase_b.after_commit=kill@2", AFTER, Decision.ROLLED_FORWARD, {KNOWS: 2, PERSON: 2}),
        ("phase_d.before_delete=kill", AFTER, Decision.ROLLED_FORWARD, {KNOWS: 2, PERSON: 2}),
    ],
)
def test_a_death_at_a_branchs_first_write_is_recovered_there_and_nowhere_else(
    root: Path, plan: str, rows: object, decision: Decision, heads: dict[str, int]
) -> None:
    """All or nothing on the branch; main keeps HEAD and pin; opening again changes nothing."""
    branched(root)
    kill_at(root, "on work", plan, 2)
    store = open_store(root, 3)
    work = store.on("work")
    assert (rows, BOTH) == (work.rows(), store.rows())
    assert heads == work.pins() == work.heads()
    assert MAIN_HEADS == store.pins() == store.heads()
    ref = store.history()[-1].branch if decision is Decision.ROLLED_FORWARD else None
    assert [decision] == [row.decision for row in store.audit()]
    assert ref in {None, store.audit()[0].branch}
    before = image(root)
    open_store(root, 4).close()
    assert before == image(root)
    work.insert({PERSON: [DAN]})


def test_a_write_to_a_branch_rolls_its_dead_forward_on_a_live_handle(root: Path) -> None:
    """The heal of any branch settles the dead of all."""
    main, work = branched(root)
    kill_at(root, "on work", "phase_c.before_publish=kill", 2)
    main.insert({PERSON: [CYD]})
    assert AFTER == work.rows()
    assert [Outcome(table=KNOWS, from_version=1, to_version=2)] == [*main.audit()[0].outcomes][:1]


def test_advice_about_main_never_comes_from_a_branchs_sidecar(root: Path) -> None:
    """The dead of a branch cover their own forks, and no drift of the same table elsewhere."""
    main, _ = branched(root)
    kill_at(root, "on work", "phase_b.after_commit=kill@1", 2)
    commit_raw(root, KNOWS, 2, "foreign")
    with pytest.raises(DriftError, match="run repair") as told:
        main.insert({KNOWS: [CYD_ADA]})
    assert DriftAdvice.UNCOVERED is told.value.advice


@pytest.mark.parametrize("fault", ["audit.put.before", "sidecar.delete.before"])
def test_the_dead_of_a_deleted_branch_are_discarded_once_and_wedge_nobody(
    root: Path, fault: str
) -> None:
    """A fault between keeps the sidecar; whoever comes next writes no second row."""
    main, work = branched(root)
    kill_at(root, "on work", "phase_b.after_commit=kill@1", 2)
    main.delete_branch("work")
    assert 1 == len(main.pending())
    with arm(f"{fault}=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        main.insert({PERSON: [CYD]})
    assert 1 == len(main.pending())
    main.insert({PERSON: [CYD]})
    (row,) = open_store(root, 3).audit()
    assert (Decision.DISCARDED, (), work._view.branch) == (row.decision, row.outcomes, row.branch)
    assert ((), [*BOTH[PERSON], CYD]) == (main.pending(), main.read(PERSON))


def test_a_branch_deleted_by_one_who_died_leaves_forks_to_the_next_delete(root: Path) -> None:
    """The branch is gone at once; what stays is reached by nobody and in nobody's way."""
    _, work = branched(root)
    work.insert({PERSON: [CYD]})
    kill_at(root, "delete work", "branch.after_delete=kill", 2)
    store = open_store(root, 3)
    assert (("main",), 1) == (store.branches(), len(list((root / FORKS).rglob("*.json"))))
    store.create_branch("work")
    store.on("work").insert({PERSON: [CYD]})
    store.delete_branch("work")
    assert [] == list((root / FORKS).rglob("*.json"))


def test_a_fork_that_is_nobodys_is_removed_by_the_first_write(root: Path) -> None:
    """The branch sees the table elsewhere, and no operation accounts for what stands there."""
    _, work = branched(root)
    forged = root / FORKS / work._view.branch / f"{2:020d}.json"
    forged.parent.mkdir(parents=True)
    forged.write_bytes(b"{}")
    with arm("sidecar.list.before=1*off->raise(OSError, EIO)"), pytest.raises(ForkUnknownError):
        work.insert({PERSON: [CYD]})
    assert b"{}" == forged.read_bytes()
    work.insert({PERSON: [CYD]})
    assert (AFTER[PERSON], 2) == (work.read(PERSON), work.pins()[PERSON])


def test_a_fork_that_a_live_writer_begins_is_waited_for(root: Path) -> None:
    """Another handle is told who is in the way, or waits and goes on from what it finds there."""
    _, work = branched(root)
    busy, other = (open_store(root, n, branch="work", wait_s=s) for n, s in ((2, 0.0), (3, 30.0)))
    with ThreadPoolExecutor(2) as threads, park_first("phase_b.after_commit") as meeting:
        first = threads.submit(work.insert, {PERSON: [CYD]})
        meeting.wait_until_reached()
        with pytest.raises(TableBusyError, match="node:Person@"):
            busy.insert({PERSON: [DAN]})
        second = threads.submit(other.insert, {PERSON: [DAN]})
        assert 1 == len(list((root / FORKS).rglob("*.json")))
        meeting.release()
        first.result()
        second.result()
    assert ([*AFTER[PERSON], DAN], 3) == (busy.read(PERSON), busy.pins()[PERSON])
    assert ((), ()) == (busy.pending(), busy.audit())


def test_a_fork_that_waits_for_recovery_is_not_removed(root: Path) -> None:
    """The dead may have been doing just that: the write is refused, and an opening settles it."""
    _, work = branched(root)
    kill_at(root, "on work", "phase_b.after_commit=kill@1", 2)
    with pytest.raises(DriftError, match="reopen the store") as told:
        work.insert({KNOWS: [CYD_ADA]})
    assert (DriftAdvice.COVERED, 1, 2) == (told.value.advice, told.value.pinned, told.value.head)
    open_store(root, 3).close()
    work.insert({KNOWS: [CYD_ADA]})


HERE = Branch(name="b", id="b1", head="", tables={"t": TablePin(version=1, operation_id="o")})
PLACED = Branch(
    name="b", id="b1", head="", tables={"t": TablePin(version=1, operation_id="o", ref="b1")}
)


@pytest.mark.parametrize(
    ("branch", "claimed", "state"),
    [
        (None, DriftAdvice.UNKNOWN, ForkState.ORPHAN),
        (PLACED, DriftAdvice.UNCOVERED, ForkState.LEGITIMATE),
        (PLACED, DriftAdvice.UNKNOWN, ForkState.LEGITIMATE),
        (HERE, DriftAdvice.COVERED, ForkState.LEGITIMATE),
        (HERE, DriftAdvice.UNCOVERED, ForkState.ORPHAN),
        (HERE, DriftAdvice.UNKNOWN, ForkState.INDETERMINATE),
    ],
)
def test_an_error_never_makes_an_orphan(
    branch: Branch | None, claimed: DriftAdvice, state: ForkState
) -> None:
    """Only a manifest that lacks the branch, or places it elsewhere with nobody at work, does."""
    assert state is classify_fork(branch, "t", "b1", claimed)
