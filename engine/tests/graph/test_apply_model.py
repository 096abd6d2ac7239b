"""Any applies and inserts, over two handles in turn, against tables kept in plain dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine import graph
from engine.graph import (
    AddColumn,
    AddTable,
    ColumnType,
    DropColumn,
    DropMode,
    DropTable,
    Graph,
    RenameColumn,
    RenameTable,
    Step,
    TableSchema,
    schema_of,
)
from engine.storage import CountedClock, CountedIds, Durability, Local

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

Columns = list[str]
Model = dict[str, tuple[Columns, list[dict[str, Any]]]]

INT = ColumnType.INT
TABLES = ("node:A", "node:B", "node:C")
COLUMNS = ("p", "q")
ID = ("id",)
ACTIONS = st.tuples(
    st.sampled_from(("add", "rename", "drop", "add column", "rename column", "drop column")),
    st.sampled_from(TABLES),
    st.sampled_from(TABLES),
    st.sampled_from(COLUMNS),
    st.integers(0, 9),
)
APPLIES = st.lists(st.lists(ACTIONS, max_size=4), min_size=1, max_size=6)


def _step(model: Model, action: tuple[str, str, str, str, int]) -> Step | None:
    """Carry one action out on the model, if it can be, and return the step that does the same."""
    kind, key, other, column, value = action
    there = key in model
    match kind:
        case "add" if not there:
            model[key] = ([*ID], [])
            return AddTable(TableSchema(key=key, columns={"id": INT}))
        case "rename" if there and other not in model:
            model[other] = model.pop(key)
            return RenameTable(key, other)
        case "drop" if there and len(model) > 1:
            del model[key]
            return DropTable(key, DropMode.HARD if value else DropMode.SOFT)
        case _:
            return _column_step(model, kind, key, column, value) if there else None


def _column_step(model: Model, kind: str, key: str, column: str, value: int) -> Step | None:
    columns, rows = model[key]
    match kind:
        case "add column" if column not in columns:
            model[key] = ([*columns, column], [{**row, column: value} for row in rows])
            return AddColumn(key, column, INT, value)
        case "rename column" if {"p", "q"}.intersection(columns) == {column}:
            to = "q" if column == "p" else "p"
            model[key] = _renamed(columns, rows, column, to)
            return RenameColumn(key, column, to)
        case "drop column" if column in columns:
            left = [name for name in columns if name != column]
            model[key] = (left, [{name: row[name] for name in left} for row in rows])
            return DropColumn(key, column)
        case _:
            return None


def _renamed(
    columns: Columns, rows: list[dict[str, Any]], column: str, to: str
) -> tuple[Columns, list[dict[str, Any]]]:
    names = [to if name == column else name for name in columns]
    return names, [dict(zip(names, row.values(), strict=True)) for row in rows]


def _open(root: Path, incarnation: int) -> Graph:
    ids = CountedIds(incarnation=incarnation, actor="w")
    storage = Local(str(root), ids=ids, durability=Durability.NONE)
    return graph.open(storage, CountedClock(incarnation=incarnation), ids)


def _action(kind: str, key: str, other: str = TABLES[0]) -> tuple[str, str, str, str, int]:
    return kind, key, other, "q", 1


# The name of a table that goes is taken over in the same apply, by one whose rows are rewritten.
TAKEN_OVER = [
    [_action("add", TABLES[1])],
    [_action("drop", TABLES[1]), _action("rename", *TABLES[:2]), _action("add column", TABLES[1])],
]


@example(applies=TAKEN_OVER)
@settings(max_examples=40, deadline=None)
@given(applies=APPLIES)
def test_rows_follow_their_tables_through_any_steps(
    tmp_path_factory: pytest.TempPathFactory, applies: list[list[Any]]
) -> None:
    """Both handles see it at their next call, and older graph versions read as they did."""
    root = tmp_path_factory.mktemp("store")
    first = TableSchema(key=TABLES[0], columns={"id": INT, "p": INT})
    clock, ids = CountedClock(incarnation=0), CountedIds(incarnation=0, actor="w")
    graph.init(root, schema_of(first), clock, ids)
    handles, seen = [_open(root, 1), _open(root, 2)], {}
    model: Model = {TABLES[0]: (["id", "p"], [])}
    for number, actions in enumerate(applies):
        handle = handles[number % 2]
        for key, (columns, rows) in model.items():
            row = dict.fromkeys(columns, number)
            handle.insert({key: [row]})
            rows.append(row)
        steps = [step for action in actions if (step := _step(model, action))]
        handle.apply_schema(steps)
        shown = {key: rows for key, (_, rows) in sorted(model.items())}
        assert shown == handles[0].rows() == handles[1].rows()
        seen[handle.version()] = {key: [*rows] for key, rows in shown.items()}
    assert handles[0].pins() == handles[0].heads()
    assert seen == {version: _open(root, 3).rows(version) for version in seen}
