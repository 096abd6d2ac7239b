"""Loads and inserts over several tables: one scenario for each way of writing rows.

Every workload has an operation before and after the one that it is named for, so that recovery
meets a store with history, and the operation after meets what recovery left. It never relies on
counts: states are compared row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.graph import LoadMode
from killpoint import FollowUp, Operation, PointSource, Scenario
from scenarios.graph.directory import describe, witness
from scenarios.graph.examine import read_only_opening_works
from scenarios.graph.invariants import INVARIANTS
from scenarios.graph.system import CITY, KNOWS, PERSON, GraphSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.graph import Graph

Rows = dict[str, list[dict[str, Any]]]


def people(*names: str, age: int = 30) -> Rows:
    """Return a person a name, and an edge from each to ada."""
    return {
        PERSON: [{"id": name, "name": name.title(), "age": age} for name in names],
        KNOWS: [{"id": f"{name}-ada", "src": name, "dst": "ada"} for name in names],
    }


def load(rows: Rows, mode: LoadMode) -> Callable[[Graph], object]:
    """Return an operation that loads these rows."""
    return lambda handle: handle.load(rows, mode)


def insert(rows: Rows) -> Callable[[Graph], object]:
    """Return an operation that inserts these rows."""
    return lambda handle: handle.insert(rows)


LAST: Rows = {**people("zoe"), CITY: [{"id": "bath", "people": 3}]}


def with_rows(state: Rows, rows: Rows) -> Rows:
    """Return the state after these rows were put in by key."""
    after = dict(state)
    for table, new in rows.items():
        by_id = {row["id"]: row for row in (*state[table], *new)}
        after[table] = [by_id[key] for key in sorted(by_id)]
    return after


def overwritten(state: Rows, rows: Rows) -> Rows:
    """Return the state after these rows took the place of all others of their tables."""
    return {**state, **{t: sorted(new, key=lambda row: row["id"]) for t, new in rows.items()}}


FOLLOW_UPS = (
    FollowUp("insert into every table", insert(LAST), lambda state: with_rows(state, LAST)),
    FollowUp("load by merge", load(LAST, LoadMode.MERGE), lambda state: with_rows(state, LAST)),
    FollowUp(
        "load by overwrite", load(LAST, LoadMode.OVERWRITE), lambda state: overwritten(state, LAST)
    ),
)


def scenario(name: str, *operations: Operation) -> Scenario:
    """Return a scenario over the graph store with everything that must hold of it."""
    return Scenario(
        name=f"graph.{name}",
        system=GraphSystem(),
        operations=operations,
        invariants=INVARIANTS,
        follow_ups=FOLLOW_UPS,
        witness=witness,
        examine=read_only_opening_works,
        describe=describe,
        points=frozenset({PointSource.DECLARED}),
    )


BEFORE = Operation("insert cleo", insert(people("cleo")))
AFTER = Operation("insert dan", insert(people("dan")))
MERGED = {**people("bob", "eve", age=50), CITY: [{"id": "york", "people": 8}]}

SCENARIOS = (
    scenario(
        "load.append",
        BEFORE,
        Operation("append eve and fay", load(people("eve", "fay"), LoadMode.APPEND)),
        AFTER,
    ),
    scenario(
        "load.merge", BEFORE, Operation("merge bob and eve", load(MERGED, LoadMode.MERGE)), AFTER
    ),
    scenario(
        "load.overwrite",
        BEFORE,
        Operation("overwrite by gus", load(people("gus"), LoadMode.OVERWRITE)),
        AFTER,
    ),
    scenario("insert", BEFORE, Operation("insert hal", insert({**people("hal")})), AFTER),
)
