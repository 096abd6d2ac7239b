"""A handle that outlives the failure of its operation, and may then be killed while it heals.

A storage that fails once, when told to, stands between the engine and the disk; the failure comes
before the verb does anything. It never fails by itself, and takes no notice of anything else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import graph
from engine.graph import DriftError, points
from engine.storage import Local
from killpoint import Operation
from scenarios.graph.invariants import INVARIANTS_OF_THE_LIVING
from scenarios.graph.pair import is_refused
from scenarios.graph.rows import people
from scenarios.graph.system import CITY, GraphSystem, ports_of
from scenarios.graph.writes import AFTER, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports
    from killpoint.failpoints import Effect


class FailedError(OSError):
    """What the storage raises when it was told to fail."""


class Failing:
    """A storage whose next creation of a kind can be made to fail."""

    def __init__(self, storage: Local) -> None:
        """Pass everything on until told otherwise."""
        self._storage = storage
        self._due: list[Effect] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any verb of a storage
        return getattr(self._storage, name)

    @contextmanager
    def failing(self, effect: Effect, occurrence: int = 1) -> Iterator[None]:
        """Let the n-th creation of this kind in the block fail, and none after it."""
        self._due = [effect] * occurrence
        try:
            yield
        finally:
            self._due = []

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
        clock, ids = ports_of(ports)
        self.storage = Failing(Local(str(root), ids=ids))
        self.handle: Graph = graph.open(self.storage, clock, ids)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any member of a handle
        return getattr(self.handle, name)

    def insert_and_fail(self, effect: Effect, occurrence: int = 1) -> None:
        """Insert eve, which fails at the n-th creation of this kind."""
        with self.storage.failing(effect, occurrence):
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


def go_on_elsewhere(live: Live) -> None:
    """Fail between the tables: that needs an opening, and stands in the way of nothing else."""
    live.insert_and_fail(points.TABLE_COMMIT, 2)
    live.handle.insert({CITY: [{"id": "leeds", "people": 5}]})
    is_refused(DriftError, lambda: live.handle.insert(people("gus")))


def try_again(live: Live) -> object:
    """Fail before the first table: the intent is taken back, and the same can be done again."""
    live.insert_and_fail(points.TABLE_COMMIT)
    return live.handle.insert(people("eve"))


SCENARIOS = tuple(
    replace(
        each,
        system=LiveSystem(),
        invariants=INVARIANTS_OF_THE_LIVING,
    )
    for each in (
        scenario("heal", Operation("insert eve, heal by refresh", publish_by_refresh), AFTER),
        scenario(
            "defer",
            Operation("fail between tables, go on elsewhere", go_on_elsewhere),
            Operation("update a city", lambda handle: handle.update(CITY, ["york"], {"people": 8})),
        ),
        scenario("withdraw", Operation("insert eve, again", try_again), AFTER),
    )
)
