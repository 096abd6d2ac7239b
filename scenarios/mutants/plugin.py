"""A plugin of pytest that plants the mutant which the environment names, before any test runs.

    KILLPOINT_MUTANT='graph.recovery graph.recovery:settle#1 negated' \
      pytest -p scenarios.mutants.plugin

It plants in the process of the tests and in whatever that forks, not in programs that it starts.
"""

from __future__ import annotations

import os

import pytest

from killpoint.process.child import die_with_parent
from scenarios.mutants.mutant import of_conditionals, of_effects

VARIABLE = "KILLPOINT_MUTANT"


def pytest_configure() -> None:
    """Plant it; a name that is no mutant's stops the run. Nobody waits for it alone."""
    die_with_parent()
    where, _, name = os.environ.get(VARIABLE, "").partition(" ")
    mutants = of_conditionals(where) if "." in where else of_effects(where) if where else ()
    found = [each for each in mutants if each.name == name]
    if not found:
        message = f"{VARIABLE} names no mutant: {where} {name}"
        raise pytest.UsageError(message)
    found[0].plant()
