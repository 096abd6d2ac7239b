"""Cleanup: what nobody can come back to goes, what anybody may need stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    ExpiredVersionError,
    Kind,
    Mode,
    NothingKeptError,
    ReadOnlyError,
    RecoveryPendingError,
)
from engine.graph.maintenance_points import CLEANUP_VERSIONS_AFTER
from engine.storage import LockBusyError
from engine.tests.graph.dead import commit_raw, versions_of, wait_for
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
from killpoint import failpoints
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph
    from killpoint.failpoints import Hit


def _files(root: Path, table: str, kind: str) -> list[str]:
    directory = versions_of(root, table).parent / kind
    return sorted(path.name for path in directory.iterdir())


def _aged(root: Path) -> Graph:
    """Return a handle on a store that has replaced one person several times."""
    store = open_store(root, 1)
    store.insert(BOTH)
    for age in (1, 2, 3):
        store.update(PERSON, ["ada"], {"age": age})
    return store


def test_old_versions_go_with_the_fragments_that_only_they_named(root: Path) -> None:
    """Two of five graph versions are kept; they read as before, older ones say where they went."""
    store = _aged(root)
    before = {version: store.rows(version) for version in (4, 5)}
    cleaned = store.cleanup(keep_count=2)
    assert (4, 2, 1, {}) == (
        cleaned.kept_from,
        cleaned.versions_count,
        cleaned.fragments_count,
        cleaned.skipped,
    )
    assert [f"{n:020d}.json" for n in (3, 4)] == _files(root, PERSON, "versions")
    assert before == {version: open_store(root, 2).rows(version) for version in (4, 5)}
    for handle in (store, open_store(root, 3, mode=Mode.READ_ONLY)):
        with pytest.raises(ExpiredVersionError, match="version 3 was cleaned up: choose one from"):
            handle.read(PERSON, 3)


def test_the_lineage_stays_whole_and_writing_goes_on(root: Path) -> None:
    """Every commit is still told, and a store that was cleaned up to the last version works."""
    store = _aged(root)
    store.cleanup(keep_count=1)
    store.update(PERSON, ["ada"], {"age": 9})
    after = open_store(root, 2)
    kinds = [Kind.INIT, Kind.INSERT, *[Kind.UPDATE] * 4]
    assert kinds == [row.kind for row in after.history()]
    assert {"id": "ada", "age": 9} in after.read(PERSON)
    assert after.pins() == after.heads()


def test_a_second_cleanup_finds_nothing(root: Path) -> None:
    """Not a byte changes, and asking for more history brings none back."""
    store = _aged(root)
    store.cleanup(keep_count=1)
    before = image(root)
    for keep_count in (1, 4):
        cleaned = store.cleanup(keep_count)
        assert (5, 0, 0) == (cleaned.kept_from, cleaned.versions_count, cleaned.fragments_count)
    assert before == image(root)


def test_garbage_of_the_dead_goes_and_versions_that_are_kept_stay(root: Path) -> None:
    """An operation died between its fragments and its sidecar: nothing else is removed."""
    store = open_store(root, 1)
    store.insert(BOTH)
    before = image(root)
    kill_at(root, "person", "phase_a.before_sidecar=kill", incarnation=2)
    assert 2 == len(_files(root, PERSON, "data"))
    cleaned = open_store(root, 3).cleanup(keep_count=100)
    assert (1, 0, 1) == (cleaned.kept_from, cleaned.versions_count, cleaned.fragments_count)
    assert before == image(root)


def test_a_living_writer_of_another_process_keeps_what_it_has_staged(root: Path) -> None:
    """Parked before its sidecar, it holds its tables; they are told as skipped, and it finishes."""
    store = _aged(root)
    store = open_store(root, 3, wait_s=0.05)
    with start(root, "person", "phase_a.before_sidecar=hang", incarnation=2) as writer:
        wait_for(versions_of(root, PERSON).parent / "data", "000002-*.arrow")
        before = image(root / "tables/node.Person")
        cleaned = store.cleanup(keep_count=1)
        assert "live operation" in cleaned.skipped["tables/node.Person"]
        assert before == image(root / "tables/node.Person")
        writer.kill()
    again = store.cleanup(keep_count=1)
    assert ({}, 3, 3) == (again.skipped, again.versions_count, again.fragments_count)


def test_an_operation_without_our_lock_keeps_what_it_has_staged(root: Path) -> None:
    """Whatever table it works on: a fragment whose operation lives is not garbage."""
    store = open_store(root, 1)
    store.insert(BOTH)
    orphan = versions_of(root, PERSON).parent / "data/live-0.arrow"
    orphan.write_bytes(b"")
    with store._view.store.storage.fence.hold_all(("operation:live",), 1.0):
        assert 0 == store.cleanup(keep_count=1).fragments_count
    assert orphan.exists()
    assert 1 == store.cleanup(keep_count=1).fragments_count


def test_nothing_goes_while_recovery_has_something_to_do(root: Path) -> None:
    """A rollback needs the version from before; after an opening there is nothing in the way."""
    store = open_store(root, 1)
    kill_at(root, "both", "phase_b.after_commit=kill", incarnation=2)
    before = image(root)
    with pytest.raises(RecoveryPendingError, match=r"insert, edge:Knows 0 to 1.*reopen"):
        store.cleanup(keep_count=1)
    assert before == image(root)
    after = open_store(root, 3)
    assert {} == after.cleanup(keep_count=1).skipped
    assert EMPTY == after.rows()


def test_a_table_whose_writer_dies_meanwhile_is_left(root: Path) -> None:
    """It was at work when cleanup began: its sidecar is looked for again under the lock."""
    store = _aged(root)

    def die(hit: Hit) -> None:
        if hit.point == "cleanup.after_horizon":
            kill_at(root, "both-again", "phase_b.after_commit=kill", incarnation=2)

    seam = failpoints.push(failpoints.Seam(observe=die))
    cleaned = store.cleanup(keep_count=1)
    failpoints.remove(seam)
    assert {"tables/edge.Knows", "tables/node.Person"} == cleaned.skipped.keys()
    assert [3, *[row["age"] for row in BOTH[PERSON][1:]]] == [
        row["age"] for row in open_store(root, 3).read(PERSON)
    ]


def test_what_stands_above_a_pin_is_for_repair(root: Path) -> None:
    """Drift is neither removed nor is what it names."""
    store = _aged(root)
    commit_raw(root, PERSON, 5, "foreign")
    store.cleanup(keep_count=1)
    assert [f"{n:020d}.json" for n in (4, 5)] == _files(root, PERSON, "versions")
    (drift,) = store.repair().drifts
    assert 5 == drift.head


def test_a_table_that_cannot_be_cleaned_does_not_keep_the_others(root: Path) -> None:
    """The failure is told by table; the next cleanup does the rest."""
    store = _aged(root)
    store.insert({KNOWS: [{**ADA_BOB, "id": "again"}]})
    with arm("cleanup.versions.before=raise(OSError, EIO)@1"):
        first = store.cleanup(keep_count=1)
    assert ["tables/edge.Knows"] == [*first.skipped]
    assert "Input/output error" in first.skipped["tables/edge.Knows"]
    second = store.cleanup(keep_count=1)
    assert ({}, 1) == (second.skipped, second.versions_count)


def test_a_reader_who_is_overtaken_takes_the_newest_view(root: Path) -> None:
    """Between its manifest and its fragments all of that goes: it reads what is there now."""
    _aged(root)
    reader, writer = open_store(root, 2, mode=Mode.READ_ONLY), open_store(root, 3)
    busy: list[Hit] = []

    def overtake(hit: Hit) -> None:
        if hit.point == "table.read.before" and not busy:
            busy.append(hit)
            writer.delete(PERSON, ["ada"])
            writer.insert({PERSON: [CYD]})
            writer.cleanup(keep_count=1)

    seam = failpoints.push(failpoints.Seam(observe=overtake))
    rows = reader.read(PERSON)
    failpoints.remove(seam)
    assert ["bob", "cyd"] == [row["id"] for row in rows]


def test_one_cleanup_at_a_time(root: Path) -> None:
    """A second one says who is in the way."""
    store, other = _aged(root), open_store(root, 2, wait_s=0.05)

    def collide(hit: Hit) -> None:
        if hit.point == CLEANUP_VERSIONS_AFTER.name:
            with pytest.raises(LockBusyError, match="'cleanup' is still held"):
                other.cleanup(keep_count=1)

    seam = failpoints.push(failpoints.Seam(observe=collide))
    store.cleanup(keep_count=1)
    failpoints.remove(seam)
    assert [ADA["id"], "bob"] == [row["id"] for row in store.read(PERSON)]


def test_cleanup_keeps_something_and_is_for_writers(root: Path) -> None:
    """No graph version at all cannot be kept, and a reader removes nothing."""
    with pytest.raises(NothingKeptError, match="keep 1 or more"):
        open_store(root, 1).cleanup(0)
    with pytest.raises(ReadOnlyError):
        open_store(root, 2, mode=Mode.READ_ONLY).cleanup(1)
