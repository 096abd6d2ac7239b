"""Put a wrong step in the place of a right one, in the children of a case only.

A planted scenario is a sound one whose system is wrapped: before it opens the store, one function
of the engine is replaced in that process. The warm parent and every other scenario keep the right
one. Everything else of the scenario stays as it is, so that what finds the bug is what would have
found it. It never touches a file of an engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from scenarios.planted.sound import sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from killpoint import Ports, Scenario, System


class Search(StrEnum):
    """The strategy that is expected to find a bug."""

    KILL = "kill"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A wrong engine: what it does in one sentence, and the invariant expected to say so.

    `about` names the sound scenarios of the operation that is wrong, in the order of a campaign.
    `rows` are the historical bugs that it is or repeats: numbers and letters of the specification.
    `operations_count` keeps the first operations only, where the others cannot even be prepared.
    `slip` is what Python says of the mistake, where it is one that Python itself notices.
    """

    name: str
    mechanism: str
    expected: str
    plant: Callable[[], None]
    about: tuple[str, ...]
    rows: tuple[str, ...] = ()
    operations_count: int | None = None
    slip: str = ""
    by: Search = Search.KILL


@dataclass(frozen=True, slots=True)
class PlantedSystem:
    """A system in whose processes something is planted before the store is opened.

    `finish` is called after it was closed, for what the planted step has put off.
    """

    system: System
    plant: Callable[[], object]
    finish: Callable[[], object] = bool

    def prepare(self, root: Path, ports: Ports) -> None:
        """Prepare as the sound system does."""
        self.system.prepare(root, ports)

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- the system's own handle
        """Plant it in this process, then open."""
        self.plant()
        return self.system.open(root, ports)

    def observe(self, handle: Any) -> Any:  # noqa: ANN401 -- as above
        """Observe as the sound system does."""
        return self.system.observe(handle)

    def close(self, handle: Any) -> None:  # noqa: ANN401 -- as above
        """Close as the sound system does."""
        self.system.close(handle)
        self.finish()


def right(module: ModuleType | type, name: str) -> Any:  # noqa: ANN401 -- any step
    """Return the step that stands there now."""
    return getattr(module, name)


def put(module: ModuleType | type, name: str, wrong: object) -> None:
    """Put a wrong step in the place of the right one, in this process."""
    right(module, name)
    setattr(module, name, wrong)


def planted(bug: Bug) -> tuple[Scenario, ...]:
    """Return the scenarios of the operation with the bug in them, named after it and them."""
    return tuple(
        replace(
            each,
            name=f"planted.{bug.name}.{each.name.partition('.')[2]}",
            system=PlantedSystem(each.system, bug.plant),
            operations=each.operations[: bug.operations_count],
        )
        for each in map(sound, bug.about)
    )
