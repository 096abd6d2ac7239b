"""Kill it anywhere, reopen it, prove it: crash-recovery fault injection for anything on disk.

Names are loaded when they are first used, so that an engine that imports
`killpoint.failpoints` pays for nothing else. It never runs anything when it is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from killpoint.invariants import Invariant, Reopened, invariant
    from killpoint.scenario import (
        FollowUp,
        Operation,
        PointSource,
        Ports,
        Program,
        Scenario,
        System,
        functions,
    )
    from killpoint.verdict import Verdict

_HOMES = {
    "FollowUp": "scenario",
    "Invariant": "invariants",
    "Operation": "scenario",
    "PointSource": "scenario",
    "Ports": "scenario",
    "Program": "scenario",
    "Reopened": "invariants",
    "Scenario": "scenario",
    "System": "scenario",
    "Verdict": "verdict",
    "functions": "scenario",
    "invariant": "invariants",
}

__all__ = [
    "FollowUp",
    "Invariant",
    "Operation",
    "PointSource",
    "Ports",
    "Program",
    "Reopened",
    "Scenario",
    "System",
    "Verdict",
    "functions",
    "invariant",
]


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'killpoint' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"killpoint.{home}"), name)
