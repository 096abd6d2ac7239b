"""Wrong ways of changing a schema, each wrong in one step of an apply or of its recovery.

Most of them are from the history of engines that keep the schema in a file beside the manifest, or
a lock in the store. It never changes what is on disk by itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import apply, commit, migration, points, recovery, work
from engine.graph.operation import Kind
from engine.graph.view import View
from killpoint.invariants import FOLLOW_UP_WORKS, KEPT_HANDLE, OPENS
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.graph.manifest import Edit, LineageRow, Manifest
    from engine.graph.schema import Schema
    from engine.graph.store import Store

LOCK_PATH = "schema/lock.json"


class LockedError(Exception):
    """A lock file stands in the way."""


def judge_again() -> None:
    """Do not look whether an apply has been published, and judge it by what can be seen."""
    sound = right(recovery, "publication")

    def publication(*arguments: Any) -> Any:  # noqa: ANN401 -- stands for any step
        found = sound(*arguments)
        return None if found and found.row.kind is Kind.SCHEMA_APPLY else found

    put(recovery, "publication", publication)


def keep_the_catalogue() -> None:
    """Take a newer view, and with it the schema only if it comes from an apply of one's own."""
    sound_look, sound_learn = right(View, "look"), right(View, "learn")

    def look(view: View, newest: Manifest) -> None:
        view.newest = newest

    def learn(*arguments: Any) -> None:  # noqa: ANN401 -- stands for a method
        put(View, "look", sound_look)
        sound_learn(*arguments)
        put(View, "look", look)

    put(View, "look", look)
    put(View, "learn", learn)


def publish_without_the_schema() -> None:
    """Publish the tables of a dead apply, and forget the schema that goes with them."""
    sound = right(recovery, "publish")

    def publish(store: Store, base: Manifest, edit: Edit, row: LineageRow) -> Manifest | None:
        published: Manifest | None = sound(store, base, replace(edit, schema_hash=""), row)
        return published

    put(recovery, "publish", publish)


def _put_schema_later(module: Any, step: str, *, before: bool) -> None:  # noqa: ANN401 -- any
    """Write the schema's file before or after a step that should find it there."""
    sound, put_schema = right(module, step), right(apply, "_put_schema")
    owed: list[tuple[Store, Schema]] = []

    def pay() -> None:
        while owed:
            put_schema(*owed.pop())

    def wrong(*arguments: Any) -> Any:  # noqa: ANN401 -- stands for any step
        if before:
            pay()
        done = sound(*arguments)
        pay()
        return done

    put(apply, "_put_schema", lambda *arguments: owed.append(arguments))
    put(module, step, wrong)


def publish_before_the_file() -> None:
    """Write the schema's file once the manifest names it."""
    _put_schema_later(commit, "_phase_c", before=False)


def stage_after_the_sidecar() -> None:
    """Write the sidecar first, so that recovery goes forward with no schema to go to."""
    _put_schema_later(commit, "_phase_b", before=True)


def lock_by_a_file() -> None:
    """Lock the store by a file, which every way out removes, but no death."""
    alone, hold = right(apply, "alone"), right(work, "hold")

    @contextmanager
    def wrong_alone(store: Store, *locks: str) -> Iterator[None]:
        if not store.storage.put_if_absent(points.SCHEMA_PUT, LOCK_PATH, b"{}"):
            raise LockedError
        try:
            with alone(store, *locks):
                yield
        finally:
            store.storage.delete(points.SIDECAR_DELETE, LOCK_PATH)

    @contextmanager
    def wrong_hold(store: Store, *arguments: Any) -> Iterator[None]:  # noqa: ANN401 -- as it comes
        if store.storage.exists(points.SCHEMA_READ, LOCK_PATH):
            raise LockedError
        with hold(store, *arguments):
            yield

    put(apply, "alone", wrong_alone)
    put(work, "hold", wrong_hold)


def write_the_layout_first() -> None:
    """Call a store up to date, and then bring it there."""
    move, put_layout = right(migration, "_move_schema"), right(migration, "_put_layout")

    def wrong(store: Store, newest: Manifest) -> None:
        put_layout(store)
        move(store, newest)

    put(migration, "_move_schema", wrong)
    put(migration, "_put_layout", lambda _: None)


APPLIES = ("graph.apply.add", "graph.apply.rename")
BUGS = (
    Bug(
        name="judged_again",
        mechanism="recovery does not see that a dead apply has been published",
        expected="exactly one audit row",
        plant=judge_again,
        about=APPLIES,
        rows=("49",),
    ),
    Bug(
        name="stale_catalogue",
        mechanism="a handle that has healed a dead apply keeps the old schema",
        expected=KEPT_HANDLE,
        plant=keep_the_catalogue,
        about=APPLIES,
        rows=("63",),
    ),
    Bug(
        name="schema_forgotten",
        mechanism="recovery publishes the tables of an apply without its schema",
        expected="tables fit the schema",
        plant=publish_without_the_schema,
        about=("graph.apply.columns",),
        rows=("73",),
    ),
    Bug(
        name="published_before_the_file",
        mechanism="a manifest names a schema whose file is written afterwards",
        expected=OPENS,
        plant=publish_before_the_file,
        about=APPLIES,
        rows=("74",),
    ),
    Bug(
        name="staged_after_the_sidecar",
        mechanism="an apply that moves no table is rolled forward although its schema is missing",
        expected=OPENS,
        plant=stage_after_the_sidecar,
        about=APPLIES,
        rows=("L3",),
    ),
    Bug(
        name="lock_file",
        mechanism="an apply locks the store by a file, which outlives it",
        expected=FOLLOW_UP_WORKS,
        plant=lock_by_a_file,
        about=APPLIES,
        rows=("L0",),
    ),
    Bug(
        name="layout_first",
        mechanism="a migration writes the new layout down before it has come there",
        expected=OPENS,
        plant=write_the_layout_first,
        about=("graph.migrate",),
    ),
)

SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
