"""Recovery beside others: who lives is left alone, and who recovers the same comes to the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from engine.graph import Decision, Row, TableBusyError, sweep
from engine.graph.recovery import Settled, settle
from engine.tests.graph.dead import wait_for
from engine.tests.stores import (
    ADA_BOB,
    BOTH,
    CYD,
    EMPTY,
    KNOWS,
    PERSON,
    image,
    kill_at,
    open_store,
    start,
)
from killpoint.failpoints import park_first

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Sidecar
    from engine.graph.store import Store

BUSY_S = 0.05
AGAIN: dict[str, list[Row]] = {PERSON: [CYD], KNOWS: [{**ADA_BOB, "id": "again"}]}
WHOLE = ("phase_c.before_publish=kill", Decision.ROLLED_FORWARD)
HALF = ("phase_b.after_commit=kill", Decision.ROLLED_BACK)
NONE = ("phase_a.after_sidecar=kill", Decision.ROLLED_BACK)


def _is_settled(root: Path, decision: Decision) -> bool:
    """Whether it was settled once, whole, and opening once more changes nothing."""
    before = image(root)
    store = open_store(root, 8)
    assert before == image(root)
    assert ([decision], ()) == ([row.decision for row in store.audit()], store.pending())
    assert store.pins() == store.heads()
    return store.rows() == (BOTH if decision is Decision.ROLLED_FORWARD else EMPTY)


RESTORED = "rollback.after_restore"
LOOKS = ["sidecar.list.after", "sidecar.read.before", "sidecar.read.after"]


@pytest.mark.parametrize("occasion", ["an opening", "a heal"])
@pytest.mark.parametrize("point", LOOKS)
@pytest.mark.parametrize(("plan", "decision"), [WHOLE, HALF, NONE])
def test_a_sidecar_that_goes_while_it_is_looked_at_is_in_nobodys_way(
    root: Path, plan: str, decision: Decision, point: str, occasion: str
) -> None:
    """Another recoverer was quicker, between the list and the lock: nothing is settled twice."""
    kept = open_store(root, 1)
    kill_at(root, "both", plan, incarnation=2)
    late = kept.refresh if occasion == "a heal" else lambda: open_store(root, 3)
    with ThreadPoolExecutor(1) as threads, park_first(point) as meeting:
        follower = threads.submit(late)
        meeting.wait_until_reached()
        open_store(root, 4).close()
        meeting.release()
        follower.result()
    assert _is_settled(root, decision)


@pytest.mark.parametrize(
    ("dead", "point"),
    [
        (WHOLE, "recovery.before_classify"),
        (WHOLE, "rollforward.before_publish"),
        (WHOLE, "rollforward.after_publish"),
        (WHOLE, "audit.after_put"),
        (HALF, "rollback.before_restore"),
        (HALF, RESTORED),
        (HALF, "rollback.after_publish"),
        (HALF, "recovery.before_delete"),
        (NONE, "audit.before_put"),
    ],
)
def test_two_openings_of_one_dead_operation_converge(
    root: Path, dead: tuple[str, Decision], point: str
) -> None:
    """The second leaves the sidecar to the first, wherever that one is, and does not wait for it.

    Meanwhile a writer of another table than those publishes, and the first decides again.
    """
    plan, decision = dead
    kill_at(root, "both", plan)
    with ThreadPoolExecutor(1) as threads, park_first(point) as meeting:
        first = threads.submit(open_store, root, 2)
        meeting.wait_until_reached()
        second = open_store(root, 3, wait_s=0.0)
        assert 1 == len(second.pending())
        second.create_branch("meanwhile")
        meeting.release()
        first.result()
    assert _is_settled(root, decision)
    assert ("main", "meanwhile") == second.branches()


@pytest.mark.parametrize(
    ("dead", "point", "made"),
    [
        (WHOLE, "rollforward.after_publish", "manifest/*2.json"),
        (WHOLE, "audit.after_put", "audit/*.json"),
        (HALF, "rollback.after_restore", "tables/edge.Knows/versions/*2.json"),
        (HALF, "rollback.after_publish", "manifest/*2.json"),
    ],
)
def test_a_recoverer_of_another_process_is_left_alone_and_taken_up_when_it_dies(
    root: Path, dead: tuple[str, Decision], point: str, made: str
) -> None:
    """While it lives an opening changes no byte; then the next comes to the same end."""
    plan, decision = dead
    kill_at(root, "both", plan)
    with start(root, "open", f"{point}=hang", incarnation=2) as recoverer:
        wait_for(root, made)
        before = image(root)
        second = open_store(root, 3, wait_s=0.0)
        second.refresh()
        assert (before, 1) == (image(root), len(second.pending()))
        recoverer.kill()
    open_store(root, 4).close()
    assert _is_settled(root, decision)


PHASES = [
    "phase_a.before_sidecar",
    "phase_a.after_sidecar",
    "phase_b.after_commit",
    "phase_c.before_publish",
    "phase_c.after_publish",
    "phase_d.before_delete",
]


@pytest.mark.parametrize("point", PHASES)
def test_no_pass_touches_the_work_of_a_living_writer(root: Path, point: str) -> None:
    """Openings, heals, repairs, optimizes and cleanups beside it, in each phase; it completes."""
    store = open_store(root, 1)
    store.insert(BOTH)
    other = open_store(root, 2, wait_s=BUSY_S)
    with ThreadPoolExecutor(1) as threads, park_first(point) as meeting:
        writing = threads.submit(store.insert, AGAIN)
        meeting.wait_until_reached()
        before = image(root)
        open_store(root, 3, wait_s=BUSY_S).close()
        other.refresh()
        for refused in (other.repair, other.optimize, other.ensure_indices):
            with pytest.raises(TableBusyError):
                refused()
        assert {"tables/edge.Knows", "tables/node.Person"} == other.cleanup(1).skipped.keys()
        assert before == {path: data for path, data in image(root).items() if path in before}
        meeting.release()
        receipt = writing.result()
    assert ((), (), store.pins()) == (other.audit(), other.pending(), other.heads())
    assert receipt.operation_id == open_store(root, 4).history()[-1].operation_id
    assert [*BOTH[PERSON], CYD] == other.read(PERSON)


@pytest.mark.parametrize(
    "check",
    [
        lambda root: test_no_pass_touches_the_work_of_a_living_writer(root, PHASES[2]),
        lambda root: test_two_openings_of_one_dead_operation_converge(root, HALF, RESTORED),
    ],
    ids=["of a writer", "of a recoverer"],
)
def test_a_recovery_that_asks_for_no_lock_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[[Path], None]
) -> None:
    """These checks go red when everybody's sidecar is taken for that of a dead owner."""

    def settle_at_once(store: Store, sidecar: Sidecar, *rest: Any) -> Settled:  # noqa: ANN401
        return settle(sweep._store_of(store, sidecar), sidecar, *rest)

    monkeypatch.setattr(sweep, "_recover", settle_at_once)
    with pytest.raises(AssertionError):
        check(root)
