"""Every kind of write over several tables: one scenario each.

Every workload has an operation after the one that it is named for, most one before it, so that
an operation meets what others of the same handle left. It never relies on counts: states are
compared row by row.
"""

from __future__ import annotations

from engine.graph import LoadMode
from killpoint import Operation, PointSource, Scenario
from scenarios.graph.directory import describe, witness
from scenarios.graph.examine import read_only_opening_works
from scenarios.graph.follow_ups import (
    FOLLOW_UPS,
    KEPT,
    grown,
    insert,
    load,
    mutate,
    refused,
)
from scenarios.graph.invariants import INVARIANTS
from scenarios.graph.rows import people, with_ada
from scenarios.graph.system import AUTHORITY, CITY, PERSON, GraphSystem, tables


def scenario(name: str, *operations: Operation) -> Scenario:
    """Return a scenario over the graph store with everything that must hold of it."""
    return Scenario(
        name=f"graph.{name}",
        system=GraphSystem(),
        operations=operations,
        invariants=INVARIANTS,
        follow_ups=FOLLOW_UPS,
        kept=KEPT,
        refused=refused,
        witness=witness,
        examine=read_only_opening_works,
        describe=describe,
        points=frozenset({PointSource.DECLARED}),
        parts=tables,
        authority=AUTHORITY,
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
        Operation("overwrite by gus", load(with_ada(people("gus")), LoadMode.OVERWRITE)),
        AFTER,
    ),
    scenario("insert", BEFORE, Operation("insert hal", insert(people("hal"))), AFTER),
    scenario(
        "update",
        Operation("update grown people", lambda handle: handle.update(PERSON, grown, {"age": 50})),
        AFTER,
    ),
    scenario(
        "delete",
        Operation(
            "delete bob and his edges",
            lambda handle: handle.delete(PERSON, ["bob"], cascade=True),
        ),
        AFTER,
    ),
    scenario("mutate", Operation("mutate by four statements", mutate("ivy")), AFTER),
)
