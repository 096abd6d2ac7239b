"""A bucket that asks for fewer requests: borne for a while, then told, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from engine import kb
from engine.graph import GraphError
from engine.kb import KbError
from engine.storage import IoFailedError, Storage, StorageError, connect
from engine.storage.s3 import RETRIES_MAX
from engine.tests.buckets import Buckets
from engine.tests.busy import Busy, before
from engine.tests.graph import bucket as places
from engine.tests.storage import effects
from engine.tests.stores import BOTH, EMPTY, WORK, open_store, ports

CONDITIONAL = {"put_if_absent", "put_if_match"}
VERBS: dict[str, Callable[[Storage], object]] = {
    "get": lambda storage: storage.get(effects.READ, "a"),
    "exists": lambda storage: storage.exists(effects.READ, "a"),
    "list": lambda storage: storage.list(effects.LIST, ""),
    "put": lambda storage: storage.put(effects.PUT, "b", b"new"),
    "delete": lambda storage: storage.delete(effects.DELETE, "a"),
    "put_if_absent": lambda storage: storage.put_if_absent(effects.CREATE, "c", b"new"),
}
EVERY = 7  # requests; all of them were tried once, and bore it
REMEDY = "let others who use it pause, or wait a while"


@pytest.fixture
def busy(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    """Return a server before that of the buckets, which refuses nothing yet."""
    with before(buckets.endpoint) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint)
        yield found


def _at(url: str, incarnation: int) -> Storage:
    return connect(url, ids=ports(incarnation)[1])


@pytest.mark.parametrize("verb", VERBS)
def test_what_may_be_done_twice_is_tried_again_and_within_bounds(
    buckets: Buckets, busy: Busy, verb: str
) -> None:
    """Once busy is borne, but by a conditional write; busy for good is told, with what to do."""
    storage = _at(buckets.url(), 1)
    storage.make_fence(effects.FENCE)
    storage.put(effects.PUT, "a", b"old")

    busy.refuse(1, 1)
    if verb in CONDITIONAL:
        with pytest.raises(IoFailedError, match="asks for fewer requests"):
            VERBS[verb](storage)
        assert 1 == len(busy.asked)
    else:
        VERBS[verb](storage)
        assert 1 < len(busy.asked)
    busy.refuse(1, None)
    with pytest.raises(IoFailedError, match=f"whether it took effect is unknown: {REMEDY}"):
        VERBS[verb](storage)
    assert (1 if verb in CONDITIONAL else 1 + RETRIES_MAX) == len(busy.asked)
    storage.close()


@pytest.mark.parametrize("times", [1, None], ids=["once", "from then on"])
def test_a_load_that_is_throttled_is_whole_or_not_there(
    buckets: Buckets, busy: Busy, times: int | None
) -> None:
    """The same handle goes on when the bucket has time again, or the next opening does."""
    asked_count = _requests_of(busy, places.make(buckets.url()))
    told: list[str] = []
    for number in range(1, asked_count + 1, EVERY):
        busy.refuse(0, 0)
        url = places.make(buckets.url())
        store = open_store(url, 1)
        busy.refuse(number, times)
        acknowledged = {"load": True, "late": False}
        try:
            WORK["both"](store)
        except (GraphError, StorageError) as error:
            acknowledged["load"] = False
            told.append(str(error))
        busy.refuse(0, 0)
        assert store.rows() in ([BOTH] if acknowledged["load"] else [BOTH, EMPTY])
        acknowledged["late"] = places.attempt(partial(WORK["person"], store))
        store.close()
        places.assert_acknowledged_is_there(url, acknowledged)
    assert told
    assert len(told) < asked_count
    assert [] == [each for each in told if REMEDY not in each]


@pytest.mark.parametrize("times", [1, None], ids=["once", "from then on"])
def test_an_add_that_is_throttled_is_whole_or_not_there(
    buckets: Buckets, busy: Busy, times: int | None
) -> None:
    """A knowledge base only sets and deletes: once is borne everywhere."""
    first, last = ("a.md", b"On the [[Moon]]."), ("b.md", b"And the [[Sea]].")

    _, base = _start(buckets, busy)
    busy.refuse(0, 0)
    base.add(*first)
    asked_count = len(busy.asked)
    whole = _shown(base)
    base.close()
    told: list[str] = []
    for number in range(1, asked_count + 1, 2 * EVERY):
        url, base = _start(buckets, busy)
        busy.refuse(number, times)
        try:
            base.add(*first)
        except (KbError, StorageError) as error:
            told.append(str(error))
            legal = [{}, whole]
        else:
            legal = [whole]
        busy.refuse(0, 0)
        base.close()
        _assert_goes_on(url, legal, last)
    assert bool(told) == (times is None)
    assert [] == [each for each in told if REMEDY not in each]


def _start(buckets: Buckets, busy: Busy) -> tuple[str, kb.Kb]:
    busy.refuse(0, 0)
    url = buckets.url()
    kb.init(_at(url, 0), ports(0)[1])
    return url, kb.open(_at(url, 1), *ports(1))


def _assert_goes_on(url: str, legal: list[dict[str, Any]], last: tuple[str, bytes]) -> None:
    """Open it: it is one of these, takes another document, and each file is as it was written."""
    again = kb.open(_at(url, 2), *ports(2))
    assert _shown(again) in legal
    again.add(*last)
    assert () == again.check()
    again.close()


def _shown(base: kb.Kb) -> dict[str, Any]:
    return {path: data for path, data in base.files().items() if not path.startswith("audit/")}


def _requests_of(busy: Busy, url: str) -> int:
    store = open_store(url, 1)
    busy.refuse(0, 0)
    WORK["both"](store)
    store.close()
    assert busy.asked
    return len(busy.asked)
