"""Wrong maintenance: each wrong in one step, and found by an invariant of the scenario of its kind.

They never change what an ordinary write does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.graph import cleanup, repair
from engine.graph.repair import Finding
from scenarios.graph import cleanup as cleanups
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


def keep_the_newest_only() -> None:
    """Remove what older graph versions show, kept ones too."""
    sound = right(cleanup, "_kept")

    def kept(store: Any, shown: Any, directory: str) -> Any:  # noqa: ANN401 -- as the right step
        return sound(store, [*shown][-1:], directory)

    put(cleanup, "_kept", kept)


def tell_no_horizon() -> None:
    """Remove versions, and let readers find damage where they were."""
    put(cleanup, "move_horizon", lambda *_: None)


def leave_fragments() -> None:
    """Remove versions, and leave the fragments that only they named."""
    put(cleanup, "_remove_fragments", lambda *_: 0)


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
    Plant(
        bug=Bug(
            name="kept_too_few",
            mechanism="cleanup removes a version that a kept graph version shows",
            expected="what is kept reads the same",
            plant=keep_the_newest_only,
        ),
        scenario=cleanups.SCENARIOS[0],
    ),
    Plant(
        bug=Bug(
            name="horizon_untold",
            mechanism="cleanup removes old versions and tells no reader",
            expected="what is kept reads the same",
            plant=tell_no_horizon,
        ),
        scenario=cleanups.SCENARIOS[0],
    ),
    Plant(
        bug=Bug(
            name="fragments_left",
            mechanism="cleanup removes versions and leaves their fragments",
            expected="nothing is left that nobody needs",
            plant=leave_fragments,
        ),
        scenario=cleanups.SCENARIOS[0],
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
