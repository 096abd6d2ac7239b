"""What a dead operation did, and what to do about it: pure functions, by identity.

A table version is the operation's own if it carries the operation's id; numbers alone prove
nothing, because somebody else may have moved the same table from the same version. Publication is
looked for before this, in the lineage. It never reads the store: callers hand in what they read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.graph.table import TableVersion


class Movement(StrEnum):
    """What an unpublished operation did to one of its tables."""

    NONE = "none"  # the version above the expected one is missing, or another's
    AT_HEAD = "at_head"  # its version is HEAD, and the manifest still names the expected one
    BURIED = "buried"  # its version is there, with another's on top
    RESTORED = "restored"  # its version is there, and a rollback has undone it since
    WAITING = "waiting"  # its version rests on one that is itself not published yet
    IMPOSSIBLE = "impossible"  # HEAD is behind the manifest, or its version is pinned unpublished


class Action(StrEnum):
    """What recovery does about an unpublished operation."""

    FORWARD = "forward"  # publish all of its versions
    BACK = "back"  # restore what it moved, publish that
    CLOSE = "close"  # it had no effect: record that, publish nothing
    WAIT = "wait"  # other sidecars first
    REFUSE = "refuse"  # no operation of ours leaves this


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found at one table. `head` and `pinned` are numbers of the moment of looking."""

    table: str
    expected: int
    pinned: int
    head: int
    movement: Movement

    def __str__(self) -> str:
        return (
            f"{self.table} expected {self.expected}, manifest {self.pinned}, HEAD {self.head}: "
            f"{self.movement}"
        )


def classify(
    operation: str, table: str, *, expected: int, pinned: int, above: Sequence[TableVersion]
) -> Finding:
    """Say what the operation did to one table.

    `above` are the table's versions above `expected`, in order and without a gap.
    """
    head = above[-1].version if above else expected
    own = bool(above) and above[0].operation_id == operation and above[0].restores is None
    undone = own and any(
        later.operation_id == operation and later.restores == expected for later in above[1:]
    )
    if head < pinned or (own and pinned > expected):
        movement = Movement.IMPOSSIBLE
    elif not own:
        movement = Movement.NONE
    elif pinned < expected:
        movement = Movement.WAITING
    elif undone:
        movement = Movement.RESTORED
    elif len(above) > 1:
        movement = Movement.BURIED
    else:
        movement = Movement.AT_HEAD
    return Finding(table=table, expected=expected, pinned=pinned, head=head, movement=movement)


def decide(movements: Iterable[Movement]) -> Action:
    """Say what to do, all or nothing over the tables of one sidecar."""
    seen = frozenset(movements)
    if Movement.IMPOSSIBLE in seen:
        return Action.REFUSE
    if Movement.WAITING in seen:
        return Action.WAIT
    if seen <= {Movement.NONE}:
        return Action.CLOSE
    if seen <= {Movement.AT_HEAD, Movement.BURIED}:
        return Action.FORWARD
    if Movement.BURIED in seen:
        return Action.REFUSE
    return Action.BACK
