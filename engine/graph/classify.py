"""What a dead operation did, and what to do about it: pure functions, by identity.

A table version is the operation's own if it carries the operation's id; numbers alone prove
nothing, because somebody else may have moved the same table from the same version. An operation may
have several versions of a table, one upon the other, and has done with it when the last that it
meant to make is there. Publication is looked for before this, in the lineage. It never reads the
store: callers hand in what they read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from engine.graph.operation import Completion, completion_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.graph.operation import Kind
    from engine.graph.sidecar import Pin
    from engine.graph.table import TableVersion


class Movement(StrEnum):
    """What an unpublished operation did to one of its tables."""

    NONE = "none"  # the version above the expected one is missing, or another's
    AT_HEAD = "at_head"  # all its versions are there, and the last of them is HEAD
    BURIED = "buried"  # all its versions are there, with another's on top
    PARTIAL = "partial"  # some of its versions are there, or nobody has confirmed that it is all
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Where an operation was going with a table: from one version to another, and past none.

    `last` is None when nobody can know: it was to be confirmed, and has not been.
    """

    table: str
    expected: int
    last: int | None


def aim_of(kind: Kind, pin: Pin) -> Aim:
    """Return where the operation of a sidecar was going with one of its tables."""
    match completion_of(kind):
        case Completion.PLANNED:
            return Aim(table=pin.table, expected=pin.expected, last=pin.post)
        case Completion.CONFIRMED:
            return Aim(table=pin.table, expected=pin.expected, last=pin.confirmed)


def classify(operation: str, aim: Aim, *, pinned: int, above: Sequence[TableVersion]) -> Finding:
    """Say what the operation did to one table.

    `above` are the table's versions above the expected one, in order and without a gap.
    """
    head = above[-1].version if above else aim.expected
    own = list(takewhile(lambda one: one.operation_id == operation and one.restores is None, above))
    undone = any(
        one.operation_id == operation and one.restores == aim.expected for one in above[len(own) :]
    )
    if head < pinned or (own and pinned > aim.expected):
        movement = Movement.IMPOSSIBLE
    elif not own:
        movement = Movement.NONE
    elif pinned < aim.expected:
        movement = Movement.WAITING
    elif undone:
        movement = Movement.RESTORED
    elif own[-1].version == aim.last:
        movement = Movement.AT_HEAD if len(own) == len(above) else Movement.BURIED
    elif len(own) == len(above) and (aim.last is None or own[-1].version < aim.last):
        movement = Movement.PARTIAL
    else:
        movement = Movement.IMPOSSIBLE
    return Finding(
        table=aim.table, expected=aim.expected, pinned=pinned, head=head, movement=movement
    )


def decide_apply(movements: Iterable[Movement], *, undisturbed: bool) -> Action:
    """Say the same of a schema apply, which was planned for all tables as they were.

    It goes forward only `undisturbed`, if nobody has published since. One that moves no table is
    complete as soon as its intent is down.
    """
    seen = frozenset(movements)
    if not seen:
        return Action.FORWARD if undisturbed else Action.CLOSE
    return decide_whole(seen, undisturbed=undisturbed)


def decide_whole(movements: Iterable[Movement], *, undisturbed: bool) -> Action:
    """Say the same of an operation that was planned for more than the tables that it moves.

    A merge is: it adopts tables that only its live owner has kept others from.
    """
    seen = frozenset(movements)
    action = decide(seen)
    if action is Action.FORWARD and not undisturbed:
        return Action.REFUSE if Movement.BURIED in seen else Action.BACK
    return action


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
