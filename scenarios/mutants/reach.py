"""Which scenarios run which functions and effects of the engines: a mutant is hunted where it runs.

Each sound scenario is run with some of its kills under a profile that writes down every function of
an engine when it is first entered; the traces tell the effects. It is a matter of cost alone: a
mutant that no scenario reaches is not hunted, and counts as one that survives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.explore.kill import KillStrategy
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from killpoint.process.scratch import take
from scenarios.planted.patch import PlantedSystem

if TYPE_CHECKING:
    from types import FrameType

    from killpoint import Scenario

CASES_COUNT = 6
ENGINE = f"{os.sep}engine{os.sep}"

# A function is `graph.recovery:settle`, an effect its own name; each with its scenarios.
Reach = Mapping[str, frozenset[str]]


def reached_by(scenario: Scenario) -> frozenset[str]:
    """Return the functions and effects that the scenario reaches, in its run or its recoveries."""
    scratch = take()
    try:
        log = scratch.place / "functions"
        log.touch()
        watched = replace(scenario, system=PlantedSystem(scenario.system, partial(_watch, log)))
        runner = Runner(watched, Nursery(), scratch.worker(0))
        preparation = runner.prepare()
        passed = {hit.point for hit in preparation.hits}
        strategy = KillStrategy(
            scenario=scenario.name,
            hits=[hit.point for hit in preparation.hits],
            changes=preparation.changes,
            depth=0,
            never_killable=preparation.never_killable,
        )
        for case in strategy.propose()[:CASES_COUNT]:
            passed |= set(runner.run(case).recovery_hits)
        effects = {point.rpartition(".")[0] for point in passed}
        return frozenset(effects | set(log.read_text().split()))
    finally:
        scratch.close()


def _watch(log: Path) -> None:
    """Write each function down when it is first entered; a process may die at any moment."""
    seen: set[object] = set()
    file = os.open(log, os.O_WRONLY | os.O_APPEND)

    def enter(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or code in seen:
            return
        seen.add(code)
        if ENGINE in code.co_filename:
            module = code.co_filename.rpartition(ENGINE)[2].removesuffix(".py").replace(os.sep, ".")
            os.write(file, f"{module}:{code.co_qualname}\n".encode())

    sys.setprofile(enter)
