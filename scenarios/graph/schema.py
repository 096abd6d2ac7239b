"""Changing the schema: one scenario a kind of step, and one of many steps at once.

What follows takes the tables as it finds them, because a death leaves the old schema or the new.
Half of these applies move no table at all, so that nothing but the manifest could tell. It never
asks the engine which schema there should be: the states tell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import (
    AddColumn,
    AddTable,
    ColumnType,
    DropColumn,
    DropMode,
    DropTable,
    RenameColumn,
    RenameTable,
    SetRules,
    Step,
    TableSchema,
)
from killpoint import FollowUp, Operation, Scenario, invariant
from scenarios.graph import directory
from scenarios.graph.follow_ups import on_a_kept_handle
from scenarios.graph.invariants import INVARIANTS
from scenarios.graph.system import CITY, KNOWS, PERSON, GraphSystem
from scenarios.graph.writes import scenario

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports, Reopened

    Rows = dict[str, list[dict[str, Any]]]

HUMAN = "node:Human"
TAG = "node:Tag"
EXTRA = "node:Extra"
TOWN = "node:Town"
TAG_TABLE = TableSchema(key=TAG, columns={"id": ColumnType.STR})
EXTRA_TABLE = TableSchema(key=EXTRA, columns={"id": ColumnType.STR})


RULES = "the rules"  # as if they were a table, where nothing else of a state would show them


class Ruled:
    """A handle that shows rules with the rows; whatever else is asked is asked of the handle."""

    def __init__(self, handle: Graph) -> None:
        """Stand before a handle."""
        self._handle = handle

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any member of a handle
        return getattr(self._handle, name)

    def rows(self, version: int | None = None) -> Rows:
        """Return the rows and the rules of a graph version."""
        tables = self._handle.schema(version).tables.values()
        rules = [
            {"id": one.key, "references": {**one.references}, "at_most": {**one.at_most}}
            for one in tables
            if one.references
        ]
        return {**self._handle.rows(version), RULES: rules}


class RuledSystem(GraphSystem):
    """A store whose rules are a part of its state."""

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- stands for a handle
        """Open it for writing."""
        return Ruled(super().open(root, ports))


class OrphanedSystem(GraphSystem):
    """A store in which an operation has died before its sidecar, and left a fragment of a city."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store, and put the fragment where the dead one would have."""
        super().prepare(root, ports)
        orphan = root / "tables/node.City/data/000000-ghost-000001-0.arrow"
        orphan.write_bytes(b"rows that nobody committed")


def copies(state: Rows) -> Rows:
    """Return a copy of the first node of each table, with a new last key; a tag if there may be."""
    shown = {**state, TAG: state[TAG] or [{"id": ""}]} if TAG in state else state
    return {
        key: [{**each[0], "id": "z" * (len(state[key]) + 1)}]
        for key, each in shown.items()
        if each and key.startswith("node:")
    }


def with_copies(state: Rows) -> Rows:
    """Return the state after `copies` were put in."""
    new = copies(state)
    return {key: [*rows, *new.get(key, [])] for key, rows in state.items()}


def insert_copies(handle: Graph) -> object:
    """Insert into every table, whatever tables there are."""
    return handle.insert(copies(handle.rows()))


def overwrite_edges(handle: Graph) -> object:
    """Rest on what was read, in a table that every schema here has."""
    handle.read(KNOWS)
    return handle.delete(KNOWS, lambda _: True)


def apply(*steps: Step) -> Operation:
    """Return the operation of these steps."""
    return Operation("apply", lambda handle: handle.apply_schema(steps))


@invariant("tables fit the schema")
def tables_fit_the_schema(store: Reopened) -> Iterable[str]:
    """Rows are never of another schema than the one that the manifest names.

    Verifies: the schema stands under the hash that the newest manifest names; it has the tables
    that are pinned, and every row that a reader sees has their columns.
    Does not verify: that it is the right schema, which is "all or nothing"; the rules.
    """
    newest = directory.manifests(store.root)[-1]
    tables = directory.schema(store.root, newest)
    if tables.keys() != directory.pins(newest).keys():
        yield f"pinned are {sorted(directory.pins(newest))}, the schema has {sorted(tables)}"
        return
    for key, table in tables.items():
        columns = [name for name, _ in table["columns"]]
        odd = [row for row in store.state[key] if [*row] != columns]
        if odd:
            yield f"{key}: {odd[0]} has not the columns {columns}"


INVARIANTS_OF_SCHEMAS = (*INVARIANTS, tables_fit_the_schema)
FOLLOW_UPS = (
    FollowUp("insert into every table", insert_copies, with_copies),
    FollowUp("delete all edges", overwrite_edges, lambda state: {**state, KNOWS: []}),
    FollowUp(
        "apply another schema",
        lambda handle: handle.apply_schema([AddTable(EXTRA_TABLE)]),
        lambda state: {**state, EXTRA: []},
    ),
)
KEPT = tuple(on_a_kept_handle(kind) for kind in FOLLOW_UPS)
AFTER = Operation("insert into every table", insert_copies)


def applying(name: str, *steps: Step, then: tuple[Operation, ...] = ()) -> Scenario:
    """Return the scenario of an apply, and of what then is done on the same handle."""
    sound = scenario(f"apply.{name}", apply(*steps), *then)
    return replace(sound, invariants=INVARIANTS_OF_SCHEMAS, follow_ups=FOLLOW_UPS, kept=KEPT)


SCENARIOS = (
    applying("add", AddTable(TAG_TABLE), then=(AFTER,)),
    applying("rename", RenameTable(PERSON, HUMAN)),
    replace(applying("drop", DropTable(CITY, DropMode.HARD)), system=OrphanedSystem()),
    applying(
        "columns",
        AddColumn(PERSON, "size", ColumnType.FLOAT, 1.5),
        DropColumn(PERSON, "age"),
        RenameColumn(CITY, "people", "heads"),
        then=(AFTER,),
    ),
    replace(
        applying("rules", SetRules(table=KNOWS, references={"src": PERSON}, at_most={"dst": 2})),
        system=RuledSystem(),
    ),
    applying(
        "several",
        RenameTable(PERSON, HUMAN),
        AddColumn(HUMAN, "size", ColumnType.INT, 1),
        RenameTable(CITY, TOWN),
        AddTable(TAG_TABLE),
        AddTable(TableSchema(key=PERSON, columns={"id": ColumnType.STR})),
        DropTable(KNOWS),
        AddTable(TableSchema(key=KNOWS, columns={"id": ColumnType.STR})),
    ),
)
