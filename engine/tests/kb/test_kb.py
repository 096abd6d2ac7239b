"""Making and opening a knowledge base, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import kb
from engine.storage import CountedIds
from engine.tests.kb.bases import kill_at, make_base, open_base, tree

IDS = CountedIds(incarnation=0, actor="other")


def test_a_place_without_one_says_so(tmp_path: Path) -> None:
    """An empty directory, and one in which init was cut short, are both none."""
    with pytest.raises(kb.NotAKbError, match="run init"):
        open_base(tmp_path)


def test_a_second_init_refuses(root: Path) -> None:
    """It changes nothing."""
    before = tree(root)
    with pytest.raises(kb.AlreadyAKbError, match="open it"):
        kb.init(root, IDS)
    assert before == tree(root)


def test_a_closed_handle_refuses(root: Path) -> None:
    """Closing twice is harmless."""
    base = open_base(root)
    for _ in range(2):
        base.close()
    with pytest.raises(kb.ClosedError, match="open the knowledge base again"):
        base.files()


@pytest.mark.parametrize("path", ["kb.json", "documents/atlas.json"])
def test_a_damaged_file_is_named(root: Path, path: str) -> None:
    """Whoever needs it is told, and it is left as it is."""
    (root / path).write_bytes(b"{}")
    with pytest.raises(kb.DamagedFileError, match=f"'{path}' is damaged"):
        open_base(root).documents()
    assert b"{}" == (root / path).read_bytes()


@pytest.mark.parametrize("name", ["../atlas", "a/b", ""])
def test_a_name_that_is_none_is_an_unknown_document(root: Path, name: str) -> None:
    """No path is made of it that leaves its place."""
    with pytest.raises(kb.UnknownDocumentError):
        open_base(root).remove(name)


def test_every_error_ends_with_a_next_step(root: Path, tmp_path: Path) -> None:
    """Also the one of a source that cannot be converted: it says what to mend."""
    base = open_base(root)
    with pytest.raises(kb.BadSourceError, match=r"it is empty. Mend the source"):
        base.add("empty.md", b" \n")
    make_base(tmp_path / "apart")
    assert base.documents() == open_base(tmp_path / "apart").documents()


def test_two_runs_of_the_same_work_leave_the_same_bytes(tmp_path: Path) -> None:
    """Nothing on disk holds a place, a time of day or chance, also after a crash."""
    trees = []
    for name in ("one", "two"):
        root = make_base(tmp_path / name)
        kill_at(root, lambda base: base.remove("atlas"), "kb.body.delete.after")
        open_base(root).add("more.md", b"more")
        trees.append(tree(root))
    assert trees[0] == trees[1]
