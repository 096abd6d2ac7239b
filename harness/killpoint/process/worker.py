"""The warm parent: a fresh interpreter that imports scenario files once and forks for each case.

It is spawned (never forked) by the pool, talks over one connection, and never calls the system
under test: that happens only in its children. It ignores Ctrl-C, for the campaign decides when
to stop; when the campaign vanishes, its connection ends and so does the worker.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from killpoint import canary, discovery, failpoints
from killpoint.errors import KillpointError, NoAlphabetError, ReservedNameError, ScratchError
from killpoint.process import keep, story
from killpoint.process.child import Nursery
from killpoint.process.lives import Lives
from killpoint.process.runner import Runner
from killpoint.scenario import PointSource, Scenario, derived
from killpoint.token import fingerprint

if TYPE_CHECKING:
    from multiprocess.connection import Connection

    from killpoint.case import Case, CaseResult
    from killpoint.process.preparation import Preparation
    from killpoint.process.story import Story
    from killpoint.scenario import Program

# Shorter workloads that are held ready beside the scenario, while a case is shrunk.
DERIVED_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is told at its start. `files` and `programs` hold the scenarios."""

    number: int
    files: tuple[Path, ...]
    programs: tuple[Program, ...]
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the scenario files hold: names, where their points come from, and declared points.

    `fuzzable` has how many letters there are: operations, and what a kept handle can do.
    `only_drawn` are those that have no workload besides.
    """

    scenarios: tuple[str, ...]
    sources: dict[str, frozenset[PointSource]]
    points: tuple[failpoints.Point, ...]
    fuzzable: dict[str, tuple[int, int]] = field(default_factory=dict)
    only_drawn: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error of a worker, on its way to the campaign."""

    error: KillpointError | None
    text: str


def say(connection: Connection, value: object) -> None:
    """Send a value; with the pickle in C, since the one that `multiprocess` takes is in Python.

    That costs ten times as much, and every page it touches is copied after every fork.
    """
    connection.send_bytes(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def hear(connection: Connection) -> Any:  # noqa: ANN401 -- whatever was said
    """Receive a value; only what a process of the same campaign has said."""
    return pickle.loads(connection.recv_bytes())  # noqa: S301 -- see above


def serve(connection: Connection, settings: WorkerSettings) -> None:
    """Answer requests until the connection ends: the whole life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin = open(os.devnull)  # noqa: SIM115 -- for the life of the process
    try:
        desk = Desk(settings)
        say(connection, desk.inventory())
    except Exception as error:  # noqa: BLE001 -- it is the campaign that must hear of it
        say(connection, _trouble(error))
        return
    # What was imported is never freed: keep it out of the collector and out of copy-on-write.
    gc.collect()
    gc.freeze()
    while True:
        try:
            request, arguments = hear(connection)
        except (EOFError, OSError):
            return
        try:
            desk.answer(connection, request, arguments)
        except Exception as error:  # noqa: BLE001 -- as above
            say(connection, _trouble(error))


class Desk:
    """Holds the scenarios of a worker and does what the campaign asks."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Import the scenario files; raises `UsageError` when one cannot be."""
        self._settings = settings
        self._scenarios = discovery.load(settings.files)
        self._scenarios |= {program.name: program for program in settings.programs}
        for name in self._scenarios:
            if name in canary.SCENARIOS:
                raise ReservedNameError(name)
        self._nursery = Nursery()
        self._runner: Runner | None = None
        self._main: tuple[str, tuple[int, ...]] = ("", ())
        self._preparation: Preparation | None = None
        self._derived: dict[tuple[str, tuple[int, ...]], Runner] = {}
        self._latest: Runner | None = None
        self._lives: Lives | None = None

    def inventory(self) -> Inventory:
        """Return what is there."""
        drawn = {
            name: each
            for name, each in self._scenarios.items()
            if isinstance(each, Scenario) and each.alphabet
        }
        return Inventory(
            scenarios=tuple(self._scenarios),
            sources={name: _sources(each) for name, each in self._scenarios.items()},
            points=tuple(failpoints.catalogue().values()),
            fuzzable={name: (len(each.alphabet), len(each.kept)) for name, each in drawn.items()},
            only_drawn=frozenset(name for name, each in drawn.items() if not each.operations),
        )

    def answer(self, connection: Connection, request: str, arguments: Any) -> None:  # noqa: ANN401
        """Do one request and send what comes of it."""
        match request:
            case "prepare":
                say(connection, self._prepare(*arguments))
            case "run":
                for case in arguments:
                    say(connection, self._run(case))
            case "derive":
                say(connection, self._derive(*arguments))
            case "replay":
                case, directory, token = arguments
                say(connection, self._replay(case, directory and Path(directory), token))
            case "tell":
                say(connection, self._tell(*arguments))
            case "measure":
                say(connection, self._fitting(arguments).measure(arguments))
            case "points":
                say(connection, tuple(failpoints.catalogue().values()))
            case _:
                message = f"a worker was asked for {request!r}"
                raise ValueError(message)

    def _prepare(
        self,
        name: str,
        images: bool,  # noqa: FBT001 -- it comes over the wire
        every: bool,  # noqa: FBT001 -- as above
        only: tuple[int, ...],
    ) -> Any:  # noqa: ANN401 -- a Preparation
        directory = self._settings.directory / name
        scenario = derived(self._named(name), only)
        self._main, self._preparation = (name, only), None
        self._derived.clear()
        self._lives = None
        self._runner = self._latest = Runner(
            scenario, self._nursery, directory, images=images, every=every
        )
        preparation = self._runner.prepare()
        if isinstance(scenario, Scenario) and scenario.alphabet:
            self._lives = Lives(self._runner, scenario, self._runner.template)
            rehearsed = self._lives.rehearse()
            passed = (*(hit.point for hit in preparation.hits), *rehearsed)
            preparation = replace(preparation, fingerprint=fingerprint(passed), rehearsed=rehearsed)
        self._preparation = preparation
        return preparation

    def _named(self, name: str) -> Scenario | Program:
        return canary.SCENARIOS.get(name) or self._scenarios[name]

    def _derive(self, name: str, only: tuple[int, ...]) -> Any:  # noqa: ANN401 -- as above
        """Prepare a shorter workload beside the scenario, in the same directory."""
        if (name, only) == self._main and self._preparation is not None:
            return self._preparation
        scenario = derived(self._named(name), only)
        runner = Runner(scenario, self._nursery, self._settings.directory / name)
        # Should it not come to its end, nobody knows what stands there.
        self._latest = None
        preparation = runner.prepare()
        self._derived[name, only] = self._latest = runner
        while len(self._derived) > DERIVED_MAX:
            del self._derived[next(iter(self._derived))]
        return preparation

    def _fitting(self, case: Case) -> Runner:
        """Return the runner of the case's workload; the others have left the directory to it."""
        key = (case.scenario, case.only)
        if key != self._main and key not in self._derived:
            self._derive(*key)
        runner = self._now() if key == self._main else self._derived[key]
        if runner is not self._latest:
            runner.resume()
        self._latest = runner
        return runner

    def _now(self) -> Runner:
        if self._runner is None:
            message = "no scenario was prepared"
            raise ValueError(message)
        return self._runner

    def _run(self, case: Case) -> CaseResult:
        return self._lives_of(case).play(case) if case.lives else self._fitting(case).run(case)

    def _replay(self, case: Case, directory: Path | None, token: str) -> CaseResult:
        origin = discovery.origin_of(self._named(case.scenario), self._settings.files)
        if case.lives:
            lives = self._lives_of(case)
            return lives.replay(case, directory=directory, token=token, origin=origin)
        runner = self._fitting(case)
        result = runner.replay(case)
        if directory is not None:
            keep.keep(runner, result, directory, token, origin)
        return result

    def _tell(self, case: Case, operations: tuple[str, ...]) -> tuple[Story, ...]:
        if case.lives:
            return self._lives_of(case).tell(case)
        return (story.tell(self._fitting(case), case, operations),)

    def _lives_of(self, case: Case) -> Lives:
        """Return what plays the lives of the scenario, which is prepared if it is not the last."""
        if self._main != (case.scenario, ()):
            self._prepare(case.scenario, False, False, ())  # noqa: FBT003 -- see there
        if self._lives is None:
            raise NoAlphabetError((case.scenario,))
        return self._lives


def _sources(scenario: Scenario | Program) -> frozenset[PointSource]:
    return scenario.points if isinstance(scenario, Scenario) else frozenset({PointSource.SYSCALLS})


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, KillpointError):
        return Trouble(error=error, text=str(error))
    if isinstance(error, OSError) and error.errno is not None:
        place = Path(str(error.filename or "the scratch directory"))
        return Trouble(
            error=ScratchError(place, error.strerror or str(error)), text=traceback.format_exc()
        )
    return Trouble(error=None, text=traceback.format_exc())
