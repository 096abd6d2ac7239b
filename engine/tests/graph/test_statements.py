"""Update, delete, and several statements in one operation: what they make of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    BadRowError,
    BadStatementError,
    Delete,
    DuplicateKeyError,
    GraphError,
    Insert,
    Kind,
    Merge,
    Overwrite,
    Statement,
    Update,
)
from engine.tests.stores import ADA, ADA_BOB, BOB, BOTH, CYD, KNOWS, PERSON, image, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Receipt


def _data(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("tables/*/data/*"))


def test_an_update_changes_the_named_columns_of_the_chosen_rows(root: Path) -> None:
    """By key or by what a row holds; all other rows and columns stay."""
    store = open_store(root)
    store.insert({PERSON: [ADA, BOB, CYD]})
    store.update(PERSON, ["ada"], {"age": 1})
    assert [{"id": "ada", "age": 1}, BOB, CYD] == store.read(PERSON)
    store.update(PERSON, lambda row: row["age"] < 10, {"age": 2})
    expected = [{"id": "ada", "age": 2}, BOB, {"id": "cyd", "age": 2}]
    assert expected == store.read(PERSON)
    assert [Kind.UPDATE, Kind.UPDATE] == [row.kind for row in store.history()[-2:]]


def test_a_delete_marks_rows_and_writes_none(root: Path) -> None:
    """The fragment stays as it is, because older versions read it; an empty one is let go."""
    store = open_store(root)
    store.insert({PERSON: [ADA, BOB, CYD]})
    before = _data(root)
    store.delete(PERSON, ["ada"])
    store.delete(PERSON, lambda row: row["age"] > 40)
    assert ([CYD], before) == (store.read(PERSON), _data(root))
    assert [ADA, BOB, CYD] == store.read(PERSON, 2)
    store.delete(PERSON, ["cyd"])
    store.insert({PERSON: [CYD]})
    assert [CYD] == store.read(PERSON)
    assert [ADA, BOB, CYD] == open_store(root, 10).read(PERSON, 2)


def test_statements_see_what_those_before_them_did(root: Path) -> None:
    """And all tables change in one version, with one lineage row."""
    store = open_store(root)
    store.insert({PERSON: [BOB]})
    receipt = store.mutate(
        [
            Insert(PERSON, [ADA, CYD]),
            Update(PERSON, ["ada", "bob"], {"age": 1}),
            Delete(PERSON, ["bob"]),
            Merge(PERSON, [{"id": "cyd", "age": 8}]),
            Insert(PERSON, [BOB]),
            Overwrite(KNOWS, [ADA_BOB]),
        ],
        actor="ann",
    )
    rows = {PERSON: [{"id": "ada", "age": 1}, BOB, {"id": "cyd", "age": 8}], KNOWS: [ADA_BOB]}
    assert rows == store.rows(receipt.graph_version)
    assert ({PERSON: 2, KNOWS: 1}, 3) == (store.heads(), receipt.graph_version)
    assert ("ann", Kind.MUTATE) == (store.history()[-1].actor, store.history()[-1].kind)


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [Delete(PERSON, ["nobody"])],
        [Update(PERSON, ["nobody"], {"age": 1})],
        [Update(PERSON, lambda row: row["age"] > 99, {"age": 1}), Insert(KNOWS, [])],
        [Insert(PERSON, [CYD]), Delete(PERSON, ["cyd"])],
    ],
)
def test_statements_that_change_nothing_leave_nothing(
    root: Path, statements: list[Statement]
) -> None:
    """No row is meant, or a later statement takes an earlier one back."""
    store = open_store(root)
    store.insert(BOTH)
    before = image(root)
    receipt: Receipt = store.mutate(statements)
    assert (2, before) == (receipt.graph_version, image(root))


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (Insert(PERSON, [ADA]), DuplicateKeyError),
        (Insert(PERSON, [{"id": "x"}]), BadRowError),
        (Update(PERSON, ["ada"], {"id": "x"}), BadStatementError),
        (Update(PERSON, ["ada"], {"size": 1}), BadStatementError),
        (Update(PERSON, ["ada"], {"age": "1"}), BadStatementError),
        (Delete(PERSON, "ada"), BadStatementError),
    ],
)
def test_one_refused_statement_keeps_the_others_from_being_carried_out(
    root: Path, statement: Statement, error: type[GraphError]
) -> None:
    """Not a byte changes, and the sentence says so."""
    store = open_store(root)
    store.insert(BOTH)
    before = image(root)
    with pytest.raises(error, match="nothing of the operation was written"):
        store.mutate([Insert(PERSON, [CYD]), statement, Delete(KNOWS, ["ada-bob"])])
    assert before == image(root)


def test_a_predicate_cannot_change_what_it_looks_at(root: Path) -> None:
    """It gets copies: what is stored and remembered stays as it is."""
    store = open_store(root)
    store.insert(BOTH)

    def vandal(row: dict[str, object]) -> bool:
        row.clear()
        return False

    store.delete(PERSON, vandal)
    assert BOTH == store.rows()
