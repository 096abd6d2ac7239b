"""Indices and optimize, killed anywhere: no row changes, and every answer is the same.

The store is prepared with complete indices, then written to: of one table a row in a fragment is
gone and stands in another, one lacks its index, one needs nothing. How often maintenance was
published is shown, too, so that a state tells whether the one in flight was. It never relies on
which fragments there are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import Decision, Kind
from killpoint import FollowUp, Invariant, Operation, Reopened, Scenario, invariant
from scenarios.graph import directory
from scenarios.graph.follow_ups import FOLLOW_UPS, KEPT, on_a_kept_handle, york
from scenarios.graph.invariants import INVARIANTS
from scenarios.graph.rows import updated
from scenarios.graph.system import CITY, FIRST_ROWS, PERSON, SCHEMA, GraphSystem
from scenarios.graph.writes import AFTER, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports

MAINTAINED = "maintained"
OPTIMIZE = "optimize"
KINDS = (Kind.ENSURE_INDICES, Kind.OPTIMIZE)
NEEDY = {CITY: 1, PERSON: 2}  # by how many versions optimize moves a table
ROWS = updated(
    updated(FIRST_ROWS, CITY, york, {"people": 8}),
    PERSON,
    lambda row: row["id"] == "bob",
    {"age": 42},
)


class ScatteredSystem(GraphSystem):
    """A store that was written to since its indices were made."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store and its indices, then write to two of three tables."""
        super().prepare(root, ports)
        handle = self.open(root, replace(ports, actor="past"))
        handle.ensure_indices()
        handle.update(CITY, ["york"], {"people": 8})
        handle.update(PERSON, ["bob"], {"age": 42})
        handle.close()

    def observe(self, handle: Graph) -> dict[str, Any]:
        """Return every row, and how often maintenance was published."""
        done = [
            row
            for row in handle.history()
            if row.kind in KINDS and row.decision is not Decision.ROLLED_BACK
        ]
        return {**handle.rows(), MAINTAINED: len(done)}


def optimize(handle: Graph) -> object:
    """Optimize; a table that was skipped would not be taken care of."""
    done = handle.optimize()
    assert not done.skipped, done
    return done


def cared(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state after maintenance again: only what was written to since then needs it."""
    return {**state, MAINTAINED: state[MAINTAINED] + (0 if is_idle(state) else 1)}


def is_idle(state: dict[str, Any]) -> bool:
    """Whether maintenance was published again, and nothing was written since."""
    return state[MAINTAINED] > 1 and all(state[table] == ROWS[table] for table in ROWS)


def newest_versions(store: Reopened) -> dict[str, dict[str, Any]]:
    """Return the version of every table that readers see, as its file has it."""
    pins = directory.pins(directory.manifests(store.root)[-1])
    return {
        key: next(body for body in bodies if body["version"] == pins[key])
        for key, bodies in directory.versions(store.root).items()
    }


@invariant("maintenance changes no row")
def maintenance_changes_no_row(store: Reopened) -> Iterable[str]:
    """Readers see what was written before the maintenance, every row once, and none that is gone.

    Verifies: against what was written, value by value, not against another run of the engine.
    Does not verify: rows of later operations, which is "all or nothing".
    """
    for table, rows in ROWS.items():
        keys = {row["id"] for row in rows}
        seen = [row for row in store.state[table] if row["id"] in keys]
        if seen != rows:
            yield f"{table}: a reader sees {seen}, and {rows} were written"


@invariant("an index answers as a scan does")
def an_index_answers_as_a_scan_does(store: Reopened) -> Iterable[str]:
    """What is found by a value is what looking through all rows would find.

    Verifies: every value of every column of every table, and one that no row has.
    Does not verify: that an index was used, which the engine's own tests count.
    """
    for key, table in SCHEMA.tables.items():
        rows = store.handle.read(key)
        for column in table.columns:
            for value in [*{row[column]: None for row in rows}, "nowhere"]:
                found = store.handle.find(key, column, value)
                if found != [row for row in rows if row[column] == value]:
                    yield f"{key}: {column} {value!r} is found as {found}"


@invariant("what was optimized is tidy")
def what_was_optimized_is_tidy(store: Reopened) -> Iterable[str]:
    """After a published optimize its tables have one fragment, no gone rows, a whole index.

    Verifies: from the files, of tables that nothing has written to since.
    Does not verify: scenarios whose first operation makes indices only.
    """
    first = store.history.operations[0].name if store.history.operations else ""
    if first != OPTIMIZE or not is_idle(store.state):
        return
    for key, body in newest_versions(store).items():
        fragments = body["fragments"]
        if len(fragments) > 1 or any(each["deleted"] for each in fragments):
            yield f"{key}: it has {len(fragments)} fragments, or rows that are gone"
        lacking = {each["path"] for each in fragments} - set(body["index"]["covers"])
        if lacking:
            yield f"{key}: its index lacks {sorted(lacking)}"


@invariant("only what needs it moves")
def only_what_needs_it_moves(store: Reopened) -> Iterable[str]:
    """Maintenance commits to tables that need it, as often as they need, and to no other.

    Verifies: per table, the versions that operations of maintenance made and no rollback did.
    Does not verify: in which order.
    """
    own = {
        body["lineage"]["operation_id"]
        for body in directory.manifests(store.root)
        if body["lineage"]["kind"] in KINDS
    }
    for operation in sorted(own | {*directory.sidecars(store.root)}):
        for key, numbers in directory.own_versions(store.root, operation).items():
            if len(numbers) > NEEDY.get(key, 1 if "past" in operation else 0):
                yield f"{key}: operation {operation} committed versions {numbers}"


INVARIANTS_OF_CARE: tuple[Invariant, ...] = (
    *INVARIANTS,
    maintenance_changes_no_row,
    an_index_answers_as_a_scan_does,
    what_was_optimized_is_tidy,
    only_what_needs_it_moves,
)


def care_scenario(name: str, care: Callable[[Graph], object]) -> Scenario:
    """Return a scenario of one kind of maintenance, which is also what comes after a crash."""
    again = FollowUp(f"{name} again", care, cared)
    return replace(
        scenario(name, Operation(name, care), AFTER),
        system=ScatteredSystem(),
        invariants=INVARIANTS_OF_CARE,
        follow_ups=(again, *FOLLOW_UPS[:1], *FOLLOW_UPS[4:6]),
        kept=(on_a_kept_handle(again), *KEPT[4:5]),
    )


SCENARIOS = (
    care_scenario("indices", lambda handle: handle.ensure_indices()),
    care_scenario(OPTIMIZE, optimize),
)
