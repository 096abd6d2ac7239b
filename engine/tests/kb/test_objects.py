"""The knowledge base on storages without files: in memory, and in a bucket."""

from __future__ import annotations

import pytest

from engine import kb
from engine.kb import Kb
from engine.storage import CountedClock, CountedIds, Memory, Storage
from engine.tests.buckets import Buckets
from engine.tests.kb.bases import ALMANAC, ATLAS, EDITED
from engine.tests.storage import effects
from engine.tests.storage.contract import open_url
from killpoint.failpoints import InjectedPanic, arm, counting

# Until this has returned, the edit takes everything back; after it, the journal says it stands.
COMMIT = ("kb.journal.commit.after", 1)


def _open(storage: Storage, incarnation: int) -> Kb:
    """Open the base as the n-th process."""
    ids = CountedIds(incarnation=incarnation, actor="t")
    return kb.open(storage, CountedClock(incarnation=incarnation), ids)


def _filled(storage: Storage) -> Kb:
    """Make a base with a short and a long document."""
    kb.init(storage, CountedIds(incarnation=0, actor="init"))
    base = _open(storage, 1)
    for name, data in (ALMANAC, ATLAS):
        base.add(name, data)
    return base


def _objects(storage: Storage) -> dict[str, bytes]:
    """Return every object."""
    return {path: storage.get(effects.READ, path) for path in storage.list(effects.LIST, "")}


def _edit_hits() -> list[tuple[str, int]]:
    """Return what an edit passes."""
    base = _filled(Memory().storage())
    with counting() as tally:
        base.add(*EDITED)
    return [(hit.point, hit.occurrence) for hit in tally.hits]


EDIT = _edit_hits()


@pytest.mark.parametrize("place", EDIT, ids=lambda place: f"{place[0]}@{place[1]}")
def test_an_edit_that_is_broken_off_anywhere_is_all_or_nothing(place: tuple[str, int]) -> None:
    """Before its journal is committed every object is as it was; from then on all is there."""
    memory = Memory()
    base = _filled(memory.storage())
    before = _objects(memory.storage())
    with arm(f"{place[0]}=panic@{place[1]}"), pytest.raises(InjectedPanic):
        base.add(*EDITED)
    base.close()
    _open(memory.storage(), 2).close()
    after = _objects(memory.storage())
    assert (before != after) == (EDIT.index(place) > EDIT.index(COMMIT))
    _open(memory.storage(), 3).close()
    assert after == _objects(memory.storage())


def test_a_base_in_a_bucket_is_the_one_in_memory(buckets: Buckets) -> None:
    """Object by object, after the same operations."""
    found = []
    for storage in (Memory().storage(), open_url(buckets.url())):
        base = _filled(storage)
        base.add(*EDITED)
        base.remove(base.documents()[0].name)
        base.close()
        found.append(_objects(storage))
    assert found[0] == found[1]
    assert found[0]
