"""Making a store: once, whole, and repeatable after it was cut short."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine import graph
from engine.graph import (
    AlreadyAStoreError,
    ColumnType,
    FutureFormatError,
    NotAStoreError,
    SchemaDiffersError,
    TableSchema,
    schema_of,
)
from engine.tests.stores import EMPTY, SCHEMA, image, make_store, open_store, ports
from killpoint.failpoints import arm, counting, park_first

if TYPE_CHECKING:
    from pathlib import Path


def test_an_init_that_failed_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    """Every hit of it is made to fail once; what the next init makes is always the same."""
    with counting() as tally:
        make_store(tmp_path / "whole")
    for number, hit in enumerate(tally.hits):
        root = tmp_path / str(number)
        plan = f"{hit.point}=raise(OSError, EIO)@{hit.occurrence}"
        with arm(plan), pytest.raises(Exception, match=r"Errno 5|failed"):
            make_store(root)
        try:
            make_store(root)
        except AlreadyAStoreError:
            assert hit.point.startswith("init.format.")
        assert image(tmp_path / "whole") == image(root), plan
        assert EMPTY == open_store(root).rows()


def test_a_complete_store_is_not_made_again(root: Path) -> None:
    """And stays as it is."""
    before = image(root)
    with pytest.raises(AlreadyAStoreError, match="open it"):
        make_store(root)
    assert before == image(root)


def test_half_an_init_with_another_schema_is_refused(root: Path) -> None:
    """Whoever came first decided."""
    (root / "graph.json").unlink()
    other = schema_of(TableSchema(key="node:Other", columns={"id": ColumnType.STR}))
    with pytest.raises(SchemaDiffersError, match="run init with that one"):
        graph.init(root, other, *ports(0))
    graph.init(root, SCHEMA, *ports(0))


def test_of_two_inits_at_once_with_two_schemas_one_wins(tmp_path: Path) -> None:
    """The loser is told, and has removed nothing: the store is the winner's, whole."""
    other = schema_of(TableSchema(key="node:Other", columns={"id": ColumnType.STR}))
    with ThreadPoolExecutor(1) as threads, park_first("init.manifest.before") as meeting:
        loser = threads.submit(make_store, tmp_path)
        meeting.wait_until_reached()
        graph.init(tmp_path, other, *ports(1))
        meeting.release()
        with pytest.raises(SchemaDiffersError, match=other.hash):
            loser.result()
    assert other == open_store(tmp_path).schema()


def test_what_is_no_store_is_not_opened(tmp_path: Path, root: Path) -> None:
    """Neither an empty directory nor half an init; the sentence says to run init."""
    (root / "graph.json").unlink()
    for place in (tmp_path, root):
        with pytest.raises(NotAStoreError, match="run init"):
            open_store(place)


def test_a_store_of_a_newer_engine_is_not_opened(root: Path) -> None:
    """The file is named and left."""
    (root / "graph.json").write_text('{"format": 2}')
    with pytest.raises(FutureFormatError, match=r"'graph.json' has format 2"):
        open_store(root)
