"""The graph store as a `System`: prepared with three tables, opened with ports of the case.

It never reaches into the engine: it calls what a user of the store calls.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine import graph
from engine.graph import ColumnType, TableSchema, schema_of
from engine.storage import CountedClock, CountedIds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports

PERSON = "node:Person"
KNOWS = "edge:Knows"
CITY = "node:City"

SCHEMA = schema_of(
    TableSchema(
        key=PERSON,
        columns={"id": ColumnType.STR, "name": ColumnType.STR, "age": ColumnType.INT},
    ),
    TableSchema(
        key=KNOWS,
        columns={"id": ColumnType.STR, "src": ColumnType.STR, "dst": ColumnType.STR},
        references={"src": PERSON, "dst": PERSON},
        at_most={"src": 2},
    ),
    TableSchema(key=CITY, columns={"id": ColumnType.STR, "people": ColumnType.INT}),
)

FIRST_ROWS: dict[str, list[dict[str, Any]]] = {
    PERSON: [
        {"id": "ada", "name": "Ada", "age": 36},
        {"id": "bob", "name": "Bob", "age": 41},
    ],
    KNOWS: [{"id": "ada-bob", "src": "ada", "dst": "bob"}],
    CITY: [{"id": "york", "people": 7}],
}


# Without these a store does not say what it consists of.
AUTHORITY = ("graph.json", "manifest/*", "schema/*", "fence")


class GraphSystem:
    """How to prepare, open, observe and close a graph store."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make a store with three tables and a few rows in each."""
        clock, ids = ports_of(ports)
        graph.init(root, SCHEMA, clock, ids)
        handle = graph.open(root, clock, ids)
        handle.insert(FIRST_ROWS)
        handle.close()

    def open(self, root: Path, ports: Ports) -> Graph:
        """Open it for writing: the sweep recovers what a crash left."""
        clock, ids = ports_of(ports)
        return graph.open(root, clock, ids)

    def observe(self, handle: Graph) -> dict[str, Any]:
        """Return every row of every table as a reader sees it."""
        return handle.rows()

    def close(self, handle: Graph) -> None:
        """Close the handle."""
        handle.close()


def ports_of(ports: Ports, suffix: str = "") -> tuple[CountedClock, CountedIds]:
    """Return the clock and the ids of a process; a second handle of it needs a suffix."""
    return (
        CountedClock(incarnation=ports.incarnation),
        CountedIds(incarnation=ports.incarnation, actor=f"{ports.actor}{suffix}"),
    )


def tables(root: Path, ports: Ports) -> dict[str, Callable[[], object]]:
    """Open the store to read, and return each table of each branch by itself."""
    clock, ids = ports_of(ports)
    store = graph.open(root, clock, ids, mode=graph.Mode.READ_ONLY)
    return {
        f"{key} of {branch}": partial(store.on(branch).read, key)
        for branch in sorted(store.branches())
        for key in store.pins()
    }
