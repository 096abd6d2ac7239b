"""Rows and states: what the scenarios write, and what a state becomes by it.

The expected states are computed here from plain dicts, without the engine. It never changes a
state that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenarios.graph.system import CITY, FIRST_ROWS, KNOWS, PERSON

Row = dict[str, Any]
Rows = dict[str, list[Row]]
Choice = Callable[[Row], bool]

ADA = FIRST_ROWS[PERSON][0]


def people(*names: str, age: int = 30) -> Rows:
    """Return a person a name, and an edge from each to ada."""
    return {
        PERSON: [{"id": name, "name": name.title(), "age": age} for name in names],
        KNOWS: [edge(name, "ada") for name in names],
    }


def edge(src: str, dst: str) -> Row:
    """Return who knows whom."""
    return {"id": f"{src}-{dst}", "src": src, "dst": dst}


LAST: Rows = {**people("zoe"), CITY: [{"id": "bath", "people": 3}]}


def with_ada(rows: Rows) -> Rows:
    """Return the rows and ada, to whom their edges lead, so that they can stand alone."""
    return {**rows, PERSON: [ADA, *rows[PERSON]]}


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


def updated(state: Rows, table: str, choice: Choice, values: Row) -> Rows:
    """Return the state after the chosen rows got new values."""
    return {
        **state,
        table: [{**row, **values} if choice(row) else row for row in state[table]],
    }


def without(state: Rows, table: str, choice: Choice) -> Rows:
    """Return the state without the chosen rows."""
    return {**state, table: [row for row in state[table] if not choice(row)]}


def without_people(state: Rows, choice: Choice) -> Rows:
    """Return the state without the chosen people, and without the edges from or to them."""
    gone = {row["id"] for row in state[PERSON] if choice(row)}
    left = without(state, PERSON, choice)
    return without(left, KNOWS, lambda row: row["src"] in gone or row["dst"] in gone)
