"""The page index is a database that SQLite reads, and nobody's leftovers get into it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine import kb
from engine.kb.index import build_index, read_index
from engine.tests.kb.bases import BOOK, add_book, kill_at, open_base, tree

INDEX = f"index/{kb.Source(name=BOOK[0], data=BOOK[1]).content[:16]}.sqlite"


def _hot_journal(path: Path) -> None:
    """Let a process die in a transaction, so that its journal stays; then drop its base."""
    path.parent.mkdir(exist_ok=True)
    child = os.fork()
    if child == 0:
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("pragma cache_size=1")
        database.execute("create table page (number integer primary key, content text)")
        database.execute("begin")
        database.executemany("insert into page values (?, ?)", [(n, "x" * 500) for n in range(99)])
        os._exit(0)
    os.waitpid(child, 0)
    assert path.with_name(path.name + "-journal").stat().st_size
    path.unlink()


def test_any_sqlite_reads_an_index(root: Path) -> None:
    """It is one file, whole, with nothing beside it."""
    add_book(open_base(root))
    with closing(sqlite3.connect(f"file:{root / INDEX}?mode=ro", uri=True)) as database:
        assert [("ok",)] == database.execute("pragma integrity_check").fetchall()
        rows = database.execute("select number, content from page").fetchall()
    assert [1, 2, 3] == [number for number, _ in rows]
    assert [INDEX] == [path for path in tree(root) if path.startswith(INDEX[:12])]


def test_a_stale_journal_beside_it_is_not_played_into_a_new_index(root: Path) -> None:
    """The next SQLite that opens it would do so, if the add had left it standing."""
    _hot_journal(root / INDEX)
    add_book(open_base(root))
    with closing(sqlite3.connect(root / INDEX)) as database:
        assert [("ok",)] == database.execute("pragma integrity_check").fetchall()
        assert [(3,)] == database.execute("select count(*) from page").fetchall()


def test_undoing_brings_the_files_beside_it_back(root: Path) -> None:
    """They are part of the old state, whoever left them."""
    for suffix in ("-wal", "-shm", "-journal"):
        (root / (INDEX + suffix)).write_bytes(suffix.encode())
    before = tree(root)
    kill_at(root, add_book, "kb.journal.commit.created")
    open_base(root).close()
    assert before == tree(root)


def test_an_index_that_is_no_database_is_named() -> None:
    """With the next step; a sound one gives its pages back."""
    assert ["a", "b"] == read_index("index/x.sqlite", build_index(["a", "b"]))
    with pytest.raises(kb.DamagedFileError, match=r"'index/x\.sqlite' is damaged"):
        read_index("index/x.sqlite", b"no database at all" * 100)
