"""A handle that outlives the failure of its operation, and may then be killed while it heals.

A storage that fails once, when told to, stands between the engine and the disk; the failure comes
before the verb does anything. It never fails by itself, and takes no notice of anything else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import graph
from engine.graph import DriftAdvice, DriftError, points
from engine.storage import Local, NotFoundError
from killpoint import Operation, Reopened, invariant
from killpoint.history import Outcome
from scenarios.graph.invariants import INVARIANTS_OF_THE_LIVING
from scenarios.graph.pair import NotRefusedError, is_refused
from scenarios.graph.rows import people
from scenarios.graph.system import CITY, GraphSystem, ports_of
from scenarios.graph.writes import AFTER, scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports
    from killpoint.failpoints import Effect


SIDECAR_LIST = f"{points.SIDECAR_LIST.name}."


class FailedError(OSError):
    """What the storage raises when it was told to fail."""


class PassedOverError(AssertionError):
    """An opening for writing returned, and has left somebody dead as it was."""


class Failing:
    """A storage whose next creation of a kind can be made to fail, and every delete besides."""

    def __init__(self, storage: Local) -> None:
        """Pass everything on until told otherwise."""
        self._storage = storage
        self._due: list[Effect] = []
        self._deletes = True
        self.was_told_gone = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any verb of a storage
        return getattr(self._storage, name)

    @contextmanager
    def failing(
        self, effect: Effect, occurrence: int = 1, *, deletes: bool = True
    ) -> Iterator[None]:
        """Let the n-th creation of this kind in the block fail, and none after it."""
        self._due, self._deletes = [effect] * occurrence, deletes
        try:
            yield
        finally:
            self._due, self._deletes = [], True

    def get(self, effect: Effect, path: str) -> bytes:
        """Read the object, and remember when a sidecar was said to be gone."""
        try:
            return self._storage.get(effect, path)
        except NotFoundError:
            self.was_told_gone = self.was_told_gone or effect == points.SIDECAR_READ
            raise

    def delete(self, effect: Effect, path: str) -> None:
        """Delete the object, or fail before anything has happened."""
        if not self._deletes:
            raise FailedError
        self._storage.delete(effect, path)

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Create the object, or fail before anything has happened."""
        if effect in self._due:
            self._due.pop()
            if not self._due:
                raise FailedError
        return self._storage.put_if_absent(effect, path, data)


class Live:
    """A handle and its storage; whatever else is asked is asked of the handle."""

    def __init__(self, root: Path, ports: Ports) -> None:
        """Open the store on a storage that can fail."""
        self._clock, self._ids = ports_of(ports)
        self.storage = Failing(Local(str(root), ids=self._ids))
        self.open()

    def open(self) -> None:
        """Open the store, again if it is open."""
        self.handle: Graph = graph.open(self.storage, self._clock, self._ids)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any member of a handle
        return getattr(self.handle, name)

    def insert_and_fail(self, effect: Effect, occurrence: int = 1, *, deletes: bool = True) -> None:
        """Insert eve, which fails at the n-th creation of this kind."""
        with self.storage.failing(effect, occurrence, deletes=deletes):
            is_refused(FailedError, lambda: self.handle.insert(people("eve")))


class LiveSystem(GraphSystem):
    """A store on a storage that can fail."""

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- stands for a handle
        """Open it for writing."""
        return Live(root, ports)


def publish_by_refresh(live: Live) -> None:
    """Fail between the tables and the publish; refreshing publishes what is whole."""
    live.insert_and_fail(points.MANIFEST_PUBLISH)
    live.handle.refresh()


def go_on_elsewhere(live: Live) -> DriftAdvice:
    """Fail between the tables: that needs an opening, and stands in the way of nothing else.

    Returns what the handle was told to do about it.
    """
    live.insert_and_fail(points.TABLE_COMMIT, 2)
    live.handle.insert({CITY: [{"id": "leeds", "people": 5}]})
    try:
        live.handle.insert(people("gus"))
    except DriftError as refusal:
        return refusal.advice
    raise NotRefusedError


@invariant("advice is not guessed")
def advice_is_not_guessed(store: Reopened) -> Iterable[str]:
    """Who cannot list the sidecars does not say that none of them covers a drift.

    Verifies: the advice that an acknowledged operation was given, where a listing failed.
    Does not verify: its words, nor what is said of a sidecar that was gone when it was read.
    """
    if any(each.startswith(SIDECAR_LIST) for each in store.struck):
        for each in store.history.operations:
            if each.outcome is Outcome.ACKNOWLEDGED and each.detail == DriftAdvice.UNCOVERED:
                yield f"{each.name!r} was told that drift is {each.detail}; a sidecar covers it"


def reopen(live: Live) -> object:
    """Fail between the tables, and have an opening turn that back before going on.

    The handle before is closed when the next one is open, and goes on where there is none. What
    was gone when it was looked at is nobody's to recover, and no opening has passed it over.
    """
    live.insert_and_fail(points.TABLE_COMMIT, 2)
    before = live.handle
    live.open()
    before.close()
    if live.handle.pending() and not live.storage.was_told_gone:
        raise PassedOverError
    return live.handle.insert(people("gus"))


def try_again(live: Live) -> object:
    """Fail before the first table: the intent is taken back, and the same can be done again."""
    live.insert_and_fail(points.TABLE_COMMIT)
    return live.handle.insert(people("eve"))


def try_again_over_the_intent(live: Live) -> object:
    """The same, and the intent cannot be taken back: the next write closes it."""
    live.insert_and_fail(points.TABLE_COMMIT, deletes=False)
    return live.handle.insert(people("eve"))


SCENARIOS = tuple(
    replace(
        each,
        system=LiveSystem(),
        invariants=(*INVARIANTS_OF_THE_LIVING, advice_is_not_guessed),
    )
    for each in (
        scenario("heal", Operation("insert eve, heal by refresh", publish_by_refresh), AFTER),
        scenario(
            "defer",
            Operation("fail between tables, go on elsewhere", go_on_elsewhere),
            Operation("update a city", lambda handle: handle.update(CITY, ["york"], {"people": 8})),
        ),
        scenario("reopen", Operation("fail between tables, reopen, insert gus", reopen), AFTER),
        scenario("withdraw", Operation("insert eve, again", try_again), AFTER),
        scenario(
            "abandon",
            Operation("insert eve over her intent", try_again_over_the_intent),
            AFTER,
        ),
    )
)
