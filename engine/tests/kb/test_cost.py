"""What an operation costs does not depend on how many documents there are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import kb
from engine.kb import Kb, mutation, points, rollback
from engine.kb.journal import Journal
from engine.kb.mutation import Mutation
from engine.kb.store import Store
from engine.storage import Cloning, CountedClock, CountedIds, Durability, Local, StorageError
from engine.tests.kb.bases import make_base, open_base
from killpoint.failpoints import Effect, arm, counting

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


def _cost_of_undoing(base: Kb) -> dict[str, int]:
    """Return how often each point is passed by an add that fails late and is undone."""
    counts: Counter[str] = Counter()
    failing = f"{points.DOCUMENT_PUT['before'].name}=1*raise(OSError, EIO)"
    with (
        arm(failing, observe=lambda hit: counts.update([hit.point])),
        pytest.raises(StorageError),
    ):
        base.add("three.md", b"a [[Moon]]")
    return dict(counts)


def _few_and_many(place: Path) -> tuple[Kb, Kb]:
    """Return an almost empty base, and one with ten documents more."""
    few = open_base(make_base(place / "few"), 3)
    return few, open_base(_fill(make_base(place / "many"), 10), 3)


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
    assert _cost_of_undoing(few) == _cost_of_undoing(many)


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


def _saving_all(monkeypatch: pytest.MonkeyPatch, *tops: str) -> None:
    """Let every add save whole directories, whatever it is about to change."""
    right = Mutation.track

    def track(self: Mutation, effect: Effect, paths: Iterable[str]) -> None:
        listed = [self._store.storage.list(points.CONTENT_LIST, top) for top in tops]
        right(self, effect, [*paths, *(path for found in listed for path in found)])

    monkeypatch.setattr(Mutation, "track", track)


def test_an_add_that_saves_the_whole_blob_store_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake that upstream once made: a link a blob with every add."""
    _saving_all(monkeypatch, "files")
    few = open_base(make_base(tmp_path / "few"), 3)
    many = open_base(make_base(tmp_path / "many"), 3)
    for number in range(3):
        many.add(f"book-{number}.txt", b"%d\n\fb\fc" % number)
    assert _costs(few)["add short"] != _costs(many)["add short"]


def test_an_add_that_saves_whole_trees_of_pages_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another of its mistakes: all summaries and all sources were saved for one document's."""
    _saving_all(monkeypatch, "wiki/summaries", "wiki/sources")
    few, many = _few_and_many(tmp_path)
    assert _costs(few)["add short"] != _costs(many)["add short"]


def test_an_undoing_that_copies_everything_back_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a third: undoing removed whole trees, then made every file of them anew."""
    right = rollback.roll_back

    def roll_back(store: Store, journal: Journal) -> Journal:
        for path in store.storage.list(points.CONTENT_LIST, "wiki"):
            store.storage.clone(points.RESTORE_CLONE, path, "work/aside", Cloning.COPY)
            store.storage.delete(points.JOURNAL_DELETE, path)
            store.storage.clone(points.RESTORE_CLONE, "work/aside", path, Cloning.COPY)
        return right(store, journal)

    monkeypatch.setattr(mutation, "roll_back", roll_back)
    few, many = _few_and_many(tmp_path)
    assert _cost_of_undoing(few) != _cost_of_undoing(many)
