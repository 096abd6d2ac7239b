"""Python's `dbm.dumb`, whose manual warns that an interrupted update may corrupt the database.

Pure Python, so every file-system call is a point, with no word of ours in the module. A record's
bytes go into one file and its place into another, which is written anew only at a sync. It is here
to be found to fail. It never counts as a bug of Python.
"""

from __future__ import annotations

import dbm.dumb
from typing import TYPE_CHECKING, Any

from killpoint import FollowUp, Operation, PointSource, Scenario, functions

if TYPE_CHECKING:
    from pathlib import Path

Database = Any
VALUE_BYTES = 100


def connect(root: Path) -> Database:
    """Open the database, making it if it is not there."""
    return dbm.dumb.open(str(root / "entries"), "c")


def observe(database: Database) -> dict[str, str]:
    """Return every key with its value."""
    return {key.decode(): database[key].decode(errors="replace") for key in sorted(database.keys())}


def store(database: Database, key: str, value: str) -> None:
    """Set one key and sync, which is all that the module offers to make it last."""
    database[key] = value * VALUE_BYTES
    database.sync()


def with_z(state: dict[str, str]) -> dict[str, str]:
    """Return the state that storing `z` leads to."""
    return {**state, "z": "z" * VALUE_BYTES}


put = Scenario(
    name="dumb_dbm.put",
    system=functions(open=connect, observe=observe, close=lambda database: database.close()),
    operations=(
        Operation("store a", lambda database: store(database, "a", "1")),
        Operation("store b", lambda database: store(database, "b", "2")),
        Operation("store a again", lambda database: store(database, "a", "3")),
    ),
    follow_ups=(FollowUp("store z", lambda database: store(database, "z", "z"), with_z),),
    points=frozenset({PointSource.PYTHON}),
)
