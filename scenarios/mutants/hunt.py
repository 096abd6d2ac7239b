"""Hunt a mutant: the cases of campaigns, cheapest first, then the tests of the engine.

    plain      a scenario cannot be prepared any more: its workload fails or ends elsewhere
    kill       a kill of the workload is judged as failed
    recovery   a kill inside a recovery is
    error      a failing call to the storage is
    tests      a test of the engine fails
    survived   nothing has noticed
    unreached  nothing has, and no scenario runs it

Each way is tried over all scenarios that reach the mutant before the next one. It never counts
an undecided case as a kill, but for one that hangs, which is told.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.errors import PrepareError
from killpoint.explore.error import ErrorStrategy
from killpoint.explore.kill import KillStrategy
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from killpoint.verdict import Reason, Verdict
from scenarios.mutants.mutant import mutated
from scenarios.planted.sound import sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from killpoint.case import CaseResult
    from killpoint.explore.strategy import Strategy
    from killpoint.process.preparation import Preparation
    from scenarios.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
TESTS_S = 300.0


class Way(StrEnum):
    """How a mutant was noticed, or that it was not."""

    PLAIN = "plain"
    KILL = "kill"
    RECOVERY = "recovery"
    ERROR = "error"
    TESTS = "tests"
    SURVIVED = "survived"
    UNREACHED = "unreached"  # survived, and no scenario runs it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a mutant may cost: scenarios, and cases of each way in each of them."""

    scenarios_max: int = 4
    kills_max: int = 150
    recoveries_max: int = 200
    errors_max: int = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a mutant: the way, by what, and the cases that it took."""

    mutant: Mutant
    way: Way
    told: str = ""
    cases_count: int = 0

    @property
    def survived(self) -> bool:
        """Whether nobody has noticed it."""
        return self.way in {Way.SURVIVED, Way.UNREACHED}


class _Noticed(Exception):  # noqa: N818 -- an answer, carried out of the middle of a hunt
    """The mutant was noticed."""

    def __init__(self, way: Way, told: str) -> None:
        super().__init__(told)
        self.way = way
        self.told = told


def hunt(mutant: Mutant, reaching: tuple[str, ...], bounds: Bounds = Bounds()) -> Outcome:
    """Return what becomes of a mutant over the scenarios that reach it."""
    chosen = reaching[: bounds.scenarios_max]
    count = 0
    try:
        for way in (Way.KILL, Way.RECOVERY, Way.ERROR):
            for name in chosen:
                for result in results_of(mutant, name, way, bounds):
                    count += 1
                    _judge(result, way, name)
        _ask_the_tests(mutant)
    except _Noticed as noticed:
        return Outcome(mutant=mutant, way=noticed.way, told=noticed.told, cases_count=count)
    way = Way.SURVIVED if reaching else Way.UNREACHED
    return Outcome(mutant=mutant, way=way, cases_count=count)


def _judge(result: CaseResult, way: Way, scenario: str) -> None:
    if result.verdict is Verdict.FAILED:
        raise _Noticed(way, f"{scenario}: {result.violations[0].invariant}")
    if result.reason is Reason.HUNG:
        raise _Noticed(way, f"{scenario}: it hung")


def results_of(mutant: Mutant, name: str, way: Way, bounds: Bounds) -> Iterator[CaseResult]:
    """Yield the results of one way over one scenario."""
    scenario = sound(name)
    if way is Way.ERROR and scenario.without_errors:
        return
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(mutated(scenario, mutant), Nursery(), Path(directory))
        try:
            preparation = runner.prepare()
        except PrepareError as error:
            told = str(error).partition("\n")[0]
            raise _Noticed(Way.PLAIN, told) from error
        strategy = _strategy(preparation, way)
        yield from islice(_explored(runner, strategy, way), _cases_max(way, bounds))


def _strategy(preparation: Preparation, way: Way) -> Strategy:
    if way is Way.ERROR:
        return ErrorStrategy(
            scenario=preparation.scenario,
            hits=preparation.hits,
            changes=preparation.changes,
            faults=preparation.faults,
            depth=0,
        )
    return KillStrategy(
        scenario=preparation.scenario,
        hits=[hit.point for hit in preparation.hits],
        changes=preparation.changes,
        depth=int(way is Way.RECOVERY),
        never_killable=preparation.never_killable,
    )


def _explored(runner: Runner, strategy: Strategy, way: Way) -> Iterator[CaseResult]:
    """Yield what the strategy proposes; of recoveries, only what strikes in one."""
    while cases := strategy.propose():
        for case in cases:
            result = runner.run(case)
            strategy.learn(result)
            if way is not Way.RECOVERY or case.depth:
                yield result


def _cases_max(way: Way, bounds: Bounds) -> int:
    match way:
        case Way.KILL:
            return bounds.kills_max
        case Way.RECOVERY:
            return bounds.recoveries_max
        case _:
            return bounds.errors_max


def tests_of(mutant: Mutant) -> tuple[str, ...]:
    """Return the tests of the mutant's store, those of its own module first."""
    store, _, module = mutant.where.partition(".")
    own, every = f"engine/tests/{store}/test_{module}.py", f"engine/tests/{store}"
    return (own, every) if Path(ROOT, own).is_file() else (every,)


def _ask_the_tests(mutant: Mutant) -> None:
    """Run the engine's own tests of the store with the mutant planted; raise if one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "scenarios.mutants.plugin"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", *tests_of(mutant)]
    told = {"KILLPOINT_MUTANT": f"{mutant.where} {mutant.name}"}
    with tempfile.TemporaryFile("w+") as printed:
        # Into a file, and a group of its own: what the tests have started may outlive them.
        tests = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = tests.wait(TESTS_S)
        except subprocess.TimeoutExpired as late:
            raise _Noticed(Way.TESTS, "the tests hung") from late
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(tests.pid, signal.SIGKILL)
            tests.wait()
        printed.seek(0)
        output = printed.read()
    if code == 0:
        return
    failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code != 1 or not failed:
        raise RuntimeError(output[-2000:])
    raise _Noticed(Way.TESTS, failed[0].partition(" - ")[0].partition(" ")[2])
