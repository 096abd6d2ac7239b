"""Wrong engines that take two operations to show, or more, for the fuzz strategy to find.

Most are bugs that have a workload made for them elsewhere; here nothing but an alphabet is given.
`killpoint run scenarios/planted --strategy fuzz` draws on them; how soon it meets one depends on
how much must come together. They never change what is on disk by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.graph import recovery
from engine.kb import operations, points
from engine.kb.journal import Operation
from killpoint.invariants import KEPT_HANDLE, MODEL
from scenarios.graph import fuzzed as graph
from scenarios.kb import fuzzed as kb
from scenarios.planted import branches, graph_schema, maintenance
from scenarios.planted import kb as kb_bugs
from scenarios.planted.patch import Bug, PlantedSystem, put, right

if TYPE_CHECKING:
    from collections.abc import Callable

    from killpoint import Scenario

SOUND = {each.name: each for each in (*graph.DRAWN_FROM, *kb.DRAWN_FROM)}
WRITES, BRANCHES, KB = SOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """A bug, and the name of the alphabet whose operations show it together."""

    bug: Bug
    scenario: str


def _pairing(scenario: str, plant: Callable[[], None], mechanism: str, expected: str) -> Pairing:
    name = plant.__name__
    bug = Bug(name=name, mechanism=mechanism, expected=expected, plant=plant, about=())
    return Pairing(bug=bug, scenario=scenario)


def restore_the_first() -> None:
    """Roll a table back to the version that stood before all others, not before the operation."""
    sound = right(recovery, "_restore")

    def restore(store: Any, sidecar: Any, pin: Any, *told: Any) -> Any:  # noqa: ANN401 -- any step
        return sound(store, sidecar, replace(pin, expected=1), *told)

    put(recovery, "_restore", restore)


def remove_unjournaled() -> None:
    """Delete a document's files one by one; every other change is as it should be."""
    sound = right(operations, "mutate")

    def mutate(section: Any, plan: Any) -> None:  # noqa: ANN401 -- as the right step
        if plan.operation is not Operation.REMOVE:
            sound(section, plan)
            return
        for path in plan.deletes:
            section.store.storage.delete(points.DOWNLOAD_DELETE, path)
        for path, data in plan.writes.items():
            section.store.storage.put(points.PAGE_PUT, path, data)

    put(operations, "mutate", mutate)


PAIRINGS = (
    _pairing(
        WRITES,
        maintenance.bring_rows_back,
        "optimize brings rows back that were marked as gone",
        MODEL,
    ),
    _pairing(
        WRITES,
        restore_the_first,
        "a rollback goes back too far, where the table had been written to before",
        "all or nothing",
    ),
    _pairing(
        WRITES,
        graph_schema.lock_by_a_file,
        "an apply locks the store by a file, which outlives it",
        MODEL,
    ),
    _pairing(
        BRANCHES,
        branches.move_every_branch,
        "what is published on a branch moves the others, too",
        MODEL,
    ),
    _pairing(
        BRANCHES,
        branches.judge_by_main,
        "recovery looks at main for what was done on a branch",
        "manifest equals HEAD",
    ),
    _pairing(
        BRANCHES,
        branches.publish_parts,
        "recovery publishes a merge that nobody has confirmed",
        "all or nothing",
    ),
    _pairing(
        KB,
        remove_unjournaled,
        "a removal deletes its files one by one, and tells nobody",
        MODEL,
    ),
    _pairing(
        KB,
        kb_bugs.drain_at_opening_only,
        "a handle that is open does not settle what others left",
        KEPT_HANDLE,
    ),
)


def fuzz_planted(pairing: Pairing) -> Scenario:
    """Return the scenario that is drawn from with the bug in it."""
    sound = SOUND[pairing.scenario]
    wrong = PlantedSystem(sound.system, pairing.bug.plant)
    return replace(sound, name=f"planted.drawn.{pairing.bug.name}", system=wrong)


DRAWN_FROM = tuple(fuzz_planted(each) for each in PAIRINGS)
