"""Every kind of write over several tables: one scenario each.

Every workload has an operation after the one that it is named for, most one before it, so that
an operation meets what others of the same handle left. It never relies on counts: states are
compared row by row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.graph import LoadMode, points
from killpoint import Operation, PointSource, Reopened, Scenario, invariant
from killpoint.history import Outcome
from scenarios.graph.directory import describe, manifests, witness
from scenarios.graph.examine import read_only_opening_works
from scenarios.graph.follow_ups import (
    ADD_AT_ONCE,
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

if TYPE_CHECKING:
    from collections.abc import Iterable

SIDECAR_DELETE = f"{points.SIDECAR_DELETE.name}."


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


@invariant("what is published is acknowledged")
def what_is_published_is_acknowledged(store: Reopened) -> Iterable[str]:
    """An operation does not fail by what comes after its publish.

    Verifies: where nothing failed but the deletion of its sidecar, an operation that told its
    caller of a failure was not published by itself.
    Does not verify: workloads in which a heal or another handle deletes sidecars, too.
    """
    failed = [each for each in store.history.operations if each.outcome is Outcome.FAILED]
    if not failed or any(not each.startswith(SIDECAR_DELETE) for each in store.struck):
        return
    row = manifests(store.root)[-1]["lineage"]
    shown = store.applied_count is not None and store.applied_count > store.acknowledged_count
    if shown and "decision" not in row:
        yield f"{failed[0].name!r} failed ({failed[0].detail}), and it is published"


BEFORE = Operation("insert cleo", insert(people("cleo")))
AFTER = Operation("insert dan", insert(people("dan")))
MERGED = {**people("bob", "eve", age=50), CITY: [{"id": "york", "people": 8}]}

SCENARIOS = tuple(
    replace(each, invariants=(*INVARIANTS, what_is_published_is_acknowledged))
    for each in (
        scenario(
            "load.append",
            BEFORE,
            Operation("append eve and fay", load(people("eve", "fay"), LoadMode.APPEND)),
            AFTER,
        ),
        scenario(
            "load.merge",
            BEFORE,
            Operation("merge bob and eve", load(MERGED, LoadMode.MERGE)),
            AFTER,
        ),
        scenario(
            "load.overwrite",
            BEFORE,
            Operation("overwrite by gus", load(with_ada(people("gus")), LoadMode.OVERWRITE)),
            AFTER,
        ),
        replace(
            scenario("insert", BEFORE, Operation("insert hal", insert(people("hal"))), AFTER),
            kept=(*KEPT, ADD_AT_ONCE),
        ),
        scenario(
            "update",
            Operation(
                "update grown people", lambda handle: handle.update(PERSON, grown, {"age": 50})
            ),
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
)
