"""A store with rules: edges refer to persons, who know two at most; notes refer to edges."""

from __future__ import annotations

from pathlib import Path

from engine import graph
from engine.graph import ColumnType, Graph, Row, TableSchema, schema_of
from engine.tests.stores import open_store, ports

PERSON = "node:Person"
KNOWS = "edge:Knows"
NOTE = "edge:Note"
CITY = "node:City"
SCHEMA = schema_of(
    TableSchema(key=PERSON, columns={"id": ColumnType.STR, "age": ColumnType.INT}),
    TableSchema(key=CITY, columns={"id": ColumnType.STR}),
    TableSchema(
        key=KNOWS,
        columns={"id": ColumnType.STR, "src": ColumnType.STR, "dst": ColumnType.STR},
        references={"src": PERSON, "dst": PERSON},
        at_most={"src": 2},
    ),
    TableSchema(
        key=NOTE,
        columns={"id": ColumnType.STR, "about": ColumnType.STR},
        references={"about": KNOWS},
    ),
)


def person(name: str, age: int = 1) -> Row:
    """Return a row of a person."""
    return {"id": name, "age": age}


def edge(src: str, dst: str) -> Row:
    """Return a row of who knows whom."""
    return {"id": f"{src}-{dst}", "src": src, "dst": dst}


PERSONS = [person(name) for name in ("ada", "bob", "cyd")]
FIRST: dict[str, list[Row]] = {
    PERSON: PERSONS,
    KNOWS: [edge("ada", "bob")],
    NOTE: [{"id": "n", "about": "ada-bob"}],
    CITY: [{"id": "york"}],
}


def ruled_store(root: Path) -> Graph:
    """Make a store with rules and the first rows, and return a handle on it."""
    graph.init(root, SCHEMA, *ports(0))
    store = open_store(root, 1)
    store.insert(FIRST)
    return store
