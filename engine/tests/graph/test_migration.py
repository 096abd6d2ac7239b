"""A store of an older layout is brought up to date once, by whoever opens it first to write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from engine.graph import (
    DamagedFileError,
    Decision,
    FutureFormatError,
    Kind,
    Mode,
    OldLayoutError,
)
from engine.graph.genesis import layout_file
from engine.graph.record import encode
from engine.graph.schema import schema_path
from engine.storage import StorageError
from engine.tests.stores import BOTH, CYD, PERSON, SCHEMA, image, make_store, open_store
from killpoint.failpoints import arm, counting, park_first

OPEN_FILES = Path("/proc/self/fd")
RUN = "__run__7"
BY_HASH = schema_path(SCHEMA.hash)


def _old_store(root: Path) -> Path:
    """Make a store as an engine of layout 0 would have left it when a run of it had died."""
    make_store(root)
    store = open_store(root, 1)
    store.insert(BOTH)
    store.create_branch(RUN)
    with arm("phase_c.before_publish=raise(OSError, EIO)"), suppress(OSError):
        store.on(RUN).insert({PERSON: [CYD]})
    (root / BY_HASH).rename(root / "schema.json")
    (root / "schema").rmdir()
    (root / "graph.json").write_bytes(encode({"engine": "graph"}))
    return root


def test_an_old_store_is_brought_up_to_date_when_it_is_opened(tmp_path: Path) -> None:
    """Rows and versions are the same, what runs have left is gone, and it is done once."""
    root = _old_store(tmp_path / "old")
    store = open_store(root, 2)
    assert (BOTH, BOTH, SCHEMA) == (store.rows(), store.rows(2), store.schema())
    assert (("main",), Kind.BRANCH_DELETE, 4) == (
        store.branches(),
        store.history()[-1].kind,
        store.version(),
    )
    assert [Decision.DISCARDED] == [row.decision for row in store.audit()]
    assert (False, layout_file()) == (
        (root / "schema.json").exists(),
        (root / "graph.json").read_bytes(),
    )
    before = image(root)
    open_store(root, 3).close()
    assert before == image(root)
    store.insert({PERSON: [CYD]})


def test_a_branch_that_came_later_stays_whatever_it_is_called(tmp_path: Path) -> None:
    """Only what an older engine's runs have left was ever to go."""
    root = _old_store(tmp_path / "old")
    open_store(root, 2).create_branch("__run__mine")
    open_store(root, 3).on("__run__mine").insert({PERSON: [CYD]})
    assert [*BOTH[PERSON], CYD] == open_store(root, 4, branch="__run__mine").read(PERSON)


def test_reading_an_old_store_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    """The sentence says to open it for writing."""
    root = _old_store(tmp_path / "old")
    before = image(root)
    with pytest.raises(OldLayoutError, match="open it read_write once"):
        open_store(root, 2, mode=Mode.READ_ONLY)
    assert before == image(root)
    open_store(root, 2).close()
    assert BOTH == open_store(root, 3, mode=Mode.READ_ONLY).rows()


def test_two_openings_at_once_converge(tmp_path: Path) -> None:
    """The second waits for the first, and finds nothing left to do."""
    root = _old_store(tmp_path / "old")
    with ThreadPoolExecutor(2) as threads, park_first("migrate.delete.before") as meeting:
        first = threads.submit(open_store, root, 2)
        meeting.wait_until_reached()
        second = threads.submit(open_store, root, 3)
        meeting.release()
        assert BOTH == first.result().rows() == second.result().rows()
    assert (4, 1) == tuple(len(list((root / d).iterdir())) for d in ("manifest", "audit"))


def test_a_migration_that_failed_anywhere_is_finished_by_the_next_opening(tmp_path: Path) -> None:
    """Every hit of it is made to fail once; what it comes to is always the same."""
    whole = _old_store(tmp_path / "whole")
    with counting() as tally:
        open_store(whole, 2).close()
    hits = [hit for hit in tally.hits if hit.point.startswith(("migrate.", "manifest.publish."))]
    for number, hit in enumerate(hits):
        root = _old_store(tmp_path / str(number))
        with arm(f"{hit.point}=raise(OSError, EIO)"), pytest.raises(Exception, match="failed"):
            open_store(root, 2)
        assert BOTH == open_store(root, 3).rows(), hit
        assert image(whole).keys() == image(root).keys(), hit


def test_what_cannot_be_brought_up_to_date_is_left_as_it_is(tmp_path: Path) -> None:
    """A schema that no manifest names, one that is missing, and a layout of a newer engine."""
    root = _old_store(tmp_path / "old")
    kept = (root / "schema.json").read_bytes()
    (root / "schema.json").write_bytes(encode({"tables": {}}))
    before = image(root)
    with pytest.raises(DamagedFileError, match=r"'schema.json' is damaged \(it is not the schema"):
        open_store(root, 2)
    assert before == image(root)
    (root / "schema.json").unlink()
    with pytest.raises(DamagedFileError, match=SCHEMA.hash):
        open_store(root, 2)
    (root / "schema.json").write_bytes(kept)
    open_store(root, 2).close()
    (root / "graph.json").write_bytes(encode({"engine": "graph", "layout": 2}))
    with pytest.raises(FutureFormatError, match=r"'graph.json' has format 2"):
        open_store(root, 3)


def test_an_opening_that_fails_keeps_nothing_held(tmp_path: Path) -> None:
    """Not the lock of its temporary files either, which it has had since it began to write."""
    root = _old_store(tmp_path / "old")
    before = len(list(OPEN_FILES.iterdir()))
    with arm("migrate.layout.before=raise(OSError, EIO)"), pytest.raises(StorageError):
        open_store(root, 2)
    assert before == len(list(OPEN_FILES.iterdir()))
