"""Pages that say of a store's operations and contracts what holds each.

The points of an operation are those that its scenarios pass when they are run, so a page cannot
say more than the code does. Whether a holder exists is a test's to check; whether it holds what is
said here is for whoever reads it. It never writes anything itself.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint import Ports
from killpoint.failpoints import Effect, counting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from killpoint import Scenario

Passed = dict[str, dict[str, int]]
BUG_HEADINGS = ("planted", "does", "like upstream's", "found by")


class Lack(StrEnum):
    """What keeps a statement from being held, or from being held whole."""

    NOTHING = ""
    OPEN = "open"
    ALIEN = "does not apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A statement, what holds it, and what is otherwise here than upstream, or lacks."""

    name: str
    states: str
    by: tuple[str, ...]
    note: str = ""
    lack: Lack = Lack.NOTHING


def held(name: str, states: str, *by: str, note: str = "") -> Held:
    """Return a statement that is held."""
    return Held(name=name, states=states, by=by, note=note)


def lacking(name: str, states: str, *by: str, lack: Lack, why: str) -> Held:
    """Return a statement that is not held, or not whole, and why."""
    return Held(name=name, states=states, by=by, note=why, lack=lack)


def passed_by(scenario: Scenario) -> dict[str, int]:
    """Return how often the workload reaches each point."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "store"
        root.mkdir()
        scenario.system.prepare(root, Ports(incarnation=0, actor="prepare"))
        with counting() as tally:
            handle = scenario.system.open(root, Ports(incarnation=1, actor="run"))
            for operation in scenario.operations:
                operation.apply(handle)
            scenario.system.close(handle)
    return tally.counts


def steps_of(counts: Iterable[str]) -> list[str]:
    """Return the effects and phases that points belong to."""
    return sorted({point.rpartition(".")[0] for point in counts})


def declared_in(*catalogues: ModuleType) -> list[Effect]:
    """Return the effects that a store's own catalogues declare, by name.

    Never what else this process has declared: other stores' effects, those of wrong engines and
    of tests are no part of the page.
    """
    found = (one for each in catalogues for one in vars(each).values())
    return sorted((one for one in found if isinstance(one, Effect)), key=lambda one: one.name)


def point_rows(effects: Iterable[Effect], passed: Passed, prefix: str) -> Iterator[tuple[str, ...]]:
    """Yield each effect: its verb, what is durable before it, and who passes it."""
    for one in effects:
        durable = one.points["before"].durable.rpartition(" (stage")[0]
        yield f"`{one.name}`", one.verb, durable, _by(one, passed, prefix)


def _by(effect: Effect, passed: Passed, prefix: str) -> str:
    names = {point.name for point in effect.points.values()}
    found = [name.removeprefix(prefix) for name, counts in passed.items() if names & counts.keys()]
    if len(found) == len(passed):
        return "all"
    return ", ".join(found) or "recovery only"


def held_rows(statements: Iterable[Held]) -> Iterator[tuple[str, ...]]:
    """Yield each statement with what holds it, and what lacks first."""
    for one in statements:
        by = [f"`{each}`" if "." in each else each for each in one.by]
        note = f"**{one.lack}**: {one.note}" if one.lack else one.note
        yield one.name, one.states, "; ".join([*by, note] if note else by)


def bug_rows(modules: Iterable[ModuleType]) -> Iterator[tuple[str, ...]]:
    """Yield each wrong step that these modules plant, and the invariant that tells of it."""
    for bug in (bug for module in modules for bug in module.BUGS):
        yield f"`planted.{bug.name}`", bug.mechanism, ", ".join(bug.rows), bug.expected


def section(title: str, heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a section with one table."""
    yield f"## {title}\n"
    for row in (heading, ("---",) * len(heading), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""
