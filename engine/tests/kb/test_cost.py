"""What an operation costs does not depend on how many documents there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import kb
from engine.kb import Kb, points
from engine.kb.mutation import Mutation
from engine.storage import CountedClock, CountedIds, Durability, Local
from engine.tests.kb.bases import make_base, open_base
from killpoint.failpoints import Effect, counting

OPERATIONS: dict[str, Callable[[Kb], object]] = {
    "add short": lambda base: base.add("one.md", b"a [[Moon]]"),
    "add long": lambda base: base.add("two.txt", b"a [[Moon]]\n!image x y\n\fb\fc"),
    "edit": lambda base: base.add("one.md", b"a [[Star]]"),
    "skip": lambda base: base.add("copy.md", b"a [[Star]]"),
    "recompile": lambda base: base.recompile("two"),
    "remove": lambda base: base.remove("two"),
}


def _sources(count: int) -> Iterator[kb.Source]:
    for number in range(count):
        yield kb.Source(name=f"d{number}.md", data=b"On the [[Moon]], %d." % number)


def _fill(root: Path, count: int) -> Path:
    ids = CountedIds(incarnation=2, actor="t")
    storage = Local(root, ids=ids, durability=Durability.NONE)
    base = kb.open(storage, CountedClock(incarnation=2), ids)
    base.add_all(_sources(count))
    base.close()
    return root


class _Counted:
    """What `os.scandir` does, counting every entry that is looked at, and every link."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self._scandir = os.scandir

    @contextmanager
    def scandir(self, path: os.PathLike[str]) -> Iterator[Iterator[os.DirEntry[str]]]:
        with self._scandir(path) as entries:
            yield self._each(entries)

    def _each(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            self.entries.append(entry.path)
            yield entry


def _costs(base: Kb) -> dict[str, dict[str, int]]:
    costs = {}
    for name, work in OPERATIONS.items():
        with counting() as tally:
            work(base)
        costs[name] = tally.counts
    return costs


@pytest.mark.parametrize("documents_count", [10, 100, 1000])
def test_every_step_is_taken_as_often_as_in_a_small_base(
    tmp_path: Path, documents_count: int
) -> None:
    """Links, copies, reads, writes, deletes, listings, counted at the seam, operation by operation.

    Counts, not bytes: a shared page has a line a document, and is written whole.
    """
    few = open_base(make_base(tmp_path / "few"), 3)
    many = open_base(_fill(make_base(tmp_path / "many"), documents_count), 3)
    assert documents_count + 2 == len(many.documents())
    assert _costs(few) == _costs(many)


def test_no_operation_looks_through_a_directory_that_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing is one step at the seam, however long: so the entries themselves are counted."""
    seen = {}
    for documents_count in (1, 200):
        root = _fill(make_base(tmp_path / str(documents_count)), documents_count)
        base = open_base(root, 3)
        counted = _Counted()
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", counted.scandir)
            _costs(base)
            assert [] == [path for path in counted.entries if "work" not in Path(path).parts]
        seen[documents_count] = len(counted.entries)
    assert seen[1] == seen[200] > 0


def test_an_add_that_saves_the_whole_blob_store_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake that upstream once made: the count is not the same any more."""
    right = Mutation.track

    def track(self: Mutation, effect: Effect, paths: Iterable[str]) -> None:
        blobs = self._store.storage.list(points.CONTENT_LIST, "raw")
        right(self, effect, [*paths, *blobs])

    monkeypatch.setattr(Mutation, "track", track)
    few = open_base(make_base(tmp_path / "few"), 3)
    many = open_base(_fill(make_base(tmp_path / "many"), 10), 3)
    assert _costs(few)["add short"] != _costs(many)["add short"]
