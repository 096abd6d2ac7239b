"""The workers of a campaign: started by `multiprocess` spawn, fed cases, heard in order.

Results come back in the order of the cases, whoever ran them, so that nothing a campaign decides
depends on which worker was faster. It never retries a case: a worker that is lost ends the
campaign with an error that says so.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from collections import deque
from typing import TYPE_CHECKING, Any

import multiprocess
from multiprocess.connection import wait

from killpoint.errors import HarnessError, KillpointError, WorkerLostError
from killpoint.process.guardian import Guardian
from killpoint.process.scratch import Scratch, take
from killpoint.process.worker import Inventory, Trouble, WorkerSettings, hear, say, serve

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from multiprocess.connection import Connection

    from killpoint.case import Case, CaseResult
    from killpoint.process.preparation import Preparation
    from killpoint.process.story import Story
    from killpoint.scenario import Program

# One thread a process: a fork copies only the thread that calls it.
WORKER_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
CASES_A_BATCH = 8
# The pairs of one recovery come from one album: they belong to one worker.
CASES_A_RECOVERY = 64
CLOSE_S = 2.0


class Pool:
    """Some workers that hold the same scenarios."""

    def __init__(
        self, *, workers_count: int, files: tuple[Path, ...], programs: tuple[Program, ...] = ()
    ) -> None:
        """Start them; raises what a worker raised while it imported the scenarios."""
        self._scratch: Scratch = take()
        self._guardian = Guardian(self._scratch.place)
        self._workers: list[Any] = []
        self._connections: list[Connection] = []
        saved = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
        os.environ.update(WORKER_ENVIRONMENT)
        try:
            for number in range(workers_count):
                self._start(number, files, programs)
            heard = [self._receive(index) for index in range(workers_count)]
        except BaseException:
            self.close()
            raise
        finally:
            _set_environment(saved)
        self.inventory: Inventory = heard[0]

    def _start(self, number: int, files: tuple[Path, ...], programs: tuple[Program, ...]) -> None:
        context = multiprocess.get_context("spawn")
        ours, theirs = context.Pipe()
        settings = WorkerSettings(
            number=number,
            files=files,
            programs=programs,
            directory=self._scratch.worker(number),
        )
        worker = context.Process(
            target=serve, args=(theirs, settings), name=f"killpoint-worker-{number}", daemon=False
        )
        worker.start()
        theirs.close()
        self._guardian.watch(worker.pid)
        self._workers.append(worker)
        self._connections.append(ours)

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(worker.pid for worker in self._workers)

    def prepare(
        self,
        scenario: str,
        *,
        images: bool = False,
        every: bool = False,
        only: tuple[int, ...] = (),
    ) -> Preparation:
        """Prepare a scenario in every worker; their traces must agree.

        `images` asks for image mode in the workload, too; `every` has equal crashes verified each
        time; `only` keeps these operations of it.
        """
        for connection in self._connections:
            say(connection, ("prepare", (scenario, images, every, only)))
        heard, errors = [], []
        for index in range(len(self._connections)):
            # Each answer is taken, or the next question would be answered by it.
            try:
                heard.append(self._receive(index))
            except KillpointError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        if doubtful := [each for each in heard if each.doubts]:
            uncertain: Preparation = doubtful[0]
            return uncertain
        prints = {each.fingerprint for each in heard}
        if len(prints) > 1:
            message = f"{scenario}: the workers' runs without fault differ. Run with --workers 1."
            raise HarnessError(message)
        first: Preparation = heard[0]
        return first

    def run(self, cases: Sequence[Case]) -> Generator[CaseResult, None, None]:
        """Run the cases on all workers and yield their results in the order given."""
        waiting = deque(_batches(cases))
        running: dict[int, deque[int]] = {index: deque() for index in range(len(self._workers))}
        finished: dict[int, CaseResult] = {}
        following = 0
        try:
            while following < len(cases):
                self._feed(waiting, running)
                for index in self._ready(running):
                    finished[running[index].popleft()] = self._receive(index)
                while following in finished:
                    yield finished.pop(following)
                    following += 1
        except KillpointError:
            # A worker that failed answers no more of what it was asked: do not wait for it.
            running.clear()
            raise
        finally:
            # A campaign that stops early leaves no answer behind for the next question.
            for index, owed in running.items():
                for _ in range(len(owed)):
                    with contextlib.suppress(KillpointError):
                        self._receive(index)

    def run_on_all(self, cases: Sequence[Case]) -> list[list[CaseResult]]:
        """Run the same cases on every worker, each of which must find the same."""
        for index in range(len(self._workers)):
            self._send(index, ("run", list(cases)))
        return [[self._receive(index) for _ in cases] for index in range(len(self._workers))]

    def _feed(self, waiting: deque[list[tuple[int, Case]]], running: dict[int, deque[int]]) -> None:
        # A second batch is sent while the first runs, so that no worker waits for the campaign.
        for index, owed in running.items():
            while waiting and len(owed) < CASES_A_BATCH:
                batch = waiting.popleft()
                self._send(index, ("run", [case for _, case in batch]))
                owed.extend(number for number, _ in batch)

    def _ready(self, running: dict[int, deque[int]]) -> list[int]:
        busy = {self._connections[i]: i for i, owed in running.items() if owed}
        return [busy[connection] for connection in wait(list(busy))]

    def replay(self, case: Case, *, directory: Path | None = None, token: str = "") -> CaseResult:
        """Run one case on the first worker with every follow-up, and keep what it left."""
        self._send(0, ("replay", (case, directory and str(directory), token)))
        result: CaseResult = self._receive(0)
        return result

    def derive(self, scenario: str, only: tuple[int, ...]) -> Preparation:
        """Prepare the scenario with these operations only, beside it, on the first worker."""
        self._send(0, ("derive", (scenario, only)))
        preparation: Preparation = self._receive(0)
        return preparation

    def tell(self, case: Case, operations: tuple[str, ...]) -> tuple[Story, ...]:
        """Gather what explains a case, on the first worker; of a fuzzed one, life by life."""
        self._send(0, ("tell", (case, operations)))
        stories: tuple[Story, ...] = self._receive(0)
        return stories

    def measure(self, case: Case) -> Any:  # noqa: ANN401 -- a Bracketing
        """Run the last process of a case under strace and count what lies between its points."""
        self._send(0, ("measure", case))
        return self._receive(0)

    def points(self) -> Any:  # noqa: ANN401 -- a tuple of points
        """Return the catalogue as it stands after what was run."""
        self._send(0, ("points", None))
        return self._receive(0)

    def _send(self, index: int, message: object) -> None:
        try:
            say(self._connections[index], message)
        except OSError as error:
            raise WorkerLostError(index, self._epitaph(index)) from error

    def _receive(self, index: int) -> Any:  # noqa: ANN401 -- whatever was asked for
        try:
            answer = hear(self._connections[index])
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise WorkerLostError(index, self._epitaph(index)) from error
        if isinstance(answer, Trouble):
            if answer.error is not None:
                raise answer.error
            raise WorkerLostError(index, f"it raised\n{answer.text.rstrip()}\n")
        return answer

    def _epitaph(self, index: int) -> str:
        worker = self._workers[index]
        worker.join(CLOSE_S)
        return f"it ended with exit code {worker.exitcode}"

    def close(self) -> None:
        """End the workers, remove the scratch slot and dismiss the guardian."""
        for connection in self._connections:
            connection.close()
        for worker in self._workers:
            worker.join(CLOSE_S)
        self._guardian.end_workers()
        for worker in self._workers:
            worker.join(CLOSE_S)
        self._scratch.close()
        self._guardian.dismiss()


def _batches(cases: Sequence[Case]) -> Iterator[list[tuple[int, Case]]]:
    """Cut the cases into short runs; those that share their first steps stay together."""
    batch: list[tuple[int, Case]] = []
    for number, case in enumerate(cases):
        most = CASES_A_RECOVERY if case.depth else CASES_A_BATCH
        most = 1 if case.lives else most  # they come few at a time, and share nothing
        if batch and (len(batch) >= most or batch[-1][1].steps[:-1] != case.steps[:-1]):
            yield batch
            batch = []
        batch.append((number, case))
    if batch:
        yield batch


def _set_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
