"""A store in a bucket: what a load passes there, and what every recovery of it must leave."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine import graph
from engine.graph import Decision, GraphError, Row
from engine.storage import Memory, StorageError, connect
from engine.tests.stores import (
    BOTH,
    CYD,
    DEADLINE_S,
    EMPTY,
    PERSON,
    SCHEMA,
    WORK,
    open_store,
    ports,
)
from killpoint.failpoints import Hit, InjectedPanic, arm, counting

# Up to here a death leaves no sidecar; from here on it can be completed; from here on it is over.
HAS_SIDECAR = ("sidecar.put.renamed", 1)
IS_WHOLE = ("table.commit.linked", 2)
IS_OVER = ("sidecar.delete.removed", 1)
STEPS_OF_READING = (".read.", ".list.", ".settle.")
Pair = tuple[str, int]


def load_hits() -> list[Pair]:
    """Return what an opening and a load pass; in memory it is what it is in any bucket."""
    place = _new_memory()
    with counting() as tally:
        WORK["both"](graph.open(place.storage(), *ports(1)))
    return _pairs(tally.hits)


def recovery_hits(commits: int) -> list[Pair]:
    """Return the steps of recovering a load that ended after so many of its two commits."""
    place = _new_memory()
    try:
        with arm(f"phase_b.after_commit=panic@{commits}"):
            WORK["both"](graph.open(place.storage(), *ports(1)))
    except InjectedPanic:
        pass
    with counting() as tally:
        graph.open(place.storage(), *ports(2))
    steps = [pair for pair in _pairs(tally.hits) if not any(s in pair[0] for s in STEPS_OF_READING)]
    assert steps, "nothing was recovered"
    return steps


def errors_at(pairs: list[Pair]) -> list[str]:
    """Return plans that fail each of them once, and from then on."""
    error = "raise(OSError, EIO)"
    once = [f"{point}={error}@{occurrence}" for point, occurrence in pairs]
    for_ever = [
        f"{point}={occurrence - 1}*off->{error}" if occurrence > 1 else f"{point}={error}"
        for point, occurrence in pairs
    ]
    return [*once, *for_ever]


def make(url: str) -> str:
    """Make an empty store in the bucket and return its address."""
    clock, ids = ports(0)
    graph.init(connect(url, ids=ids), SCHEMA, clock, ids)
    return url


def expected_of(death: Pair) -> tuple[dict[str, list[Row]], list[Decision]]:
    """Return the rows and the decisions that a death at that point of a load must lead to."""
    place = LOAD.index(death)
    rows = BOTH if place >= LOAD.index(IS_WHOLE) else EMPTY
    decision = Decision.ROLLED_FORWARD if rows is BOTH else Decision.ROLLED_BACK
    pending = LOAD.index(HAS_SIDECAR) <= place < LOAD.index(IS_OVER)
    return rows, [decision] if pending else []


def objects_of(url: str) -> dict[str, bytes]:
    """Return every object of the place, the claim aside."""
    bucket = connect(url, ids=ports(8)[1])._bucket  # type: ignore[attr-defined]
    return {name: bucket.get(name).data for name in bucket.names_under("") if name != "fence"}


def assert_recovers_to(url: str, rows: dict[str, list[Row]], decisions: list[Decision]) -> None:
    """Open it: rows and audit are these, HEADs fit, again changes nothing, and work goes on."""
    store = open_store(url, 5)
    assert (rows, decisions) == (store.rows(), [row.decision for row in store.audit()])
    assert (store.pins(), ()) == (store.heads(), store.pending())
    store.close()
    before = objects_of(url)
    open_store(url, 6).close()
    assert before == objects_of(url)
    store = open_store(url, 7)
    store.insert({PERSON: [CYD]})
    assert CYD in store.read(PERSON)
    store.close()


def assert_acknowledged_is_there(url: str, acknowledged: dict[str, bool]) -> None:
    """Open it: the load is whole or not there, what was acknowledged is, and it is audited once."""
    store = open_store(url, 5)
    rows = store.rows()
    late = CYD in rows[PERSON]
    rows[PERSON] = [row for row in rows[PERSON] if row != CYD]
    assert rows in ([BOTH] if acknowledged["load"] else [BOTH, EMPTY])
    assert late >= acknowledged["late"]
    audited = [row.operation_id for row in store.audit()]
    assert len(set(audited)) == len(audited)
    assert (store.pins(), ()) == (store.heads(), store.pending())
    store.close()
    before = objects_of(url)
    open_store(url, 6).close()
    assert before == objects_of(url)


def wait_for_object(url: str, part: str) -> None:
    """Wait until another process has made an object with this in its name."""
    deadline = time.monotonic() + DEADLINE_S
    while not any(part in name for name in objects_of(url)):
        assert time.monotonic() < deadline, f"no {part} ever came"
        time.sleep(0.01)


def attempt(work: Callable[[], object]) -> bool:
    """Whether it was acknowledged; what refuses by name is an answer, too."""
    try:
        work()
    except (GraphError, StorageError, OSError):
        return False
    return True


def _new_memory() -> Memory:
    """Return a place in memory with an empty store."""
    place = Memory()
    graph.init(place.storage(), SCHEMA, *ports(0))
    return place


def _pairs(hits: tuple[Hit, ...]) -> list[Pair]:
    """Return points with their occurrences."""
    return [(hit.point, hit.occurrence) for hit in hits]


LOAD = load_hits()
