"""The sound scenarios by name, for those who plant a bug in them. It holds none of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.graph import (
    branches,
    cleanup,
    drift,
    lifecycle,
    live,
    merges,
    migration,
    optimize,
    pair,
    repair,
    schema,
    writes,
)
from scenarios.kb import lifecycle as kb_lifecycle
from scenarios.kb import mishaps as kb_mishaps
from scenarios.kb import writes as kb_writes

if TYPE_CHECKING:
    from killpoint import Scenario

# A mapping, since every list of scenarios in a file is a campaign's to run.
_SOUND: dict[str, Scenario] = {
    each.name: each
    for module in (
        writes,
        lifecycle,
        live,
        pair,
        schema,
        branches,
        merges,
        optimize,
        repair,
        drift,
        cleanup,
        migration,
        kb_writes,
        kb_lifecycle,
        kb_mishaps,
    )
    for each in module.SCENARIOS
}


def sound(name: str) -> Scenario:
    """Return the scenario with this name; raises `KeyError` when there is none."""
    return _SOUND[name]


def names() -> tuple[str, ...]:
    """Return the names of all of them, in the order of a campaign."""
    return tuple(_SOUND)
