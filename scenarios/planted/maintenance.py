"""Wrong maintenance: each wrong in one step, and found by an invariant of the scenario of its kind.

They never change what an ordinary write does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.graph import repair
from engine.graph.repair import Finding
from scenarios.graph import repair as repairs
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    from killpoint import Scenario


def take_drift_for_harmless() -> None:
    """Believe of every HEAD that it holds what readers see."""
    sound = right(repair, "_examine")

    def examine(*arguments: Any) -> Any:  # noqa: ANN401 -- as the right step
        drift = sound(*arguments)
        return drift and replace(drift, finding=Finding.SAME_ROWS)

    put(repair, "_examine", examine)


def restore_unpublished() -> None:
    """Treat the tables and pretend that the publish went through."""
    put(repair, "_publish", lambda _store, _work, base, _edit: base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A bug, and the sound scenario that finds it."""

    bug: Bug
    scenario: Scenario


PLANTS = (
    Plant(
        bug=Bug(
            name="drift_guessed",
            mechanism="a repair takes every drift for its own and publishes it",
            expected="a repair changes no row",
            plant=take_drift_for_harmless,
        ),
        scenario=repairs.SCENARIOS[0],
    ),
    Plant(
        bug=Bug(
            name="repair_unpublished",
            mechanism="a repair restores the tables and does not publish them",
            expected="only drift that was there is left",
            plant=restore_unpublished,
        ),
        scenario=repairs.SCENARIOS[0],
    ),
)
BUGS = tuple(each.bug for each in PLANTS)


def small(plant: Plant) -> Scenario:
    """Return the workload up to the step that is wrong, judged by the one invariant alone.

    Without follow-ups: what comes next would fail, too, and hide what is wrong.
    """
    sound = plant.scenario
    judge = tuple(each for each in sound.invariants if each.name == plant.bug.expected)
    return replace(sound, operations=sound.operations[:2], invariants=judge, follow_ups=(), kept=())


SCENARIOS = tuple(planted(each.bug, small(each)) for each in PLANTS)
