"""A store of an older layout, brought up to date by whoever opens it and is killed over it.

It is opened by its first operation, so that the opening is in the workload. The old store is made
from one of today by hand, as `engine/graph/FORMAT.md` describes it. Until the migration is done a
reader is refused, and writes nothing by that.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.graph import OldLayoutError
from engine.graph.record import encode
from engine.graph.schema import schema_path
from killpoint import image
from scenarios.graph.examine import read_only_opening_works
from scenarios.graph.system import SCHEMA, GraphSystem
from scenarios.graph.writes import BEFORE, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports

RUN = "__run__7"
BEFORE_THE_WORKLOAD = ("first-open", "run")


class Late:
    """A handle that is opened when something is first asked of it."""

    def __init__(self, open_store: Callable[[], Graph]) -> None:
        """Open nothing yet."""
        self._open_store = open_store
        self._opened: Graph | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any member of a handle
        if self._opened is None:
            self._opened = self._open_store()
        return getattr(self._opened, name)

    def close(self) -> None:
        """Close it if it was opened."""
        if self._opened is not None:
            self._opened.close()


class OldSystem(GraphSystem):
    """A store of layout 0, in which a run has left its branch."""

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- stands for a handle
        """Open it for writing; a workload's own opening waits for its first operation."""
        opening = partial(super().open, root, ports)
        return Late(opening) if ports.actor in BEFORE_THE_WORKLOAD else opening()

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store of today, and take back what is new in it."""
        super().prepare(root, ports)
        handle = super().open(root, replace(ports, actor="runner"))
        handle.create_branch(RUN)
        handle.close()
        (root / schema_path(SCHEMA.hash)).rename(root / "schema.json")
        (root / "schema").rmdir()
        (root / "graph.json").write_bytes(encode({"engine": "graph"}))


def reading_works_or_is_refused(root: Path) -> Iterable[str]:
    """Open to read; an old layout may be refused, with nothing changed."""
    before = image.capture(root)
    try:
        yield from read_only_opening_works(root)
    except OldLayoutError:
        changed = image.difference(before, image.capture(root))
        if changed:
            yield f"a refused opening changed the store: {changed.describe()}"


SCENARIOS = (
    replace(
        scenario("migrate", BEFORE),
        system=OldSystem(),
        examine=reading_works_or_is_refused,
        kept=(),
    ),
)
