"""A live handle beside the dead: what it settles by itself, and what it leaves to an opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    NOT_PUBLISHED,
    DamagedFileError,
    Decision,
    DriftError,
    Kind,
    Mode,
    Pin,
    UndecidableSidecarError,
)
from engine.storage.errors import IoFailedError
from engine.tests.graph.dead import commit_raw, put_sidecar, wait_for
from engine.tests.stores import (
    ADA,
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
from killpoint.failpoints import arm, counting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Graph

OCCASIONS: dict[str, Callable[[Graph], object]] = {
    "a write": lambda store: store.insert({PERSON: [CYD]}),
    "refresh": lambda store: store.refresh(),
}
WHOLE = "phase_c.before_publish=kill"
PUBLISHED = "phase_d.before_delete=kill"
EFFECTLESS = "phase_a.after_sidecar=kill"
HALF = "phase_b.after_commit=kill"


def _audited(store: Graph) -> list[tuple[str, Decision, int]]:
    return [(row.operation_id, row.decision, row.graph_version) for row in store.audit()]


@pytest.mark.parametrize("occasion", OCCASIONS)
@pytest.mark.parametrize(
    ("plan", "decision", "version"),
    [
        (WHOLE, Decision.ROLLED_FORWARD, 2),
        (PUBLISHED, Decision.ROLLED_FORWARD, 2),
        (EFFECTLESS, Decision.ROLLED_BACK, NOT_PUBLISHED),
    ],
)
def test_what_needs_no_rollback_is_settled_by_a_live_handle(
    root: Path, occasion: str, plan: str, decision: Decision, version: int
) -> None:
    """The dead operation is audited once, the view is reloaded once, and work goes on."""
    kept = open_store(root, 2)
    kill_at(root, "both", plan)
    OCCASIONS[occasion](kept)
    rows = EMPTY if decision is Decision.ROLLED_BACK else BOTH
    assert rows[KNOWS] == kept.read(KNOWS)
    assert [("000001-w-000001", decision, version)] == _audited(kept)
    assert ((), 1, kept.pins()) == (kept.pending(), kept.reloads_count, kept.heads())
    before = image(root)
    open_store(root, 3).close()
    assert before == image(root)


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_what_needs_a_rollback_is_left_to_an_opening(root: Path, occasion: str) -> None:
    """HEAD stays; nothing is reloaded however often it is met; the reopening turns it back."""
    kept = open_store(root, 2)
    kill_at(root, "both", HALF)
    for _ in range(2):
        kept.refresh()
        with pytest.raises(DriftError, match=r"000001-w-000001, insert.*reopen the store"):
            kept.insert({KNOWS: [ADA_BOB]})
    if occasion == "a write":
        kept.insert({PERSON: [CYD]})
    assert ({PERSON: kept.pins()[PERSON], KNOWS: 1}, 1) == (kept.heads(), len(kept.pending()))
    assert (0, ()) == (kept.reloads_count, kept.audit())
    open_store(root, 3).close()
    assert [Decision.ROLLED_BACK] == [row.decision for row in kept.audit()]
    kept.insert({KNOWS: [ADA_BOB]})
    assert [ADA_BOB] == kept.read(KNOWS)


def test_with_nothing_to_heal_a_write_costs_one_listing_more(root: Path) -> None:
    """And no reading at all."""
    store = open_store(root)
    with counting() as tally:
        store.insert(BOTH)
    counts = [hit.point for hit in tally.hits]
    assert (1, 0) == (counts.count("sidecar.list.after"), counts.count("sidecar.read.before"))
    assert counts.index("sidecar.list.after") == 1


def test_the_living_are_not_waited_for(root: Path) -> None:
    """A parked neighbour keeps its sidecar; a write to another table neither waits nor reloads."""
    kept = open_store(root, 2, wait_s=60.0)
    with start(root, "person", "phase_b.after_commit=hang") as owner:
        wait_for(root / "tables/node.Person/versions", "*.json")
        kept.insert({KNOWS: [ADA_BOB]})
        assert (1, 0, {PERSON: 1, KNOWS: 1}) == (
            len(kept.pending()),
            kept.reloads_count,
            kept.heads(),
        )
        owner.kill()
    kept.insert({PERSON: [ADA]})
    assert [ADA, CYD] == kept.read(PERSON)


def test_several_dead_operations_are_settled_in_turn(root: Path) -> None:
    """Two on one table, the second resting on the first; and one half done beside them."""
    kept = open_store(root, 2)
    kept.insert(BOTH)
    for place, operation_id in enumerate(("z", "y"), start=1):
        commit_raw(root, PERSON, place + 1, operation_id)
        put_sidecar(root, operation_id, Pin(table=PERSON, expected=place, post=place + 1))
    commit_raw(root, KNOWS, 2, "half")
    half = (Pin(table=KNOWS, expected=1, post=2), Pin(table=PERSON, expected=0, post=9))
    put_sidecar(root, "half", *half)
    kept.insert({PERSON: [CYD]})
    assert [("y", Decision.ROLLED_FORWARD, 4), ("z", Decision.ROLLED_FORWARD, 3)] == _audited(kept)
    assert (["half"], 1) == ([one.operation_id for one in kept.pending()], kept.reloads_count)


def test_a_sidecar_that_cannot_be_read_stops_every_write(root: Path) -> None:
    """Nobody knows what it stands for; reading goes on, and so does writing once it is gone."""
    kept = open_store(root, 2)
    kept.insert(BOTH)
    (root / "recovery/bad.json").write_text("{")
    before = image(root)
    for call in (OCCASIONS["a write"], OCCASIONS["refresh"]):
        with pytest.raises(DamagedFileError, match=r"'recovery/bad.json' is damaged"):
            call(kept)
    open_store(root, 3, mode=Mode.READ_ONLY).refresh()
    assert (BOTH, before) == (kept.rows(), image(root))
    (root / "recovery/bad.json").unlink()
    kept.insert({PERSON: [CYD]})


def test_a_listing_that_fails_fails_the_write_loudly(root: Path) -> None:
    """Not knowing of a sidecar is not the same as there being none."""
    kept = open_store(root, 2)
    kill_at(root, "both", WHOLE)
    with arm("sidecar.list.before=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        kept.insert({PERSON: [CYD]})
    kept.insert({PERSON: [CYD]})
    assert [*BOTH[PERSON], CYD] == kept.read(PERSON)


def test_a_heal_that_fails_is_finished_by_the_next(root: Path) -> None:
    """Its publish stands and its audit row is missing: one row in the end, of the same decision."""
    kept = open_store(root, 2)
    kill_at(root, "both", WHOLE)
    with arm("audit.put.before=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        kept.insert({PERSON: [CYD]})
    assert (1, ()) == (len(kept.pending()), kept.audit())
    kept.insert({PERSON: [CYD]})
    assert [("000001-w-000001", Decision.ROLLED_FORWARD, 2)] == _audited(kept)


def test_what_no_operation_leaves_is_in_the_way_of_its_own_tables_only(root: Path) -> None:
    """A live handle defers it; the opening names id, kind, pins, and what it found."""
    kept = open_store(root, 2)
    kept.insert(BOTH)
    for version, operation_id in ((2, "half"), (3, "foreign")):
        commit_raw(root, PERSON, version, operation_id)
    pins = (Pin(table=KNOWS, expected=1, post=2), Pin(table=PERSON, expected=1, post=2))
    put_sidecar(root, "half", *pins)
    kept.insert({KNOWS: [{**ADA_BOB, "id": "again"}]})
    with pytest.raises(DriftError, match="operation half"):
        kept.insert({PERSON: [CYD]})
    with pytest.raises(UndecidableSidecarError) as told:
        open_store(root, 3)
    for part in ("'recovery/half.json'", str(Kind.LOAD), "edge:Knows 1 to 2", "HEAD 3: buried"):
        assert part in str(told.value)
