"""A schema apply that fails, dies or is raced: all or nothing, and everybody goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    AddColumn,
    AddTable,
    ColumnType,
    Decision,
    DriftAdvice,
    DriftError,
    Kind,
    Mode,
    RenameTable,
    Sidecar,
    Step,
    TableSchema,
)
from engine.graph.branch import TablePin
from engine.graph.schema import encode_schema, schema_path
from engine.graph.steps import migration_of
from engine.storage import StorageError
from engine.tests.stores import (
    ADA,
    ADA_BOB,
    BOTH,
    KNOWS,
    PERSON,
    SCHEMA,
    TAG_TABLE,
    kill_at,
    make_store,
    open_store,
)
from killpoint.failpoints import arm, counting, park_first

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph

TAG = TAG_TABLE.key
EXTRA_TABLE = TableSchema(key="node:Extra", columns={"id": ColumnType.STR})
HUMAN = "node:Human"
STEPS: tuple[Step, ...] = (
    AddColumn(KNOWS, "since", ColumnType.INT, 1),
    AddColumn(PERSON, "size", ColumnType.INT, 1),
    RenameTable(PERSON, HUMAN),
    AddTable(TAG_TABLE),
)


def _filled(root: Path) -> Graph:
    make_store(root)
    store = open_store(root, 1)
    store.insert(BOTH)
    return store


def _goes_on(store: Graph) -> bool:
    """Whether a handle works under either schema; if not, an opening has to do something first."""
    store.refresh()
    try:
        edge = {"since": 2} if TAG in store.pins() else {}
        store.insert({KNOWS: [{**ADA_BOB, "id": "next", **edge}]})
    except DriftError as refusal:
        if refusal.advice is not DriftAdvice.COVERED:
            raise
        return False
    return True


def test_a_full_disk_at_any_point_of_an_apply_leaves_a_handle_that_goes_on(tmp_path: Path) -> None:
    """Under the one schema or the other, whole; refused at most until somebody reopens."""
    store, refused = _filled(tmp_path / "traced"), 0
    with counting() as tally:
        store.apply_schema(STEPS)
    for number, hit in enumerate(tally.hits):
        root = tmp_path / str(number)
        kept = _filled(root)
        full = arm(f"{hit.point}=raise(OSError, ENOSPC)@{hit.occurrence}")
        with full, suppress(OSError, StorageError):
            kept.apply_schema(STEPS)
        assert 1 == len(full.fired), hit
        if not _goes_on(kept):
            refused += 1
            open_store(root, 2).close()
            assert _goes_on(kept), hit
        person = HUMAN if TAG in kept.pins() else PERSON
        new = {"size": 1} if person is HUMAN else {}
        assert {**ADA, **new} == kept.read(person)[0], hit
        assert kept.rows().keys() == kept.schema().tables.keys()
        assert ((), kept.pins()) == (kept.pending(), kept.heads()), hit
        assert kept.rows() == open_store(root, 3).rows()
    assert refused > 0, "no failure left anything to roll back: this has tried nothing"


def test_two_openings_that_race_over_a_dead_apply_converge(root: Path) -> None:
    """Both come through, with one audit row, and a reader beside them sees one schema, whole."""
    kill_at(root, "apply", "phase_c.before_publish=kill")
    with ThreadPoolExecutor(2) as threads, park_first("rollforward.before_publish") as meeting:
        first = threads.submit(open_store, root, 2)
        meeting.wait_until_reached()
        second = threads.submit(open_store, root, 3)
        assert "size" not in open_store(root, 4, mode=Mode.READ_ONLY).schema().table(PERSON).columns
        meeting.release()
        stores = (first.result(), second.result())
    for store in (*stores, open_store(root, 5)):
        store.refresh()
        assert ([Decision.ROLLED_FORWARD], ()) == (
            [row.decision for row in store.audit()],
            store.pending(),
        )
        assert "size" in store.schema().table(PERSON).columns


def test_a_live_apply_is_left_alone_by_whoever_heals(root: Path) -> None:
    """Its staged schema is nobody's to publish; it completes, once."""
    store, other = open_store(root, 1), open_store(root, 2, wait_s=0.0)
    with ThreadPoolExecutor(1) as threads, park_first("phase_c.before_publish") as meeting:
        apply = threads.submit(store.apply_schema, [AddTable(TAG_TABLE)])
        meeting.wait_until_reached()
        other.refresh()
        open_store(root, 3, wait_s=0.0).close()
        assert (TAG in other.pins(), 1) == (False, len(other.pending()))
        meeting.release()
        receipt = apply.result()
    assert ((), 0) == (other.pending(), len(other.audit()))
    assert [receipt.operation_id] == [row.operation_id for row in other.history()[1:]]
    other.insert({TAG: [{"id": "red"}]})


def test_a_write_that_waited_for_an_apply_is_fitted_to_the_new_schema(root: Path) -> None:
    """It comes on top of what is current, and its rows can be had from it once only."""
    store = open_store(root, 1)
    with ThreadPoolExecutor(2) as threads, park_first("phase_c.before_publish") as meeting:
        apply = threads.submit(store.apply_schema, [AddTable(TAG_TABLE)])
        meeting.wait_until_reached()
        with park_first("fence.busy") as waiting:
            write = threads.submit(open_store(root, 2).insert, {KNOWS: iter([ADA_BOB])})
            waiting.wait_until_reached()
            meeting.release()
            apply.result()
            waiting.release()
            assert 3 == write.result().graph_version
    assert ([ADA_BOB], TAG in store.pins()) == (store.read(KNOWS), True)


def test_the_write_that_heals_a_dead_apply_is_judged_by_its_schema(root: Path) -> None:
    """Its own rows may be of the table that the apply has added, and of the columns."""
    kept = open_store(root, 1)
    kill_at(root, "apply", "phase_c.before_publish=kill", incarnation=2)
    kept.insert({TAG: [{"id": "red"}], PERSON: [{**ADA, "size": 2}]})
    assert ([{"id": "red"}], 1) == (kept.read(TAG), len(kept.audit()))
    assert (kept.pins(), ()) == (kept.heads(), kept.pending())


@pytest.mark.parametrize("point", ["phase_a.after_sidecar", "phase_c.before_publish"])
def test_an_apply_that_others_have_overtaken_is_taken_back(root: Path, point: str) -> None:
    """Its rules were held against rows that have changed since: forward would be a guess."""
    kill_at(root, "apply", f"{point}=kill")
    sidecar = next((root / "recovery").iterdir())
    armed = sidecar.read_bytes()
    sidecar.unlink()  # or the write would settle it first
    open_store(root, 2).insert({KNOWS: [ADA_BOB]})
    sidecar.write_bytes(armed)
    store = open_store(root, 3)
    assert [Decision.ROLLED_BACK] == [row.decision for row in store.audit()]
    assert ([ADA_BOB], store.heads()) == (store.read(KNOWS), store.pins())
    store.apply_schema([AddTable(TAG_TABLE)])


def test_of_two_dead_applies_on_one_schema_the_first_goes_forward(root: Path) -> None:
    """Each is judged by what there is when its turn comes, not by what there was for both."""
    for operation, table in (("000003-w-1", TAG_TABLE), ("000004-w-1", EXTRA_TABLE)):
        after = migration_of(SCHEMA, [AddTable(table)], operation).after
        sidecar = Sidecar(
            operation_id=operation,
            kind=Kind.SCHEMA_APPLY,
            actor="",
            started_us=1,
            base=1,
            pins=(),
            adopts={table.key: TablePin(version=0, operation_id=operation)},
            schema_hash=after.hash,
        )
        (root / schema_path(after.hash)).write_bytes(encode_schema(after))
        (root / "recovery").mkdir(exist_ok=True)
        (root / sidecar.path).write_bytes(sidecar.to_bytes())
    store = open_store(root, 5)
    assert {*SCHEMA.tables, TAG} == store.pins().keys() == store.schema().tables.keys()
    assert [(Decision.ROLLED_FORWARD, 2), (Decision.ROLLED_BACK, 0)] == [
        (row.decision, row.graph_version) for row in store.audit()
    ]
