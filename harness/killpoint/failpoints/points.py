"""The catalogue: every failpoint is declared here once, by the engine that owns it.

A declaration says what is already durable when the point is reached and what is not yet
acknowledged, which faults make sense there, and whether the point is rare. An `Effect` is one
durable step of a store and stands for the points around and inside it.

It never decides what happens at a point; that is the plan's work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from killpoint.failpoints.errors import DeclarationError, UnknownPointError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME_FORM = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")


class FaultKind(StrEnum):
    """What can happen at a point. The values are the words of the plan grammar."""

    OFF = "off"
    KILL = "kill"
    EXIT = "exit"
    ABORT = "abort"
    RAISE = "raise"
    RETURN = "return"
    SLEEP = "sleep"
    PAUSE = "pause"
    HANG = "hang"
    PRINT = "print"
    PANIC = "panic"


CRASHES = frozenset({FaultKind.KILL, FaultKind.EXIT, FaultKind.ABORT})
DELAYS = frozenset({FaultKind.SLEEP, FaultKind.PAUSE, FaultKind.HANG, FaultKind.PRINT})
ERRORS = frozenset({FaultKind.RAISE, FaultKind.PANIC})
REPLACES = frozenset({FaultKind.RETURN})
DEFAULT_ALLOWED = CRASHES | DELAYS | ERRORS | {FaultKind.OFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A declared, named place in an engine.

    `durable` says what survives a kill here, `pending` what nobody has been told yet; `allows`
    are the faults that make sense; a `rare` point need not be reached in every campaign.
    """

    name: str
    durable: str
    pending: str
    allows: frozenset[FaultKind] = DEFAULT_ALLOWED
    rare: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One durable step of a store, such as `sidecar.put`, with a point per stage of its verb."""

    name: str
    verb: str
    points: Mapping[str, Point] = field(default_factory=dict)

    def __getitem__(self, stage: str) -> Point:
        """Return the point of one stage; a `KeyError` names a stage that the verb lacks."""
        return self.points[stage]


_points: dict[str, Point] = {}
_effects: dict[str, Effect] = {}


def declare(
    name: str,
    *,
    durable: str,
    pending: str,
    allows: frozenset[FaultKind] = DEFAULT_ALLOWED,
    rare: bool = False,
) -> Point:
    """Add a point to the catalogue and return it.

    Raises `DeclarationError` when the name is not lower-case words joined by dots, or when
    another declaration of the same name differs. An equal declaration again is harmless, so
    that a module can be loaded under two names.
    """
    if not NAME_FORM.match(name):
        message = f"{name!r} is not a point name: write lower-case words joined by dots."
        raise DeclarationError(message)
    point = Point(name=name, durable=durable, pending=pending, allows=allows, rare=rare)
    if _points.setdefault(name, point) != point:
        message = f"{name!r} is declared twice, with different meanings: rename one of them."
        raise DeclarationError(message)
    return point


def declare_effect(  # noqa: PLR0913 -- a declaration says all of this
    name: str,
    verb: str,
    stages: Iterable[str],
    *,
    durable: str,
    pending: str,
    rare_stages: frozenset[str] = frozenset(),
    allows: frozenset[FaultKind] = DEFAULT_ALLOWED | REPLACES,
) -> Effect:
    """Declare a durable step and its points `<name>.<stage>`.

    `durable` and `pending` describe the moment before the first stage.
    """
    points = {
        stage: declare(
            f"{name}.{stage}",
            durable=f"{durable} (stage {stage} of {verb})",
            pending=pending,
            allows=allows,
            rare=stage in rare_stages,
        )
        for stage in stages
    }
    effect = Effect(name=name, verb=verb, points=MappingProxyType(points))
    if _effects.setdefault(name, effect) != effect:
        message = f"effect {name!r} is declared twice, with different meanings: rename one."
        raise DeclarationError(message)
    return effect


def catalogue() -> dict[str, Point]:
    """Return every declared point by name, sorted."""
    return dict(sorted(_points.items()))


def effects() -> dict[str, Effect]:
    """Return every declared effect by name, sorted."""
    return dict(sorted(_effects.items()))


def find(name: str) -> Point:
    """Return the point of that name, or raise `UnknownPointError` with the nearest names."""
    try:
        return _points[name]
    except KeyError:
        raise UnknownPointError(name, _points) from None
