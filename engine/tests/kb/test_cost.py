"""What an operation costs does not depend on how many documents there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import kb
from engine.kb import Kb
from engine.storage import CountedClock, CountedIds, Durability, Local
from engine.tests.kb.bases import make_base, open_base
from killpoint.failpoints import counting

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
