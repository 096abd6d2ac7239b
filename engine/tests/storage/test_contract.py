"""What every backend promises; a new one joins by one more parameter of `storage`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.storage import ABSENT, NotFoundError, StaleTokenError, Storage, UnsafePathError
from engine.tests.storage import effects

if TYPE_CHECKING:
    from collections.abc import Callable

RACERS = 8


def test_put_replaces_the_whole_object(storage: Storage) -> None:
    """A shorter content leaves nothing of the longer one behind."""
    storage.put(effects.PUT, "a/b", b"long content")
    storage.put(effects.PUT, "a/b", b"short")
    assert b"short" == storage.get(effects.READ, "a/b")


@pytest.mark.parametrize("path", ["a/none", "none/none", "a"])
def test_what_is_not_there_is_not_found(storage: Storage, path: str) -> None:
    """A missing object, one in a missing directory, and a directory are all no object."""
    storage.put(effects.PUT, "a/b", b"")
    assert not storage.exists(effects.READ, path)
    with pytest.raises(NotFoundError, match=path):
        storage.get(effects.READ, path)


def test_of_all_who_create_one_wins_with_its_whole_content(storage: Storage) -> None:
    """Threads race for one name; the winner's bytes stand, whole."""
    contents = [bytes([65 + racer]) * 10_000 for racer in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as racers:
        won = list(
            racers.map(lambda data: storage.put_if_absent(effects.CREATE, "one", data), contents)
        )
    assert 1 == sum(won)
    assert contents[won.index(True)] == storage.get(effects.READ, "one")


def test_a_swap_needs_the_token_of_the_content_it_replaces(storage: Storage) -> None:
    """The loser is told loudly, and the object stays as it was."""
    first = storage.put_if_match(effects.SWAP, "s", b"1", ABSENT)
    second = storage.put_if_match(effects.SWAP, "s", b"2", first)
    for stale in (ABSENT, first):
        with pytest.raises(StaleTokenError, match="read it again"):
            storage.put_if_match(effects.SWAP, "s", b"lost", stale)
    found = storage.get_versioned(effects.READ, "s")
    assert (b"2", second) == (found.data, found.token)


def test_equal_content_of_another_generation_is_no_match(storage: Storage) -> None:
    """A token from before content came back (A, B, A again) does not fit any more."""
    old = storage.put_if_match(effects.SWAP, "s", b"A", ABSENT)
    other = storage.put_if_match(effects.SWAP, "s", b"B", old)
    storage.put_if_match(effects.SWAP, "s", b"A", other)
    with pytest.raises(StaleTokenError):
        storage.put_if_match(effects.SWAP, "s", b"C", old)


def test_racing_swaps_lose_no_update(storage: Storage) -> None:
    """Every thread adds one, retrying when it lost; nothing is lost on the way."""
    storage.put_if_match(effects.SWAP, "n", b"0", ABSENT)

    def add_one() -> None:
        while True:
            found = storage.get_versioned(effects.READ, "n")
            try:
                data = b"%d" % (int(found.data) + 1)
                storage.put_if_match(effects.SWAP, "n", data, found.token)
            except StaleTokenError:
                continue
            return

    with ThreadPoolExecutor(RACERS) as racers:
        for done in [racers.submit(add_one) for _ in range(RACERS)]:
            done.result()
    assert b"%d" % RACERS == storage.get_versioned(effects.READ, "n").data


def test_a_listing_is_sorted_and_keeps_to_its_directory(storage: Storage) -> None:
    """A sibling whose name begins alike is not in it; an absent directory is an empty one."""
    for path in ("t/b", "t/a/c", "t2/x", "t.json"):
        storage.put(effects.PUT, path, b"")
    assert ["t/a/c", "t/b"] == storage.list(effects.LIST, "t")
    assert ["t.json", "t/a/c", "t/b", "t2/x"] == storage.list(effects.LIST, "")
    assert [] == storage.list(effects.LIST, "none")


def test_deleting_again_is_harmless(storage: Storage) -> None:
    """What is gone stays gone, without an error."""
    storage.put(effects.PUT, "a/b", b"")
    storage.delete(effects.DELETE, "a/b")
    storage.delete(effects.DELETE, "a/b")
    storage.delete(effects.DELETE, "none/none")
    assert [] == storage.list(effects.LIST, "")


def test_deleting_a_prefix_leaves_no_skeleton_and_no_sibling_harmed(storage: Storage) -> None:
    """The directories go too; a name that begins alike stays; again is harmless."""
    for path in ("t/a/b/c", "t/d", "t2/x"):
        storage.put(effects.PUT, path, b"")
    for _ in range(2):
        storage.delete_prefix(effects.DELETE_PREFIX, "t")
        assert ["t2/x"] == storage.list(effects.LIST, "")
    storage.put(effects.PUT, "t/a/b/c", b"again")
    assert b"again" == storage.get(effects.READ, "t/a/b/c")


def test_a_rename_makes_the_directory_and_replaces_the_target(storage: Storage) -> None:
    """The source is gone, the target has its content; without a source nothing happens."""
    storage.put(effects.PUT, "old", b"new")
    storage.put(effects.PUT, "to/here", b"old")
    storage.rename(effects.RENAME, "old", "to/here")
    storage.rename(effects.RENAME, "to/here", "far/away/now")
    assert ["far/away/now"] == storage.list(effects.LIST, "")
    with pytest.raises(NotFoundError):
        storage.rename(effects.RENAME, "old", "to/here")


VERBS: list[Callable[[Storage, str], object]] = [
    lambda storage, path: storage.put(effects.PUT, path, b""),
    lambda storage, path: storage.put_if_absent(effects.CREATE, path, b""),
    lambda storage, path: storage.put_if_match(effects.SWAP, path, b"", ABSENT),
    lambda storage, path: storage.get(effects.READ, path),
    lambda storage, path: storage.exists(effects.READ, path),
    lambda storage, path: storage.delete(effects.DELETE, path),
    lambda storage, path: storage.delete_prefix(effects.DELETE_PREFIX, path),
    lambda storage, path: storage.delete_all(effects.DELETE_ALL, [path]),
    lambda storage, path: storage.clone(effects.CLONE, path, "target"),
    lambda storage, path: storage.clone(effects.CLONE, "source", path),
    lambda storage, path: storage.rename(effects.RENAME, path, "target"),
    lambda storage, path: storage.rename(effects.RENAME, "source", path),
]


@pytest.mark.parametrize(
    "path",
    ["", "/abs", "../up", "a/../../up", "a//b", "a/./b", "a/", "a\\b", "a\0b", "tmp/x", "fence"],
)
def test_no_verb_takes_a_path_out_of_the_root(storage: Storage, path: str) -> None:
    """Nor one that the backend keeps for itself."""
    for verb in VERBS:
        with pytest.raises(UnsafePathError, match="use a relative path"):
            verb(storage, path)
