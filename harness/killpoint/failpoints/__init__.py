"""Declare places in an engine and reach them; the one module of the harness an engine imports.

Standard library only, and cheap to import. Declare points in a catalogue module, then call
`reach(POINT)` where each stands. Arm them from a test with `arm("name=kill@3")`, from outside
with the environment variable `FAILPOINTS`, or let a campaign do it.

It never knows what an engine does, and never imports the rest of the harness.
"""

from killpoint.failpoints.points import (
    CRASHES,
    DEFAULT_ALLOWED,
    DELAYS,
    ERRORS,
    REPLACES,
    DeclarationError,
    Effect,
    FailpointError,
    FaultKind,
    Point,
    UnknownPointError,
    catalogue,
    declare,
    declare_effect,
    effects,
    find,
)
from killpoint.failpoints.seam import Hit, Seam, install, installed, off, reach

__all__ = [
    "CRASHES",
    "DEFAULT_ALLOWED",
    "DELAYS",
    "ERRORS",
    "REPLACES",
    "DeclarationError",
    "Effect",
    "FailpointError",
    "FaultKind",
    "Hit",
    "Point",
    "Seam",
    "UnknownPointError",
    "catalogue",
    "declare",
    "declare_effect",
    "effects",
    "find",
    "install",
    "installed",
    "off",
    "reach",
]
