"""Every kind of operation, as what comes after a crash: on a recovered store, on a kept handle.

A kept handle had the store open while another process died over it. Each of its operations either
works or says that the store must be reopened, and it takes no new view unless it has settled
something: both are checked here. It never runs an operation itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import (
    AddColumn,
    ColumnType,
    Delete,
    DriftAdvice,
    DriftError,
    Insert,
    Kind,
    LoadMode,
    RecoveryPendingError,
    Update,
)
from killpoint import FollowUp
from scenarios.graph.rows import (
    LAST,
    Row,
    Rows,
    overwritten,
    people,
    updated,
    with_ada,
    with_rows,
    without,
    without_people,
)
from scenarios.graph.system import CITY, KNOWS, PERSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.graph import Graph

    Apply = Callable[[Graph], object]

GROWN_AGE = 20
MAIN = "main"
SIZE = 1.5
ALONE = with_ada(LAST)
TOWN: Rows = {CITY: [{"id": "hull", "people": 9}]}


class ReloadedInVainError(Exception):
    """A handle took a new view although everything that was pending still is."""


class LeftPendingError(Exception):
    """A refresh has left what needs no rollback: whole, or without effect."""

    def __init__(self, operation: str) -> None:
        """Name the operation."""
        super().__init__(f"operation {operation} needs no rollback, and refreshing has left it")


def load(rows: Rows, mode: LoadMode) -> Apply:
    """Return an operation that loads these rows."""
    return lambda handle: handle.load(rows, mode)


def insert(rows: Rows) -> Apply:
    """Return an operation that inserts these rows."""
    return lambda handle: handle.insert(rows)


def grown(row: Row) -> bool:
    """Choose people above an age."""
    return bool(row["age"] > GROWN_AGE)


def not_ada(row: Row) -> bool:
    """Choose everybody but her."""
    return bool(row["id"] != "ada")


def york(row: Row) -> bool:
    """Choose one city."""
    return bool(row["id"] == "york")


def mutate(name: str) -> Apply:
    """Return an operation of four statements: rows come, one changes, one goes."""
    new = people(name)
    return lambda handle: handle.mutate(
        [
            Insert(KNOWS, new[KNOWS]),
            Insert(PERSON, new[PERSON]),
            Update(PERSON, grown, {"age": 1}),
            Delete(CITY, york),
        ]
    )


def mutated(state: Rows, name: str) -> Rows:
    """Return the state after `mutate`."""
    after = with_rows(state, people(name))
    return without(updated(after, PERSON, grown, {"age": 1}), CITY, york)


FOLLOW_UPS = (
    FollowUp("insert into every table", insert(LAST), lambda state: with_rows(state, LAST)),
    FollowUp("load by append", load(LAST, LoadMode.APPEND), lambda state: with_rows(state, LAST)),
    FollowUp("load by merge", load(LAST, LoadMode.MERGE), lambda state: with_rows(state, LAST)),
    FollowUp(
        "load by overwrite",
        load(ALONE, LoadMode.OVERWRITE),
        lambda state: overwritten(state, ALONE),
    ),
    FollowUp(
        "update grown people",
        lambda handle: handle.update(PERSON, grown, {"age": 1}),
        lambda state: updated(state, PERSON, grown, {"age": 1}),
    ),
    FollowUp(
        "delete all but ada",
        lambda handle: handle.delete(PERSON, not_ada, cascade=True),
        lambda state: without_people(state, not_ada),
    ),
    FollowUp("mutate by four statements", mutate("zoe"), lambda state: mutated(state, "zoe")),
)


def on_a_kept_handle(kind: FollowUp) -> FollowUp:
    """Return the same for a handle that may be stale: it refreshes, as a refusal would tell it."""

    def apply(handle: Graph) -> None:
        pending, reloads_count = handle.pending(), handle.reloads_count
        try:
            handle.refresh()
            check_nothing_is_left(handle)
            kind.apply(handle)
        finally:
            if handle.reloads_count > reloads_count and handle.pending() == pending:
                raise ReloadedInVainError

    return FollowUp(kind.name, apply, kind.expect)


def check_nothing_is_left(handle: Graph) -> None:
    """Raise if an operation is pending of which all tables have come where it meant, or none.

    Numbers tell, because all others are dead. What a branch or a merge is about is not looked at.
    """
    heads = handle.heads()
    for sidecar in handle.pending():
        if sidecar.branch == MAIN and sidecar.kind is not Kind.MERGE:
            pins = sidecar.pins
            if all(heads.get(pin.table) == pin.post for pin in pins) or all(
                heads.get(pin.table) == pin.expected for pin in pins
            ):
                raise LeftPendingError(sidecar.operation_id)


def add_a_column(handle: Graph) -> None:
    """Rewrite a table, without a refresh before it."""
    handle.apply_schema([AddColumn(PERSON, "size", ColumnType.FLOAT, SIZE)])


ADD_AT_ONCE = FollowUp(
    "add a column at once",
    add_a_column,
    lambda state: updated(state, PERSON, lambda _: True, {"size": SIZE}),
)


def refused(error: Exception) -> bool:
    """Whether a kept handle may say this once: a table waits for a rollback, so reopen."""
    if isinstance(error, RecoveryPendingError):
        return True
    return isinstance(error, DriftError) and error.advice is DriftAdvice.COVERED


KEPT = tuple(
    on_a_kept_handle(kind)
    for kind in (
        *FOLLOW_UPS,
        FollowUp("insert into one table", insert(TOWN), lambda state: with_rows(state, TOWN)),
    )
)
