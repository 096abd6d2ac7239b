"""Optimize: fewer files, complete indices, the same rows, and nobody is put out by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    AddColumn,
    ColumnType,
    Decision,
    DriftAdvice,
    DriftError,
    Kind,
    Outcome,
    RecoveryPendingError,
)
from engine.graph.index import uncovered
from engine.graph.table import read_version
from engine.storage import StorageError
from engine.tests.graph.dead import commit_raw
from engine.tests.stores import (
    ADA,
    ADA_BOB,
    BOB,
    BOTH,
    CYD,
    KNOWS,
    PERSON,
    image,
    kill_at,
    open_store,
)
from killpoint import failpoints
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph
    from engine.graph.table import TableVersion
    from killpoint.failpoints import Hit


def _scattered(root: Path, incarnation: int = 1) -> Graph:
    """Return a handle on a store with people in two fragments, one of them with a gone row."""
    store = open_store(root, incarnation)
    store.insert(BOTH)
    store.update(PERSON, ["bob"], {"age": 41})
    return store


def _pinned(store: Graph, table: str) -> TableVersion:
    inner = store._view.store
    return read_version(inner, inner.schema.table(table), store.pins()[table])


def _is_tidy(store: Graph) -> bool:
    versions = {table: _pinned(store, table) for table in (PERSON, KNOWS)}
    schema = store.schema()
    return all(
        len(one.fragments) == 1
        and not one.fragments[0].deleted
        and not uncovered(schema.table(table), one)
        for table, one in versions.items()
    )


def test_a_table_is_put_together_and_indexed_in_one_operation(root: Path) -> None:
    """A scattered table moves by two versions, one that lacks its index by one; no row changes."""
    store = _scattered(root)
    cared = store.optimize(actor="ann")
    assert ({KNOWS: 2, PERSON: 4}, (KNOWS, PERSON)) == (store.pins(), cared.moved)
    assert (BOTH, True) == (open_store(root, 2).rows(), _is_tidy(store))
    newest = store.history()[-1]
    assert (Kind.OPTIMIZE, "ann", 4) == (newest.kind, newest.actor, cared.graph_version)
    assert ((), store.pins()) == (store.pending(), store.heads())


def test_a_second_pass_does_nothing(root: Path) -> None:
    """Not a byte; and indices alone are not the business of a store that was optimized."""
    store = _scattered(root)
    store.optimize()
    before = image(root)
    assert () == store.optimize().moved == store.ensure_indices().moved
    assert before == image(root)


def test_whoever_had_read_the_rows_may_go_on(root: Path) -> None:
    """A strict write of another handle is not refused for what did not change, nor is the own."""
    store, other = _scattered(root), open_store(root, 2)
    other.read(PERSON)
    store.optimize()
    other.update(PERSON, ["ada"], {"age": 1})
    store.refresh()
    store.optimize()
    store.delete(PERSON, ["ada"], cascade=True)
    assert [BOB] == store.read(PERSON)


def test_a_view_that_is_stale_for_another_reason_stays_stale(root: Path) -> None:
    """A write before the maintenance, or after it, is not hidden by it."""
    store, other = _scattered(root), open_store(root, 2)
    store.update(PERSON, ["bob"], {"age": 42})
    store.optimize()
    with pytest.raises(Exception, match="stale view of 'node:Person'"):
        other.update(PERSON, ["ada"], {"age": 1})


DEATHS = [
    ("fragment.put.linked=kill", None, ()),
    ("phase_a.after_sidecar=kill", Decision.ROLLED_BACK, ()),
    ("phase_b.after_commit=kill@1", Decision.ROLLED_BACK, ((KNOWS, 2, 3),)),
    ("phase_b.after_commit=kill@2", Decision.ROLLED_BACK, ((KNOWS, 2, 3), (PERSON, 3, 4))),
    ("phase_b.after_commit=kill@3", Decision.ROLLED_FORWARD, ((KNOWS, 1, 2), (PERSON, 2, 4))),
    ("phase_d.before_delete=kill", Decision.ROLLED_FORWARD, ((KNOWS, 1, 2), (PERSON, 2, 4))),
]


@pytest.mark.parametrize(("plan", "decision", "outcomes"), DEATHS)
def test_a_death_in_any_phase_changes_no_row(
    root: Path, plan: str, decision: Decision | None, outcomes: tuple[tuple[str, int, int], ...]
) -> None:
    """All its versions or none are published; afterwards it does what was left to do."""
    _scattered(root).close()
    kill_at(root, "optimize", plan, incarnation=2)
    after = open_store(root, 3)
    told = [(row.decision, row.outcomes) for row in after.audit()]
    restores = {KNOWS: 1, PERSON: 2} if decision is Decision.ROLLED_BACK else {}
    expected = tuple(
        Outcome(table=table, from_version=old, to_version=new, restores=restores.get(table))
        for table, old, new in outcomes
    )
    assert ([(decision, expected)] if decision else []) == told
    assert (BOTH, after.pins()) == (after.rows(), after.heads())
    after.optimize()
    after.update(PERSON, ["ada"], {"age": 36})
    assert BOTH == after.rows()


def test_it_waits_for_recovery(root: Path) -> None:
    """What a dead operation left is neither put together nor published; nothing is written."""
    store = _scattered(root)
    kill_at(root, "both-again", "phase_b.after_commit=kill@1", incarnation=2)
    before = image(root)
    for care in (store.optimize, store.ensure_indices):
        with pytest.raises(RecoveryPendingError, match="insert, edge:Knows 1 to 2"):
            care()
    assert before == image(root)


def test_a_table_that_has_drifted_is_left_to_repair(root: Path) -> None:
    """It is told with both versions, and the others are taken care of."""
    store = _scattered(root)
    commit_raw(root, PERSON, 3, "foreign")
    cared = store.optimize()
    assert (KNOWS,) == cared.moved
    assert "is at version 3 and the manifest names 2" in cared.skipped[PERSON]
    assert "run repair" in cared.skipped[PERSON]
    assert BOTH == store.rows()


def test_an_insert_that_came_first_is_not_lost(root: Path) -> None:
    """Between the look and the locks another handle writes: it is put together with the rest."""
    _scattered(root).close()
    store, other = open_store(root, 2), open_store(root, 3)
    busy: list[Hit] = []

    def overtake(hit: Hit) -> None:
        if hit.point == "table.read.before" and not busy:
            busy.append(hit)
            other.insert({PERSON: [CYD], KNOWS: [{**ADA_BOB, "id": "again"}]})

    seam = failpoints.push(failpoints.Seam(observe=overtake))
    store.optimize()
    failpoints.remove(seam)
    assert 1 == len(busy)
    assert [ADA, BOB, CYD] == store.read(PERSON)
    assert _is_tidy(store)


def test_its_own_movement_is_not_taken_for_drift(root: Path) -> None:
    """It fails after its versions and before the publish: the next pass heals that, and is done."""
    store = _scattered(root)
    with arm("phase_c.before_publish=raise(OSError, EIO)"), pytest.raises(OSError, match="5"):
        store.optimize()
    assert {KNOWS: 2, PERSON: 4} == store.heads()
    cared = store.optimize()
    assert ((), {}) == (cared.moved, cared.skipped)
    assert [Decision.ROLLED_FORWARD] == [row.decision for row in store.audit()]
    assert (BOTH, True) == (store.rows(), _is_tidy(store))


def test_half_of_it_is_for_an_opening_to_take_back(root: Path) -> None:
    """Writes to its tables say so until then, as after any operation that failed half way."""
    store = _scattered(root)
    with arm("phase_b.after_commit=raise(OSError, EIO)@2"), pytest.raises(OSError, match="5"):
        store.optimize()
    with pytest.raises(DriftError) as refusal:
        store.insert({PERSON: [CYD]})
    assert DriftAdvice.COVERED == refusal.value.advice
    open_store(root, 3).close()
    store.insert({PERSON: [CYD]})
    assert [ADA, BOB, CYD] == store.read(PERSON)


@pytest.mark.parametrize(
    "point", ["table.read.before", "fragment.read.before", "index.read.before"]
)
def test_a_table_that_cannot_be_looked_at_is_not_taken_for_one_without_need(
    root: Path, point: str
) -> None:
    """The failure is told, and not one table is moved without the other."""
    _scattered(root).ensure_indices()
    store = open_store(root, 2)
    store.update(PERSON, ["ada"], {"age": 1})
    before, fresh = store.pins(), open_store(root, 3)
    with arm(f"{point}=raise(OSError, EIO)"), pytest.raises((OSError, StorageError)):
        fresh.optimize()
    assert ((), before, before) == (fresh.pending(), fresh.pins(), fresh.heads())
    assert (PERSON,) == fresh.optimize().moved


@pytest.mark.parametrize("point", ["index.put.before", "index.put.linked", "fragment.put.before"])
def test_what_fails_before_the_sidecar_moves_nothing(root: Path, point: str) -> None:
    """Every table can be written as before, and the next pass does all of it."""
    store = _scattered(root)
    pins = store.pins()
    with arm(f"{point}=raise(OSError, EIO)"), pytest.raises((OSError, StorageError)):
        store.optimize()
    assert ((), pins, pins) == (store.pending(), store.pins(), store.heads())
    store.insert({PERSON: [CYD], KNOWS: [{**ADA_BOB, "id": "again"}]})
    assert ((KNOWS, PERSON), True) == (store.optimize().moved, _is_tidy(store))


@pytest.mark.parametrize("plan", ["phase_b.after_commit=kill@1", "phase_c.before_publish=kill"])
def test_a_schema_can_be_applied_after_an_optimize_that_died(root: Path, plan: str) -> None:
    """Whichever way it was settled: no table is left ahead of the manifest."""
    _scattered(root).close()
    kill_at(root, "optimize", plan, incarnation=2)
    store = open_store(root, 3)
    store.apply_schema([AddColumn(PERSON, "size", ColumnType.INT, 1)])
    assert [{**row, "size": 1} for row in BOTH[PERSON]] == store.read(PERSON)
    assert store.pins() == store.heads()


def test_what_a_cleanup_takes_away_before_the_locks_is_no_damage(root: Path) -> None:
    """Whether a table needs anything is looked at again once it stands still."""
    _scattered(root).close()
    store, other = open_store(root, 2), open_store(root, 3)
    other.rows()
    left = [1]

    def clean(hit: Hit) -> None:
        if hit.point == "table.read.before" and "Person" in hit.footprint and left:
            left.pop()
            other.update(PERSON, ["ada"], {"age": 1})
            assert {} == other.cleanup(keep_count=1).skipped

    seam = failpoints.push(failpoints.Seam(observe=clean))
    assert (KNOWS, PERSON) == store.optimize().moved
    failpoints.remove(seam)
    assert [{**ADA, "age": 1}, BOB] == open_store(root, 4).read(PERSON)
