"""Two handles on one store: what an old view may not do, whatever dies meanwhile.

Each first operation lets one handle go ahead and the other, which has not seen it, be refused; the
next one shows that it goes on. It never relies on time: the handles take turns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import graph
from engine.graph import CardinalityError, ExpectedVersionMismatchError, MissingReferenceError
from killpoint import Operation
from scenarios.graph.rows import edge
from scenarios.graph.system import KNOWS, PERSON, GraphSystem, ports_of
from scenarios.graph.writes import scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports


class NotRefusedError(Exception):
    """A handle with an old view was let through."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two handles; whatever else is asked of the pair is asked of the first."""

    first: Graph
    second: Graph

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any member of a handle
        return getattr(self.first, name)

    def close(self) -> None:
        """Close both."""
        self.second.close()
        self.first.close()


class PairSystem(GraphSystem):
    """A store that is opened twice in one process."""

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- stands for a handle
        """Open both handles, the second after the first has recovered what there was."""
        first = super().open(root, ports)
        return Pair(first, graph.open(root, *ports_of(ports, "b")))


def is_refused(error: type[Exception], call: Callable[[], object]) -> None:
    """Make the call, and be content if it raises this error only."""
    try:
        call()
    except error:
        return
    raise NotRefusedError


def update_behind(pair: Pair) -> None:
    """Let the second handle update a row that the first has read and now updates, too."""
    pair.second.update(PERSON, ["ada"], {"age": 40})
    is_refused(
        ExpectedVersionMismatchError, lambda: pair.first.update(PERSON, ["ada"], {"age": 41})
    )


def refresh_and_update(pair: Pair) -> object:
    """Do what the refusal said."""
    pair.first.refresh()
    return pair.first.update(PERSON, ["ada"], {"age": 41})


def fill_behind(pair: Pair) -> None:
    """Let the second handle insert as many edges as may be, and the first one more."""
    pair.second.insert({KNOWS: [edge("bob", "ada"), edge("bob", "bob")]})
    third = {**edge("bob", "ada"), "id": "bob-ada-again"}
    is_refused(CardinalityError, lambda: pair.first.insert({KNOWS: [third]}))


def delete_behind(pair: Pair) -> None:
    """Let the second handle take a person away, and the first refer to it."""
    pair.second.delete(PERSON, ["bob"], cascade=True)
    is_refused(MissingReferenceError, lambda: pair.first.insert({KNOWS: [edge("ada", "bob")]}))


SCENARIOS = tuple(
    replace(each, system=PairSystem())
    for each in (
        scenario(
            "strict",
            Operation("update on a stale view", update_behind),
            Operation("refresh and update", refresh_and_update),
        ),
        scenario(
            "rules",
            Operation("exceed the maximum on a stale view", fill_behind),
            Operation("refer to what is gone on a stale view", delete_behind),
        ),
    )
)
