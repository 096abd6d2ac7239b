"""What a scenario's runs without fault showed, before any of its cases. It never holds a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from killpoint.change import Change
    from killpoint.failpoints import Hit
    from killpoint.fault import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What the runs without fault showed. `same_images` tells whether two of them ended alike.

    `faults` has, for each point at which the storage can fail, in which ways; none where it cannot,
    and `without_errors` may say why.

    `changes` says what changed at each hit; it is empty where that cannot be photographed.
    `rehearsed` are the points that a life of every operation of its alphabet passes.

    `notes` limit what a pass says; `doubts` leave the scenario undecided whatever its cases show.
    """

    scenario: str
    fingerprint: str
    hits: tuple[Hit, ...]
    operations: tuple[str, ...]
    same_images: bool
    never_killable: frozenset[str]
    changes: tuple[Change, ...] = ()
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    without_errors: str = ""
    without_damage: str = ""
    damages: tuple[tuple[str, tuple[Fault, ...]], ...] = ()
    rehearsed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
