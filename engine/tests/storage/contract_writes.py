"""The rows of the contract about what becomes visible, when, to whom, and who wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

import pytest

from engine.storage import ABSENT, NotFoundError, StaleTokenError, StorageError
from engine.tests.storage import effects
from engine.tests.storage.adding import add
from engine.tests.storage.place import Place, finished
from killpoint.failpoints import Hit, Seam, arm, counting, push, remove

RACERS = 8
OLD = b"old " * 1_000
NEW = b"new content"
WRITES = ("trial.put.", "trial.create.", "trial.swap.")


def a_put_replaces_the_whole_content(place: Place) -> None:
    """A shorter content leaves nothing of the longer one behind."""
    place.storage.put(effects.PUT, "a/b", OLD)
    place.storage.put(effects.PUT, "a/b", b"short")
    assert b"short" == place.storage.get(effects.READ, "a/b")


def what_a_verb_returned_from_is_seen_by_another_handle(place: Place) -> None:
    """At once: nothing waits in a buffer of the writer."""
    _write_all_ways(place)
    other = place.again()
    assert b"1" == other.get(effects.READ, "put")
    assert b"2" == other.get(effects.READ, "made")
    assert b"3" == other.get_versioned(effects.READ, "swapped").data


def what_a_verb_returned_from_is_seen_by_another_process(place: Place) -> None:
    """At once, and while the writer lives and holds its storage open."""
    _write_all_ways(place)
    assert "1" == place.elsewhere("get", "put")
    assert "2" == place.elsewhere("get", "made")
    assert "3" == place.elsewhere("versioned", "swapped")


def readers_see_the_old_content_or_the_new_at_every_step(place: Place) -> None:
    """Another handle reads at each point of each way of writing: never half, never empty."""
    swapped = place.storage.put_if_match(effects.SWAP, "swapped", OLD, ABSENT)
    place.storage.put(effects.PUT, "put", OLD)
    reader = place.again()
    seen: dict[str, set[bytes]] = {"put": set(), "made": set(), "swapped": set()}

    def look() -> None:
        for path, contents in seen.items():
            try:
                body = reader.get(effects.READ, path)
            except NotFoundError:
                body = b"nothing"
            contents.add(body.partition(b"\n")[2] if path == "swapped" else body)

    with _at_every_write(look):
        place.storage.put(effects.PUT, "put", NEW)
        place.storage.put_if_absent(effects.CREATE, "made", NEW)
        place.storage.put_if_match(effects.SWAP, "swapped", NEW, swapped)
    assert {"put": {OLD, NEW}, "made": {b"nothing", NEW}, "swapped": {OLD, NEW}} == seen


def a_write_that_fails_leaves_the_old_content_or_the_new(place: Place) -> None:
    """Whichever step fails: whole, and nothing beside it in the listing."""
    place.storage.put(effects.PUT, "a", OLD)
    with counting() as tally:
        place.storage.put(effects.PUT, "a", OLD)
    failed = 0
    for point in sorted(point for point in tally.counts if point.startswith("trial.put.")):
        with arm(f"{point}=raise(OSError, EIO)"), pytest.raises((StorageError, OSError)):
            place.storage.put(effects.PUT, "a", NEW)
        failed += 1
        assert place.again().get(effects.READ, "a") in {OLD, NEW}, point
        assert ["a"] == place.storage.list(effects.LIST, ""), point
    assert failed > 3, "a put has more steps than that"


def of_all_threads_that_create_one_wins_with_its_whole_content(place: Place) -> None:
    """The winner's bytes stand, whole; losing changes nothing."""
    contents = [bytes([65 + racer]) * 10_000 for racer in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as racers:
        won = list(
            racers.map(
                lambda data: place.storage.put_if_absent(effects.CREATE, "one", data), contents
            )
        )
    assert 1 == sum(won)
    assert contents[won.index(True)] == place.storage.get(effects.READ, "one")
    assert not place.storage.put_if_absent(effects.CREATE, "one", b"late")
    assert contents[won.index(True)] == place.storage.get(effects.READ, "one")


def of_all_processes_that_create_one_wins_with_its_whole_content(place: Place) -> None:
    """Each of many names belongs to exactly one of them, and has its content."""
    names = [f"made/{number}" for number in range(20)]
    racers = {who: place.start("create", who, *names) for who in ("one", "two")}
    own = [one for one in names if place.storage.put_if_absent(effects.CREATE, one, b"this")]
    won = {"this": own, **{who: finished(racer).split() for who, racer in racers.items()}}
    assert sorted(names) == sorted(chain.from_iterable(won.values()))
    for who, paths in won.items():
        assert {who.encode()} >= {place.storage.get(effects.READ, path) for path in paths}


def a_swap_needs_the_token_of_the_content_it_replaces(place: Place) -> None:
    """The loser is told loudly, and the object stays as it was."""
    storage = place.storage
    first = storage.put_if_match(effects.SWAP, "s", b"1", ABSENT)
    second = storage.put_if_match(effects.SWAP, "s", b"2", first)
    for stale in (ABSENT, first):
        with pytest.raises(StaleTokenError, match="read it again"):
            storage.put_if_match(effects.SWAP, "s", b"lost", stale)
    with pytest.raises(StaleTokenError):
        storage.put_if_match(effects.SWAP, "none", b"lost", second)
    found = place.again().get_versioned(effects.READ, "s")
    assert (b"2", second) == (found.data, found.token)
    storage.put_if_match(effects.SWAP, "s", b"3", found.token)


def equal_content_of_another_generation_is_no_match(place: Place) -> None:
    """A token from before content came back (A, B, A again) does not fit any more."""
    old = place.storage.put_if_match(effects.SWAP, "s", b"A", ABSENT)
    other = place.storage.put_if_match(effects.SWAP, "s", b"B", old)
    place.storage.put_if_match(effects.SWAP, "s", b"A", other)
    with pytest.raises(StaleTokenError):
        place.storage.put_if_match(effects.SWAP, "s", b"C", old)


def racing_swaps_of_threads_lose_no_update(place: Place) -> None:
    """Every thread adds one, however long it takes between its comparison and its write."""
    place.storage.put_if_match(effects.SWAP, "n", b"0", ABSENT)
    with arm("trial.swap.created=sleep(2)"), ThreadPoolExecutor(RACERS) as racers:
        for done in [racers.submit(add, place.again(), "n", 1) for _ in range(RACERS)]:
            done.result()
    assert b"%d" % RACERS == place.storage.get_versioned(effects.READ, "n").data


def racing_swaps_of_processes_lose_no_update(place: Place) -> None:
    """Two others add to the same number; this one does for as long as they do."""
    place.storage.put_if_match(effects.SWAP, "n", b"0", ABSENT)
    racers = [place.start("add", "n", "20") for _ in range(2)]
    own = 0
    with arm("trial.swap.created=sleep(2)"):
        while any(racer.poll() is None for racer in racers):
            add(place.storage, "n", 1)
            own += 1
    assert ["", ""] == [finished(racer) for racer in racers]
    assert b"%d" % (40 + own) == place.storage.get_versioned(effects.READ, "n").data


def losing_a_swap_to_another_process_is_loud(place: Place) -> None:
    """On either side of it."""
    first = place.storage.put_if_match(effects.SWAP, "s", b"1", ABSENT)
    second = place.elsewhere("swap", "s", "2", first)
    with pytest.raises(StaleTokenError):
        place.storage.put_if_match(effects.SWAP, "s", b"lost", first)
    assert place.elsewhere("swap", "s", "lost", first).startswith("StaleTokenError")
    found = place.storage.get_versioned(effects.READ, "s")
    assert (b"2", second) == (found.data, found.token)


def _write_all_ways(place: Place) -> None:
    """Make one object in each way there is."""
    place.storage.put(effects.PUT, "put", b"1")
    assert place.storage.put_if_absent(effects.CREATE, "made", b"2")
    place.storage.put_if_match(effects.SWAP, "swapped", b"3", ABSENT)


@contextmanager
def _at_every_write(look: Callable[[], None]) -> Iterator[None]:
    """Call it at every point of a write, in the thread of the writer."""

    def observe(hit: Hit) -> None:
        if hit.point.startswith(WRITES):
            look()

    observer = push(Seam(observe=observe))
    try:
        yield
    finally:
        remove(observer)


WRITING = (
    a_put_replaces_the_whole_content,
    what_a_verb_returned_from_is_seen_by_another_handle,
    what_a_verb_returned_from_is_seen_by_another_process,
    readers_see_the_old_content_or_the_new_at_every_step,
    a_write_that_fails_leaves_the_old_content_or_the_new,
    of_all_threads_that_create_one_wins_with_its_whole_content,
    of_all_processes_that_create_one_wins_with_its_whole_content,
    a_swap_needs_the_token_of_the_content_it_replaces,
    equal_content_of_another_generation_is_no_match,
    racing_swaps_of_threads_lose_no_update,
    racing_swaps_of_processes_lose_no_update,
    losing_a_swap_to_another_process_is_loud,
)
