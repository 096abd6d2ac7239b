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
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.errors import PrepareError
from killpoint.explore.error import ErrorStrategy
from killpoint.explore.kill import KillStrategy
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from killpoint.process.scratch import take
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

    def cases_max(self, way: Way) -> int:
        """Return how many cases of one way a scenario may take."""
        match way:
            case Way.KILL:
                return self.kills_max
            case Way.RECOVERY:
                return self.recoveries_max
            case _:
                return self.errors_max


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


class Ground:
    """One scenario with a mutant in it: prepared once, then struck in each way."""

    def __init__(self, mutant: Mutant, scenario: str, directory: Path) -> None:
        """Prepare nothing yet; work below `directory`."""
        self._runner = Runner(mutated(sound(scenario), mutant), Nursery(), directory)
        self._preparation: Preparation | None = None
        self._kills: KillStrategy | None = None

    def results(self, way: Way, cases_max: int) -> Iterator[CaseResult]:
        """Yield what comes of so many cases of one way; kills come before those in recoveries.

        Raises `PrepareError` where the scenario cannot be prepared with the mutant in it.
        """
        if self._preparation is None:
            self._preparation = self._runner.prepare()
        strategy = self._strategy(self._preparation, way)
        for case in strategy.propose()[:cases_max]:
            result = self._runner.run(case)
            strategy.learn(result)
            yield result

    def _strategy(self, preparation: Preparation, way: Way) -> Strategy:
        if way is Way.ERROR:
            return ErrorStrategy(
                scenario=preparation.scenario,
                hits=preparation.hits,
                changes=preparation.changes,
                faults=preparation.faults,
                depth=0,
            )
        # Of recoveries it proposes those that the kills have met, so it is one for both.
        self._kills = self._kills or KillStrategy(
            scenario=preparation.scenario,
            hits=[hit.point for hit in preparation.hits],
            changes=preparation.changes,
            depth=1,
            never_killable=preparation.never_killable,
        )
        return self._kills


def hunt(mutant: Mutant, reaching: tuple[str, ...], bounds: Bounds = Bounds()) -> Outcome:
    """Return what becomes of a mutant over the scenarios that reach it."""
    count = 0
    scratch = take()
    try:
        grounds = {
            name: Ground(mutant, name, scratch.worker(number))
            for number, name in enumerate(reaching[: bounds.scenarios_max])
        }
        for way in (Way.KILL, Way.RECOVERY, Way.ERROR):
            for name, ground in grounds.items():
                for result in _told(ground.results(way, bounds.cases_max(way))):
                    count += 1
                    _judge(result, way, name)
        _ask_the_tests(mutant)
    except _Noticed as noticed:
        return Outcome(mutant=mutant, way=noticed.way, told=noticed.told, cases_count=count)
    finally:
        scratch.close()
    way = Way.SURVIVED if reaching else Way.UNREACHED
    return Outcome(mutant=mutant, way=way, cases_count=count)


def _told(results: Iterator[CaseResult]) -> Iterator[CaseResult]:
    """Yield the results; a scenario that cannot be prepared has noticed the mutant."""
    try:
        yield from results
    except PrepareError as error:
        raise _Noticed(Way.PLAIN, str(error).partition("\n")[0]) from error


def _judge(result: CaseResult, way: Way, scenario: str) -> None:
    if result.verdict is Verdict.FAILED:
        raise _Noticed(way, f"{scenario}: {result.violations[0].invariant}")
    if result.reason is Reason.HUNG:
        raise _Noticed(way, f"{scenario}: it hung")


def suite_of(mutant: Mutant) -> tuple[str, ...]:
    """Return the tests of the mutant's store, those of its own module first."""
    store, _, module = mutant.where.partition(".")
    own, every = f"engine/tests/{store}/test_{module}.py", f"engine/tests/{store}"
    return (own, every) if Path(ROOT, own).is_file() else (every,)


def _ask_the_tests(mutant: Mutant) -> None:
    """Run the engine's own tests of the store with the mutant planted; raise if one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "scenarios.mutants.plugin"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", *suite_of(mutant)]
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
