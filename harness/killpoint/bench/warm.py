"""The warm process of the measurements: like a worker of a campaign, it holds a scenario and forks.

`in_warm_process` starts it; `Bed` is what it holds: a runner that has prepared the scenario, and
the same store for cases without the harness. Both sides fork from this one process, so that both
pay the same for a fork. It never calls the system under test itself.
"""

from __future__ import annotations

import gc
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import run
from typing import TYPE_CHECKING, Any

import msgspec
import multiprocess

from killpoint import discovery, image
from killpoint.bench import bare
from killpoint.bench.errors import MeasureError, MeasurementLostError
from killpoint.bench.ratio import Cost, Round, mean
from killpoint.case import Case, Phase, Step
from killpoint.errors import KillpointError
from killpoint.process import victim
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from killpoint.process.victim import RETURNED
from killpoint.scenario import Scenario
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from multiprocess.connection import Connection

    from killpoint.process.child import Channel

WARM_UP_CASES_COUNT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A scenario by its file and name, and a directory to work in."""

    file: Path
    name: str
    directory: Path


Side = Callable[["Bed", int], Cost]


class Bed:
    """A prepared scenario and three ways to run a case of it; each returns its cost.

    All of them kill after a whole operation, since that is a moment which needs no seam to meet.
    Only the harness's own side has the making of the store's directory within its time.
    """

    def __init__(self, setting: Setting) -> None:
        """Prepare the scenario; raises what the runner raises when it cannot be."""
        scenario = discovery.select(discovery.load((setting.file,)), (setting.name,))[setting.name]
        if not isinstance(scenario, Scenario):
            raise MeasureError(setting.name, "it is a program, and the parts of a case are Python")
        self.scenario = scenario
        self._file = setting.file
        self._nursery = Nursery()
        self._runner = Runner(scenario, self._nursery, setting.directory / "harness", every=True)
        self._runner.prepare()
        self._root = setting.directory / "bare" / "store"
        self._root.parent.mkdir(parents=True)
        self._references = self._observe_references()
        self._turn = 0

    def _observe_references(self) -> tuple[Any, ...]:
        def observe(channel: Channel) -> None:
            victim.references(self.scenario, self._root, channel)

        image.restore(self._runner.template, self._root)
        said = self._nursery.run(observe, deadline_s=self.scenario.deadline_s).last("references")
        if said is None:
            raise MeasureError(self.scenario.name, "its workload could not be observed")
        return tuple(said[0])

    def by_harness(self, killed_after: int) -> Cost:
        """Run the case as a campaign does."""
        self._turn += 1
        case = case_killed(self.scenario.name, killed_after, self._turn)
        started = time.perf_counter()
        result = self._runner.run(case)
        elapsed_s = time.perf_counter() - started
        self._must(result.verdict is Verdict.PASSED, f"a case {result.verdict}: {result.signature}")
        return Cost(
            victim_s=result.victim_s,
            verifier_s=result.verify_s,
            besides_s=elapsed_s - result.victim_s - result.verify_s,
        )

    def by_forks(self, killed_after: int) -> Cost:
        """Run the parts of the case in two bare forks of this process."""
        cost, codes = bare.fork_case(self.scenario, self._root, self._bare_facts(killed_after))
        self._must(codes == bare.CODES, f"two bare forks ended with {codes}")
        return cost

    def by_interpreters(self, killed_after: int) -> Cost:
        """Run the parts of the case in two fresh interpreters."""
        facts = self._root.parent / "facts"
        facts.write_bytes(msgspec.msgpack.encode(self._bare_facts(killed_after)))
        words = [self._file, self.scenario.name, self._root, facts]
        command = [sys.executable, "-m", "killpoint.bench.bare", *map(str, words)]
        started = time.perf_counter()
        died = run([*command, "work"], check=False).returncode
        between = time.perf_counter()
        judged = run([*command, "judge"], check=False).returncode
        ended = time.perf_counter()
        codes = (died, judged)
        self._must(codes == bare.CODES, f"two fresh interpreters ended with {codes}")
        return Cost(victim_s=between - started, verifier_s=ended - between)

    def _bare_facts(self, killed_after: int) -> bare.Facts:
        image.restore(self._runner.template, self._root)
        return bare.Facts(references=self._references, killed_after=killed_after)

    def _must(self, fulfilled: bool, why_not: str) -> None:  # noqa: FBT001 -- the condition
        if not fulfilled:
            raise MeasureError(self.scenario.name, why_not)


def case_killed(scenario: str, killed_after: int, turn: int) -> Case:
    """Return the case that kills after so many operations.

    A `turn` that is new each time has the runner make the crash, and not remember it.
    """
    step = Step(phase=Phase.RUN, point=RETURNED.name, occurrence=killed_after, ordinal=turn)
    return Case(scenario=scenario, steps=(step,))


def in_warm_process(
    above: Side, below: Side, setting: Setting, rounds_count: int
) -> tuple[Round, ...]:
    """Return the rounds of two sides, run in a fresh interpreter that holds the scenario."""
    context = multiprocess.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, setting, above.__name__, below.__name__, rounds_count)
    process = context.Process(target=_serve, args=arguments)
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        process.join()
        raise MeasurementLostError(setting.name, process.exitcode) from None
    process.join()
    if isinstance(answer, KillpointError):
        raise answer
    rounds: tuple[Round, ...] = answer
    return rounds


def _serve(
    connection: Connection, setting: Setting, above: str, below: str, rounds_count: int
) -> None:
    try:
        bed = Bed(setting)
        # As a worker does: what was imported is neither collected nor copied again.
        gc.collect()
        gc.freeze()
        connection.send(_by_turns(bed, getattr(bed, above), getattr(bed, below), rounds_count))
    except KillpointError as error:
        connection.send(error)


def _by_turns(
    bed: Bed, above: Callable[[int], Cost], below: Callable[[int], Cost], rounds_count: int
) -> tuple[Round, ...]:
    """Run both sides case by case; a round is one case after each operation of the workload."""
    kills = range(1, len(bed.scenario.operations) + 1)
    for killed_after in itertools.islice(itertools.cycle(kills), WARM_UP_CASES_COUNT):
        bed.by_harness(killed_after)
    rounds = []
    for number in range(rounds_count):
        spent: dict[Callable[[int], Cost], list[Cost]] = {above: [], below: []}
        for killed_after in kills:
            for side in (above, below) if (number + killed_after) % 2 else (below, above):
                spent[side].append(side(killed_after))
        rounds.append(Round(above=mean(spent[above]), below=mean(spent[below])))
    return tuple(rounds)
