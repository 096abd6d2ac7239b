"""Maintenance parked in the middle, and another handle at work: both get what they came for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.graph import ExpectedVersionMismatchError, TableBusyError
from engine.tests.graph.dead import versions_of, wait_for
from engine.tests.stores import (
    ADA,
    BOB,
    BOTH,
    CYD,
    KNOWS,
    PERSON,
    image,
    kill_at,
    open_store,
    start,
)
from killpoint.failpoints import park_first

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Graph

BUSY_S = 0.05
NEWER = [{**BOB, "age": 42}]
WRITES: dict[str, tuple[Callable[[Graph], object], list[dict[str, object]]]] = {
    "insert": (lambda store: store.insert({PERSON: [CYD]}), [ADA, *NEWER, CYD]),
    "delete": (lambda store: store.delete(PERSON, ["ada"], cascade=True), NEWER),
    "update": (
        lambda store: store.update(PERSON, ["ada"], {"age": 1}),
        [{**ADA, "age": 1}, *NEWER],
    ),
}
PARKED = ["phase_a.before_sidecar", "phase_b.after_commit", "phase_c.before_publish"]


def _scattered(root: Path) -> Graph:
    store = open_store(root, 1)
    store.insert(BOTH)
    store.update(PERSON, ["bob"], {"age": 42})
    return store


@pytest.mark.parametrize("point", PARKED)
@pytest.mark.parametrize("write", WRITES)
def test_a_write_waits_for_an_optimize_and_both_are_there(
    root: Path, write: str, point: str
) -> None:
    """The write is planned on what the optimize leaves, and is not told that its view is stale."""
    store, other = _scattered(root), open_store(root, 2)
    apply, rows = WRITES[write]
    with ThreadPoolExecutor(2) as threads, park_first(point) as meeting:
        optimizing = threads.submit(store.optimize)
        meeting.wait_until_reached()
        writing = threads.submit(apply, other)
        assert not writing.done()
        meeting.release()
        assert (KNOWS, PERSON) == optimizing.result().moved
        writing.result()
    assert rows == open_store(root, 3).read(PERSON)
    assert ((), other.pins()) == (other.pending(), other.heads())


@pytest.mark.parametrize("point", PARKED)
def test_an_optimize_waits_for_a_write_and_takes_it_in(root: Path, point: str) -> None:
    """What is put together is what the write leaves; nothing is skipped or turned back."""
    store, other = _scattered(root), open_store(root, 2)
    with ThreadPoolExecutor(2) as threads, park_first(point) as meeting:
        writing = threads.submit(other.insert, {PERSON: [CYD]})
        meeting.wait_until_reached()
        optimizing = threads.submit(store.optimize)
        meeting.release()
        writing.result()
        assert {} == optimizing.result().skipped
    with pytest.raises(ExpectedVersionMismatchError):
        store.delete(PERSON, ["ada"], cascade=True)  # the write was never shown here
    after = open_store(root, 3)
    assert ([ADA, *NEWER, CYD], ()) == (after.read(PERSON), after.audit())


def test_an_optimize_of_a_living_process_is_left_alone(root: Path) -> None:
    """Parked between its versions: openings, heals, repairs and cleanups change nothing of it."""
    _scattered(root).close()
    with start(root, "optimize", "phase_b.after_commit=hang", incarnation=2) as owner:
        wait_for(versions_of(root, KNOWS), "*2.json")
        before = image(root)
        store = open_store(root, 3, wait_s=BUSY_S)
        store.refresh()
        for refused in (store.repair, store.optimize, lambda: store.insert({PERSON: [CYD]})):
            with pytest.raises(TableBusyError):
                refused()
        assert {"tables/edge.Knows", "tables/node.Person"} == store.cleanup(1).skipped.keys()
        assert before == {path: data for path, data in image(root).items() if path in before}
        owner.kill()
    after = open_store(root, 4)
    assert ([ADA, *NEWER], (KNOWS, PERSON)) == (after.read(PERSON), after.optimize().moved)


def test_a_death_in_a_rollback_of_an_optimize_is_taken_up(root: Path) -> None:
    """Two recoverers, one after the other: one audit row, each table turned back once."""
    _scattered(root).close()
    kill_at(root, "optimize", "phase_b.after_commit=kill@2", incarnation=2)
    kill_at(root, "open", "rollback.after_restore=kill@1", incarnation=3)
    after = open_store(root, 4)
    assert (1, {KNOWS: 3, PERSON: 4}) == (len(after.audit()), after.heads())
    assert ([ADA, *NEWER], after.pins()) == (after.read(PERSON), after.heads())
