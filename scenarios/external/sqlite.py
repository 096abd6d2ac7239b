"""SQLite, unmodified, behind Python's `sqlite3`: both journals that promise to survive a kill.

The engine is native code, so the points are its system calls. The workload spills a transaction
over several pages, so that a kill can fall between them. It never looks into SQLite's files.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from killpoint import FollowUp, Operation, PointSource, Scenario, functions

ROWS_A_TRANSACTION = 3
PAGE_FILLER = "y" * 3000
ROWS = "select key, length(value) from entries order by key"


def sqlite(journal_mode: str) -> Scenario:
    """Return the scenario of two transactions under one journal mode."""

    def connect(root: Path) -> sqlite3.Connection:
        database = sqlite3.connect(root / "entries.db", isolation_level=None)
        database.execute(f"pragma journal_mode={journal_mode}")
        database.execute("pragma synchronous=full")
        return database

    def prepare(root: Path) -> None:
        database = connect(root)
        database.execute("create table entries(key integer primary key, value text)")
        database.execute("insert into entries values(0, 'first')")
        database.close()

    return Scenario(
        name=f"sqlite.{journal_mode}",
        system=functions(
            open=connect, prepare=prepare, observe=observe, close=sqlite3.Connection.close
        ),
        operations=(
            Operation("transaction 1", lambda database: transaction(database, 1)),
            Operation("transaction 2", lambda database: transaction(database, 2)),
        ),
        follow_ups=(FollowUp("insert one row", insert_one, with_one_more),),
        points=frozenset({PointSource.SYSCALLS}),
    )


def observe(database: sqlite3.Connection) -> dict[str, Any]:
    """Return every row, and SQLite's own opinion of its file."""
    (integrity,) = database.execute("pragma integrity_check").fetchone()
    return {"rows": [list(row) for row in database.execute(ROWS)], "integrity": integrity}


def transaction(database: sqlite3.Connection, number: int) -> None:
    """Insert some rows and change every other one, in one transaction."""
    database.execute("begin")
    for row in range(ROWS_A_TRANSACTION):
        key = number * 10 + row
        database.execute("insert into entries values(?, ?)", (key, PAGE_FILLER))
    database.execute("update entries set value = value || 'z'")
    database.execute("commit")


def insert_one(database: sqlite3.Connection) -> None:
    """Insert a row that no transaction of the workload inserts."""
    database.execute("insert into entries values(99, 'last')")


def with_one_more(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state that `insert_one` leads to."""
    return {**state, "rows": [*state["rows"], [99, len("last")]]}


SCENARIOS = (sqlite("wal"), sqlite("delete"))
