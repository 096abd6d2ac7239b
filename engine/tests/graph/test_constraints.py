"""Rules between rows: held against what is live when an operation commits, on any handle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    BadSchemaError,
    CardinalityError,
    ColumnType,
    ConstraintError,
    Delete,
    DuplicateKeyError,
    Insert,
    Merge,
    MissingReferenceError,
    Overwrite,
    Statement,
    StillReferencedError,
    TableSchema,
    Update,
    schema_of,
)
from engine.graph.schema import decode_schema, encode_schema
from engine.tests.graph.rules import CITY, KNOWS, NOTE, PERSON, SCHEMA, edge, person, ruled_store
from engine.tests.stores import image, open_store
from killpoint.failpoints import park_first

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph

ADA_ADA, ADA_CYD = edge("ada", "ada"), edge("ada", "cyd")


@pytest.fixture
def store(tmp_path: Path) -> Graph:
    """Return a store with rules and a few rows."""
    return ruled_store(tmp_path / "ruled")


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        ([Insert(PERSON, [person("ada")])], DuplicateKeyError),
        ([Insert(KNOWS, [edge("ada", "eve")])], MissingReferenceError),
        ([Update(KNOWS, ["ada-bob"], {"dst": "eve"})], MissingReferenceError),
        ([Delete(PERSON, ["bob"])], StillReferencedError),
        ([Delete(KNOWS, ["ada-bob"])], StillReferencedError),
        ([Overwrite(PERSON, [person("ada")])], StillReferencedError),
        ([Delete(NOTE, ["n"]), Delete(PERSON, ["bob"])], StillReferencedError),
        ([Insert(KNOWS, [ADA_ADA, ADA_CYD])], CardinalityError),
        (
            [
                Insert(KNOWS, [edge("bob", "ada"), edge("bob", "bob")]),
                Update(KNOWS, ["ada-bob"], {"src": "bob"}),
            ],
            CardinalityError,
        ),
    ],
)
def test_an_operation_that_would_break_a_rule_leaves_every_byte_as_it_was(
    store: Graph, tmp_path: Path, statements: list[Statement], error: type[ConstraintError]
) -> None:
    """Whatever else it would have done."""
    before = image(tmp_path)
    with pytest.raises(error, match=r"nothing .*was written"):
        store.mutate([Insert(CITY, [{"id": "bath"}]), *statements])
    assert before == image(tmp_path)
    store.insert({KNOWS: [ADA_CYD]})


def test_rules_are_held_when_all_statements_are_carried_out(store: Graph) -> None:
    """In between they may be broken: the edge comes before its person, the limit is passed."""
    store.mutate(
        [
            Insert(KNOWS, [edge("ada", "dan"), edge("ada", "eve")]),
            Merge(PERSON, [person("dan"), person("eve")]),
            Delete(NOTE, ["n"]),
            Delete(KNOWS, ["ada-bob"]),
            Delete(PERSON, ["bob"]),
        ]
    )
    assert ["ada-dan", "ada-eve"] == [row["id"] for row in store.read(KNOWS)]
    assert ["ada", "cyd", "dan", "eve"] == [row["id"] for row in store.read(PERSON)]


def test_a_cascade_takes_along_all_that_refers_to_a_row(store: Graph) -> None:
    """Over two tables, in one version; what refers elsewhere stays."""
    store.insert({KNOWS: [ADA_CYD]})
    store.delete(PERSON, ["bob"], cascade=True)
    assert [ADA_CYD] == store.read(KNOWS)
    assert ([], [person("ada"), person("cyd")]) == (store.read(NOTE), store.read(PERSON))
    assert 4 == store.version()


def test_a_stale_handle_cannot_exceed_the_maximum(store: Graph, tmp_path: Path) -> None:
    """Two handles in turn: the second has never seen the edge that fills the place."""
    stale = open_store(tmp_path / "ruled", 2)
    store.insert({KNOWS: [ADA_CYD]})
    with pytest.raises(CardinalityError, match="3 rows with 'ada' in 'src', and at most 2"):
        stale.insert({KNOWS: [ADA_ADA]})
    stale.insert({KNOWS: [edge("bob", "ada")]})


def test_a_stale_handle_cannot_refer_to_what_is_gone(store: Graph, tmp_path: Path) -> None:
    """Nor take away what another has come to refer to."""
    stale = open_store(tmp_path / "ruled", 2)
    store.insert({KNOWS: [ADA_CYD]})
    with pytest.raises(StillReferencedError, match="'ada-cyd' of 'edge:Knows' refers to it"):
        stale.delete(PERSON, ["cyd"])
    store.delete(PERSON, ["cyd"], cascade=True)
    with pytest.raises(MissingReferenceError, match="'cyd', which 'node:Person' does not have"):
        stale.insert({KNOWS: [edge("bob", "cyd")]})


def test_what_a_rule_looks_at_stands_still_until_the_commit(store: Graph, tmp_path: Path) -> None:
    """An edge is on its way to a person; taking the person away waits, and is then refused."""
    other = open_store(tmp_path / "ruled", 2)
    with ThreadPoolExecutor(2) as threads, park_first("phase_a.before_sidecar") as meeting:
        edge_first = threads.submit(store.insert, {KNOWS: [ADA_CYD]})
        meeting.wait_until_reached()
        gone = threads.submit(other.delete, PERSON, ["cyd"])
        meeting.release()
        edge_first.result()
        with pytest.raises(StillReferencedError):
            gone.result()
    other.insert({CITY: [{"id": "bath"}]})


def test_a_schema_with_rules_comes_back(store: Graph) -> None:
    """With the hash that the manifest names; the rules of a table without any are not written."""
    del store
    again = decode_schema("s", encode_schema(SCHEMA))
    assert (SCHEMA, SCHEMA.hash) == (again, again.hash)
    assert b"references" not in encode_schema(schema_of(SCHEMA.table(CITY)))


@pytest.mark.parametrize(
    ("references", "at_most"),
    [
        ({"to": "node:None"}, {}),
        ({"nothing": "node:A"}, {}),
        ({"size": "node:A"}, {}),
        ({}, {"nothing": 1}),
        ({}, {"to": 0}),
    ],
)
def test_a_rule_that_nothing_could_keep_is_refused(
    references: dict[str, str], at_most: dict[str, int]
) -> None:
    """No such table, no such column, another type, or no room for a single row."""
    columns = {"id": ColumnType.STR, "to": ColumnType.STR, "size": ColumnType.INT}
    ruled = TableSchema(key="node:A", columns=columns, references=references, at_most=at_most)
    with pytest.raises(BadSchemaError, match="Correct the schema"):
        schema_of(ruled)
