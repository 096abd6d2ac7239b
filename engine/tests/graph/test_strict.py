"""Operations that rest on what a handle has read, and those that come on top of anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.graph import ConflictError, ExpectedVersionMismatchError, LoadMode, Merge, Update
from engine.tests.stores import ADA, ADA_BOB, BOB, BOTH, CYD, KNOWS, PERSON, image, open_store
from killpoint.failpoints import arm, park_first

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Graph

STRICT: dict[str, Callable[[Graph], object]] = {
    "update": lambda store: store.update(PERSON, ["ada"], {"age": 50}),
    "delete": lambda store: store.delete(PERSON, ["ada"]),
    "overwrite": lambda store: store.load({PERSON: [CYD]}, LoadMode.OVERWRITE),
    "mutate": lambda store: store.mutate(
        [Merge(PERSON, [CYD]), Update(PERSON, ["ada"], {"age": 50})]
    ),
}
REBASING: dict[str, Callable[[Graph], object]] = {
    "insert": lambda store: store.insert({PERSON: [CYD]}),
    "append": lambda store: store.load({PERSON: [CYD]}),
    "merge": lambda store: store.load({PERSON: [CYD]}, LoadMode.MERGE),
}


@pytest.fixture
def pair(root: Path) -> tuple[Graph, Graph]:
    """Return a handle whose view is old, and the one that went ahead of it."""
    open_store(root, 1).insert(BOTH)
    stale, ahead = open_store(root, 2), open_store(root, 3)
    ahead.update(PERSON, ["ada"], {"age": 37})
    return stale, ahead


@pytest.mark.parametrize("kind", STRICT)
def test_a_strict_operation_on_a_stale_view_is_refused_until_refreshed(
    root: Path, pair: tuple[Graph, Graph], kind: str
) -> None:
    """The refusal tells both versions and what to do, and leaves every byte as it was."""
    stale, _ = pair
    before = image(root)
    for _ in range(2):
        with pytest.raises(ExpectedVersionMismatchError, match=r"stale.*refresh and retry") as told:
            STRICT[kind](stale)
        refusal = told.value
        assert (PERSON, 1, 2) == (refusal.table_key, refusal.expected, refusal.actual)
        assert isinstance(refusal, ConflictError)
    assert before == image(root)
    stale.refresh()
    STRICT[kind](stale)
    assert {PERSON: 3, KNOWS: 1} == stale.pins() == stale.heads()


@pytest.mark.parametrize("kind", REBASING)
def test_a_rebasing_operation_comes_on_top_of_what_is_current(
    pair: tuple[Graph, Graph], kind: str
) -> None:
    """Nothing of the other's work is lost."""
    stale, ahead = pair
    REBASING[kind](stale)
    assert [{"id": "ada", "age": 37}, BOB, CYD] == ahead.read(PERSON)


def test_a_table_counts_as_read_when_its_rows_were_shown(pair: tuple[Graph, Graph]) -> None:
    """Reading another table, or an old version, does not make up for it."""
    stale, _ = pair
    stale.read(KNOWS)
    stale.read(PERSON, 2)
    with pytest.raises(ExpectedVersionMismatchError):
        STRICT["update"](stale)
    stale.read(PERSON)
    STRICT["update"](stale)


def test_writing_on_top_of_the_unknown_does_not_make_it_known(pair: tuple[Graph, Graph]) -> None:
    """A rebased insert has shown its caller nothing; a lost update stays impossible."""
    stale, _ = pair
    stale.insert({PERSON: [CYD]})
    with pytest.raises(ExpectedVersionMismatchError):
        STRICT["update"](stale)


def test_ones_own_changes_are_known(root: Path) -> None:
    """Any number of strict operations follow each other on one handle."""
    store = open_store(root)
    store.insert(BOTH)
    for age in range(3):
        store.update(PERSON, ["ada"], {"age": age})
        store.load({KNOWS: [ADA_BOB]}, LoadMode.OVERWRITE)
    store.delete(PERSON, ["ada"])
    assert [BOB] == store.read(PERSON)


def test_what_a_heal_publishes_was_not_read(root: Path) -> None:
    """The first update failed and took effect later, so the next are told so until it is read."""
    store = open_store(root, 1)
    store.insert({PERSON: [ADA]})
    with arm("phase_c.before_publish=raise(OSError, EIO)"), pytest.raises(OSError, match="5"):
        store.update(PERSON, ["ada"], {"age": 37})
    for _ in range(2):
        with pytest.raises(ExpectedVersionMismatchError):
            store.update(PERSON, ["ada"], {"age": 38})
    assert [{"id": "ada", "age": 37}] == store.read(PERSON)
    store.update(PERSON, ["ada"], {"age": 38})
    assert [{"id": "ada", "age": 38}] == open_store(root, 2).read(PERSON)


def test_an_update_that_overtakes_a_delete_is_not_lost(root: Path) -> None:
    """It lands between the delete's first look and its locks: refused, and no HEAD has moved."""
    open_store(root, 1).insert(BOTH)
    store, other = open_store(root, 1), open_store(root, 2)
    with ThreadPoolExecutor(1) as threads, park_first("sidecar.list.after") as meeting:
        deleting = threads.submit(store.delete, PERSON, ["ada"])
        meeting.wait_until_reached()
        other.update(PERSON, ["ada"], {"age": 37})
        before = image(root)
        meeting.release()
        with pytest.raises(ExpectedVersionMismatchError, match="stale"):
            deleting.result()
    assert before == image(root)
    assert [{"id": "ada", "age": 37}, BOB] == open_store(root, 3).read(PERSON)


def test_ones_own_changes_are_known_on_top_of_maintenance(root: Path) -> None:
    """Another handle puts the rows together in between, which changes none of them."""
    store, other = open_store(root, 1), open_store(root, 2)
    store.insert(BOTH)
    assert (KNOWS, PERSON) == other.optimize().moved
    for age in range(2):
        store.update(PERSON, ["ada"], {"age": age})
    assert [{"id": "ada", "age": 1}, BOB] == store.read(PERSON)
