"""Declare places in an engine and reach them; the one module of the harness an engine imports.

Standard library only, and cheap to import: what only a test needs (arming, plans, rendezvous) is
loaded when first asked for. Declare points in a catalogue module, then call `reach(POINT)` where
each stands. Arm them from a test with `arm("name=kill@3")`, from outside with the environment
variable `FAILPOINTS`, or let a campaign do it.

It never knows what an engine does, and never imports the rest of the harness.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from killpoint.failpoints.errors import (
    DeclarationError,
    FailpointError,
    FaultArgumentError,
    FaultNotAllowedError,
    InjectedPanic,
    NeverReachedError,
    ParkTimeoutError,
    PauseTimeoutError,
    PlanSyntaxError,
    UnknownPointError,
)
from killpoint.failpoints.points import (
    CRASHES,
    DEFAULT_ALLOWED,
    DELAYS,
    ERRORS,
    REPLACES,
    Effect,
    FaultKind,
    Point,
    catalogue,
    declare,
    declare_effect,
    effects,
    find,
)
from killpoint.failpoints.seam import (
    Hit,
    Seam,
    install,
    installed,
    off,
    push,
    reach,
    remove,
)

if TYPE_CHECKING:
    from killpoint.failpoints.arming import (
        Armed,
        Tally,
        arm,
        counting,
    )
    from killpoint.failpoints.rendezvous import (
        Meeting,
        park_first,
    )
    from killpoint.failpoints.terms import (
        Chain,
        FaultPlan,
        Term,
        parse_plan,
    )

__all__ = [
    "CRASHES",
    "DEFAULT_ALLOWED",
    "DELAYS",
    "ERRORS",
    "REPLACES",
    "Armed",
    "Chain",
    "DeclarationError",
    "Effect",
    "FailpointError",
    "FaultArgumentError",
    "FaultKind",
    "FaultNotAllowedError",
    "FaultPlan",
    "Hit",
    "InjectedPanic",
    "Meeting",
    "NeverReachedError",
    "ParkTimeoutError",
    "PauseTimeoutError",
    "PlanSyntaxError",
    "Point",
    "Seam",
    "Tally",
    "Term",
    "UnknownPointError",
    "arm",
    "catalogue",
    "counting",
    "declare",
    "declare_effect",
    "effects",
    "find",
    "install",
    "installed",
    "off",
    "park_first",
    "parse_plan",
    "push",
    "reach",
    "remove",
]

_LATE = {
    "Armed": "arming",
    "Tally": "arming",
    "arm": "arming",
    "counting": "arming",
    "Meeting": "rendezvous",
    "park_first": "rendezvous",
    "Chain": "terms",
    "FaultPlan": "terms",
    "Term": "terms",
    "parse_plan": "terms",
}


def __getattr__(name: str) -> object:
    """Load what only a test needs when it is first asked for."""
    if name not in _LATE:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found: object = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    return found


if os.environ.get("FAILPOINTS"):
    import_module(f"{__name__}.arming").arm_from_environment()
