"""What rows become: append, merge, overwrite, over several tables in one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import BadRowError, DuplicateKeyError, GraphError, LoadMode, UnknownTableError
from engine.tests.stores import ADA, ADA_BOB, BOB, BOTH, CYD, KNOWS, PERSON, image, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Row

OLD_ADA: Row = {"id": "ada", "age": 99}


def test_append_adds_to_what_is_there(root: Path) -> None:
    """Rows come back sorted by key."""
    store = open_store(root)
    store.load({PERSON: [CYD]})
    store.load({PERSON: [BOB, ADA]})
    assert [ADA, BOB, CYD] == store.read(PERSON)


def test_merge_replaces_by_key_and_the_last_of_a_batch_wins(root: Path) -> None:
    """Over and over: a row that was replaced before does not come back."""
    store = open_store(root)
    store.insert(BOTH)
    store.load({PERSON: [ADA, OLD_ADA, CYD]}, LoadMode.MERGE)
    assert [OLD_ADA, BOB, CYD] == store.read(PERSON)
    store.load({PERSON: [ADA, BOB]}, LoadMode.MERGE)
    assert [ADA, BOB, CYD] == store.read(PERSON)
    assert [ADA_BOB] == store.read(KNOWS)


def test_overwrite_leaves_the_new_rows_only(root: Path) -> None:
    """None at all, if none are given; a table that is not named stays."""
    store = open_store(root)
    store.insert(BOTH)
    store.load({PERSON: [CYD]}, LoadMode.OVERWRITE)
    assert {PERSON: [CYD], KNOWS: [ADA_BOB]} == store.rows()
    store.load({PERSON: []}, LoadMode.OVERWRITE)
    assert {PERSON: [], KNOWS: [ADA_BOB]} == store.rows()
    store.load({PERSON: [CYD]})
    assert [CYD] == store.read(PERSON)


@pytest.mark.parametrize(
    ("rows", "mode", "error"),
    [
        ({KNOWS: [ADA_BOB], PERSON: [ADA]}, LoadMode.APPEND, DuplicateKeyError),
        ({KNOWS: [], PERSON: [CYD, CYD]}, LoadMode.APPEND, DuplicateKeyError),
        ({PERSON: [CYD, CYD]}, LoadMode.OVERWRITE, DuplicateKeyError),
        ({KNOWS: [ADA_BOB], PERSON: [{"id": "dan"}]}, LoadMode.MERGE, BadRowError),
        ({KNOWS: [ADA_BOB], "node:None": []}, LoadMode.APPEND, UnknownTableError),
    ],
)
def test_a_refused_load_leaves_every_byte_as_it_was(
    root: Path, rows: dict[str, list[Row]], mode: LoadMode, error: type[GraphError]
) -> None:
    """One table's fault keeps the other table from being written, too."""
    store = open_store(root)
    store.insert({PERSON: [ADA]})
    before = image(root)
    with pytest.raises(error):
        store.load(rows, mode)
    assert before == image(root)
    store.insert({KNOWS: [ADA_BOB]})


def test_an_operation_that_changes_nothing_leaves_nothing(root: Path) -> None:
    """No rows to add: no version moves, and the receipt shows the graph as it is."""
    store = open_store(root)
    before = image(root)
    assert 1 == store.load({PERSON: [], KNOWS: []}).graph_version
    assert 1 == store.load({PERSON: []}, LoadMode.OVERWRITE).graph_version
    assert before == image(root)


def test_a_replaced_key_can_be_inserted_again_after_an_overwrite(root: Path) -> None:
    """Uniqueness is judged by what is live, not by what was."""
    store = open_store(root)
    store.insert(BOTH)
    store.load({PERSON: [ADA]}, LoadMode.MERGE)
    store.load({PERSON: [CYD]}, LoadMode.OVERWRITE)
    store.insert({PERSON: [ADA]})
    assert [ADA, CYD] == store.read(PERSON)
