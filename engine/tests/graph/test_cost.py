"""What a call costs, counted at the seam by kind of file: bounds, and flat over a long history.

Counts, not seconds: a count that grows with the history is found on any machine. Where nothing is
put together it does grow, and one test says so, so that the flat ones are known to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import graph
from engine.graph import AddColumn, ColumnType
from engine.storage import CountedClock, CountedIds, Durability, Local
from engine.tests.stores import ADA_BOB, BOTH, CYD, KNOWS, PERSON, make_store
from killpoint.failpoints import counting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Graph

SHALLOW, DEEP = 3, 30


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """Return a second empty store, for the long history."""
    return make_store(tmp_path / "deep")


WRITES: dict[str, Callable[[Graph], object]] = {
    "insert": lambda store: store.insert({PERSON: [CYD]}),
    "update": lambda store: store.update(PERSON, ["ada"], {"age": 1}),
    "delete": lambda store: store.delete(PERSON, ["p1"]),
    "two tables": lambda store: store.insert(
        {PERSON: [CYD], KNOWS: [{**ADA_BOB, "id": "again"}]},
    ),
}
READS: dict[str, Callable[[Graph], object]] = {
    "read": lambda store: store.read(PERSON),
    "find": lambda store: store.find(PERSON, "id", "ada"),
    "read before": lambda store: store.read(PERSON, store.version() - 1),
}


def _opened(root: Path, incarnation: int) -> Graph:
    ids = CountedIds(incarnation=incarnation, actor="w")
    storage = Local(str(root), ids=ids, durability=Durability.NONE)
    return graph.open(storage, CountedClock(incarnation=incarnation), ids)


def _with_history(root: Path, depth: int, *, optimized: bool) -> Graph:
    """Return a handle that has just made so many operations, each with a fragment of its own."""
    store = _opened(root, 1)
    store.insert(BOTH)
    for number in range(depth):
        store.insert({PERSON: [{"id": f"p{number}", "age": number}]})
    if optimized:
        store.optimize()
    return store


def _asked(store: Graph, call: Callable[[Graph], object]) -> dict[str, int]:
    """Return how often each effect was asked for, by name."""
    with counting() as tally:
        call(store)
    return _by_effect(tally.counts, "before")


def _answered(store: Graph, call: Callable[[Graph], object]) -> dict[str, int]:
    """Return how often each effect had something to show: a file that is missing does not count."""
    with counting() as tally:
        call(store)
    return _by_effect(tally.counts, "after")


def _by_effect(counts: dict[str, int], stage: str) -> dict[str, int]:
    suffix = f".{stage}"
    return {
        name.removesuffix(suffix): count
        for name, count in counts.items()
        if name.endswith(suffix) and name.count(".") > 1
    }


def test_a_keyed_write_in_the_steady_state(root: Path) -> None:
    """One list, one file of each kind written, the table opened once, the schema not at all."""
    store = _with_history(root, SHALLOW, optimized=False)
    assert {
        "sidecar.list": 1,
        "table.read": 1,
        "fragment.read": 1,  # the newest one; the others this handle knows
        "fragment.put": 1,
        "sidecar.put": 1,
        "table.commit": 1,
        "manifest.publish": 1,
        "sidecar.delete": 1,
    } == _answered(store, WRITES["update"])


@pytest.mark.parametrize("write", WRITES)
def test_a_write_opens_a_table_once_at_most(root: Path, write: str) -> None:
    """Also by a handle that knows nothing yet: one version file a table, and each fragment once."""
    store = _with_history(root, SHALLOW, optimized=False)
    store.close()
    with counting() as tally:
        WRITES[write](_opened(root, 2))
    read = [hit.footprint for hit in tally.hits if hit.point == "table.read.after"]
    tables = {path.split("/")[1] for path in read}
    assert len(tables) == len(read) <= (2 if write == "two tables" else 1)
    fragments = [hit.footprint for hit in tally.hits if hit.point == "fragment.read.after"]
    assert len(set(fragments)) == len(fragments)


def test_the_schema_is_read_once_where_it_has_changed_and_else_never(root: Path) -> None:
    """A manifest names it by hash, so that what a handle has read is known to be current."""
    store, other = _opened(root, 1), _opened(root, 2)
    store.insert(BOTH)
    assert "schema.read" not in _asked(store, WRITES["update"])
    other.apply_schema([AddColumn(PERSON, "size", ColumnType.INT, 1)])
    grown = {**CYD, "size": 2}
    assert 1 == _asked(store, lambda one: one.insert({PERSON: [grown]}))["schema.read"]
    again = [{**ADA_BOB, "id": "again"}]
    assert "schema.read" not in _asked(store, lambda one: one.insert({KNOWS: again}))


@pytest.mark.parametrize("call", [*WRITES, *READS])
def test_a_handle_that_has_lived_long_pays_no_more(root: Path, deep: Path, call: str) -> None:
    """Every effect is asked for as often after many operations as after few."""
    work = {**WRITES, **READS}[call]
    few = _asked(_with_history(root, SHALLOW, optimized=False), work)
    many = _asked(_with_history(deep, DEEP, optimized=False), work)
    assert few == many


def _cold(root: Path, depth: int, call: str, *, optimized: bool) -> dict[str, int]:
    """Return what a call costs together with opening the store for it."""
    _with_history(root, depth, optimized=optimized).close()
    work = {**WRITES, **READS}[call]
    with counting() as tally:
        work(_opened(root, 2))
    return _by_effect(tally.counts, "before")


@pytest.mark.parametrize("call", [*WRITES, "read", "find"])
def test_a_new_handle_on_an_optimized_store_pays_no_more(root: Path, deep: Path, call: str) -> None:
    """Opening and the first call: flat over the history."""
    few, many = (
        _cold(place, depth, call, optimized=True)
        for place, depth in ((root, SHALLOW), (deep, DEEP))
    )
    assert few == many


@pytest.mark.parametrize("call", ["insert", "update", "read"])
def test_without_optimize_a_new_handle_pays_for_every_operation(
    root: Path, deep: Path, call: str
) -> None:
    """The tripwire: exactly the fragments grow, one an operation, and nothing else does."""
    few = _cold(root, SHALLOW, call, optimized=False)
    many = _cold(deep, DEEP, call, optimized=False)
    assert few["fragment.read"] + DEEP - SHALLOW == many["fragment.read"]
    assert {**few, "fragment.read": 0} == {**many, "fragment.read": 0}


def test_maintenance_that_finds_nothing_asks_for_little(root: Path) -> None:
    """One list, no lock of a table, nothing written, nothing read but the newest versions."""
    store = _with_history(root, DEEP, optimized=True)
    for care in (lambda one: one.optimize(), lambda one: one.ensure_indices()):
        asked = _asked(store, care)
        assert {"sidecar.list", "manifest.read", "table.read"} >= asked.keys()
        assert 1 == asked["sidecar.list"]
