"""The handle: what its users see, alone and beside others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    ClosedError,
    DamagedFileError,
    Decision,
    Kind,
    LoadMode,
    Mode,
    ReadOnlyError,
    TableBusyError,
    UnknownVersionError,
)
from engine.tests.stores import (
    ADA,
    ADA_BOB,
    BOB,
    BOTH,
    CYD,
    EMPTY,
    KNOWS,
    PERSON,
    image,
    make_store,
    open_store,
)
from killpoint.failpoints import counting, park_first

if TYPE_CHECKING:
    from pathlib import Path


def test_one_operation_shows_all_its_tables_in_one_version(root: Path) -> None:
    """Its receipt names the version; its lineage row says who did what, on top of which."""
    store = open_store(root)
    receipt = store.insert(BOTH, actor="ann")
    assert (EMPTY, BOTH) == (store.rows(receipt.graph_version - 1), store.rows())
    assert {PERSON: 1, KNOWS: 1} == store.pins() == store.heads()
    first, row = store.history()
    assert (first.commit_id, receipt.operation_id) == (row.parent_id, row.commit_id)
    assert ("ann", Kind.INSERT, Decision.COMMITTED) == (row.actor, row.kind, row.decision)
    assert ((), ()) == (store.pending(), store.audit())


def test_old_versions_read_the_same_for_ever(root: Path) -> None:
    """Whatever is merged or overwritten later, on this handle and on a fresh one."""
    store = open_store(root)
    store.insert(BOTH)
    store.load({PERSON: [{"id": "ada", "age": 1}]}, LoadMode.MERGE)
    store.load({PERSON: [CYD], KNOWS: []}, LoadMode.OVERWRITE)
    for handle in (store, open_store(root, 10)):
        assert [EMPTY, BOTH] == [handle.rows(version) for version in (1, 2)]
        assert [{"id": "ada", "age": 1}, BOB] == handle.read(PERSON, 3)
    with pytest.raises(UnknownVersionError, match="from 1 to 4"):
        store.read(PERSON, 5)


def test_a_handle_sees_what_another_has_published(root: Path) -> None:
    """And writes on top of it, however old its own view was."""
    one, other = open_store(root, 1), open_store(root, 2)
    one.insert({PERSON: [ADA]})
    other.insert({PERSON: [BOB]})
    assert [ADA, BOB] == one.read(PERSON) == other.read(PERSON)


def test_operations_on_other_tables_publish_past_each_other(root: Path) -> None:
    """One is parked before its publish, the other overtakes; both are there, in one line."""
    one, other = open_store(root, 1), open_store(root, 2)
    with ThreadPoolExecutor(1) as thread, park_first("phase_c.before_publish") as meeting:
        parked = thread.submit(one.insert, {PERSON: [ADA]})
        meeting.wait_until_reached()
        assert 2 == other.insert({KNOWS: [ADA_BOB]}).graph_version
        meeting.release()
        assert 3 == parked.result().graph_version
    assert {PERSON: [ADA], KNOWS: [ADA_BOB]} == one.rows()
    rows = one.history()
    assert [row.commit_id for row in rows[:-1]] == [row.parent_id for row in rows[1:]]


def test_a_table_in_use_is_waited_for_and_then_refused(root: Path) -> None:
    """The sentence names the table and the operation at work; nothing is written."""
    one, other = open_store(root, 1), open_store(root, 2, wait_s=0.01)
    with ThreadPoolExecutor(1) as thread, park_first("phase_b.before_commit") as meeting:
        parked = thread.submit(one.insert, {PERSON: [ADA]})
        meeting.wait_until_reached()
        with pytest.raises(TableBusyError, match=r"table:node:Person.*000001-w-000001"):
            other.insert({PERSON: [BOB]})
        meeting.release()
        parked.result()
    assert [ADA] == other.read(PERSON)


def test_reading_while_a_write_is_half_done_shows_the_version_before(root: Path) -> None:
    """One table has moved, the other has not, and a reader sees neither."""
    one, reader = open_store(root, 1), open_store(root, 2, mode=Mode.READ_ONLY)
    with ThreadPoolExecutor(1) as thread, park_first("phase_b.after_commit") as meeting:
        parked = thread.submit(one.insert, BOTH)
        meeting.wait_until_reached()
        assert EMPTY == reader.rows()
        meeting.release()
        parked.result()
    assert BOTH == reader.rows()


def test_a_read_only_handle_writes_nothing(root: Path) -> None:
    """It refuses to, and its reading leaves every byte as it was."""
    open_store(root).insert(BOTH)
    before = image(root)
    store = open_store(root, mode=Mode.READ_ONLY)
    assert BOTH == store.rows()
    with pytest.raises(ReadOnlyError, match="read_write"):
        store.insert({PERSON: [CYD]})
    assert (2, ()) == (len(store.history()), store.audit())
    assert before == image(root)


def test_a_closed_handle_says_so(root: Path) -> None:
    """Closing twice is harmless."""
    store = open_store(root)
    store.close()
    store.close()
    for call in (store.rows, store.history, store.audit, store.pending):
        with pytest.raises(ClosedError, match="open the store again"):
            call()


def test_the_same_work_leaves_the_same_bytes_wherever_it_is_done(tmp_path: Path) -> None:
    """Nothing on disk holds the path of the root, a time of the wall, or chance."""
    images = []
    for place in ("here", "some-other-place"):
        root = make_store(tmp_path / place)
        store = open_store(root)
        store.insert(BOTH)
        store.load({PERSON: [CYD]}, LoadMode.MERGE)
        images.append(image(root))
    assert images[0] == images[1]
    assert not [path for path, data in images[0].items() if str(tmp_path).encode() in data]


def test_a_damaged_fragment_is_named_not_read(root: Path) -> None:
    """One flipped bit in a value is enough."""
    open_store(root).insert(BOTH)
    file = next((root / "tables/node.Person/data").iterdir())
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(DamagedFileError, match=file.name):
        open_store(root).read(PERSON)


def test_a_write_costs_the_same_however_long_the_history_is(root: Path) -> None:
    """Hits are counted: an overwrite reads and writes as much after twenty as after two."""
    store, costs = open_store(root), []
    for _ in range(20):
        with counting() as tally:
            store.load({PERSON: [ADA], KNOWS: [ADA_BOB]}, LoadMode.OVERWRITE)
        costs.append(len(tally.hits))
    assert 1 == len(set(costs[1:])), costs
