"""Wrong maintenance: each wrong in one step, and found by an invariant of the scenario of its kind.

They never change what an ordinary write does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import cleanup, optimize, repair
from engine.graph import graph as handles
from engine.graph.repair import Finding
from engine.graph.table import live_fragments
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    pass


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


def bring_rows_back() -> None:
    """Put all stored rows together, those that are marked as gone, too."""

    def rows(store: Any, _table: object, version: Any) -> list[Any]:  # noqa: ANN401 -- as the step
        return [row for _, stored in live_fragments(store, version) for row in stored]

    put(optimize, "live_rows", rows)


def trust_the_index_alone() -> None:
    """Answer by the index, and forget the rows that came after it."""
    sound = right(handles, "find_rows")

    def find(store: Any, table: Any, version: Any, *rest: Any) -> Any:  # noqa: ANN401 -- so
        covers = version.index.covers if version.index else ()
        known = tuple(one for one in version.fragments if one.path in covers)
        return sound(store, table, replace(version, fragments=known), *rest)

    put(handles, "find_rows", find)


def compact_out_of_coverage() -> None:
    """Put rows together, and leave the new fragment to no index."""
    put(optimize, "uncovered", lambda *_: ())


def move_every_table() -> None:
    """Find that every table needs to be put together."""
    put(optimize, "_is_scattered", lambda care, _: care.compact)


BUGS = (
    Bug(
        name="drift_guessed",
        mechanism="a repair takes every drift for its own and publishes it",
        expected="a repair changes no row",
        plant=take_drift_for_harmless,
        about=("graph.repair",),
        rows=("87",),
    ),
    Bug(
        name="repair_unpublished",
        mechanism="a repair restores the tables and does not publish them",
        expected="only drift that was there is left",
        plant=restore_unpublished,
        operations_count=1,
        about=("graph.repair",),
    ),
    Bug(
        name="kept_too_few",
        mechanism="cleanup removes a version that a kept graph version shows",
        expected="what is kept reads the same",
        plant=keep_the_newest_only,
        about=("graph.cleanup",),
    ),
    Bug(
        name="horizon_untold",
        mechanism="cleanup removes old versions and tells no reader",
        expected="what is kept reads the same",
        plant=tell_no_horizon,
        about=("graph.cleanup",),
    ),
    Bug(
        name="fragments_left",
        mechanism="cleanup removes versions and leaves their fragments",
        expected="nothing is left that nobody needs",
        plant=leave_fragments,
        about=("graph.cleanup",),
    ),
    Bug(
        name="rows_back",
        mechanism="optimize brings rows back that were marked as gone",
        expected="maintenance changes no row",
        plant=bring_rows_back,
        about=("graph.optimize",),
    ),
    Bug(
        name="index_alone",
        mechanism="a lookup forgets the rows that its index does not cover",
        expected="an index answers as a scan does",
        plant=trust_the_index_alone,
        about=("graph.optimize",),
    ),
    Bug(
        name="out_of_coverage",
        mechanism="optimize puts rows together and leaves them to no index",
        expected="what was optimized is tidy",
        plant=compact_out_of_coverage,
        about=("graph.optimize",),
    ),
    Bug(
        name="moved_needlessly",
        mechanism="optimize moves tables that need nothing",
        expected="only what needs it moves",
        plant=move_every_table,
        about=("graph.optimize",),
    ),
)
SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
