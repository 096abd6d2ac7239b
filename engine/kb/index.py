"""The page index of a long document: a SQLite database with a row a page.

It is built in memory and written whole, as one file, through storage; it is read back the same
way. So SQLite itself never opens a file here, and never leaves one beside it. Files that another
program left beside an index (`-wal`, `-shm`, `-journal`) would be played into a new database of
that name: a mutation that writes or removes an index removes them, and its undoing brings them
back. It never trusts them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from engine.kb.errors import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAKE = "create table page (number integer primary key, content text not null)"


def build_index(pages: Sequence[str]) -> bytes:
    """Return a database file with these pages, numbered from 1."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(MAKE)
        database.executemany("insert into page values (?, ?)", enumerate(pages, start=1))
        database.commit()
        return database.serialize()


def read_index(path: str, data: bytes) -> list[str]:
    """Return the pages of a database file, or raise what names it."""
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.deserialize(data)
            found = database.execute("select content from page order by number").fetchall()
        except sqlite3.DatabaseError as reason:
            raise DamagedFileError(path, str(reason)) from reason
    return [content for (content,) in found]
