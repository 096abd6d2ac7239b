"""Subjects whose points are system calls: native engines behind Python, and any program at all.

The child waits until a tracer has fastened on to it. To enumerate, strace looks on; to kill, the
whole program dies at the entry of one call. Steps name a call as `t<tracee>.<call>@<n>`. It never
looks into the store.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from killpoint import failpoints, image
from killpoint.case import Phase
from killpoint.history import History, OperationRecord, Outcome
from killpoint.process import traced, victim
from killpoint.process.subject import StoreSubject, Subject
from killpoint.scenario import PointSource, Program, Scenario
from killpoint.sources.syscalls import killed_at

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.case import Step
    from killpoint.failpoints import Hit
    from killpoint.process.child import Channel, ChildEnd, Nursery
    from killpoint.process.verifier import Dossier

CHECK_ACCEPTS = "the check program accepts the store"
OUTPUT_LINES_MAX = 10


class Tracing:
    """Runs children under a tracer and remembers what the last trace showed."""

    def __init__(self, nursery: Nursery, directory: Path, deadline_s: float) -> None:
        """Keep the traces below `directory`."""
        self._nursery = nursery
        self._output = directory / "trace"
        self._deadline_s = deadline_s
        self._hits: dict[int, tuple[Hit, ...]] = {}
        self._fired: dict[int, str] = {}

    def look(self, work: Callable[[Channel], None], root: Path) -> ChildEnd:
        """Run a child under strace."""
        with traced.look(self._output) as attach:
            end = self._nursery.run(work, deadline_s=self._deadline_s, attach=attach)
        self._hits = {end.pid: traced.hits_of(self._output, root)}
        return end

    def kill(self, work: Callable[[Channel], None], root: Path, step: Step) -> ChildEnd:
        """Run a child that dies at a step."""
        point = traced.point_of(step)
        with traced.strike_at(self._output, point) as attach:
            end = self._nursery.run(work, deadline_s=self._deadline_s, attach=attach)
        struck = killed_at(self._output, root, point)
        self._fired = {end.pid: f"{step.point}@{step.occurrence}" if struck else ""}
        return end

    def plainly(self, work: Callable[[Channel], None]) -> ChildEnd:
        """Run a child with nobody looking."""
        return self._nursery.run(work, deadline_s=self._deadline_s)

    def hits(self, end: ChildEnd) -> tuple[Hit, ...]:
        """Return what strace saw of this child."""
        return self._hits.get(end.pid, ())

    def fired(self, end: ChildEnd) -> str:
        """Return where this child was struck, or nothing."""
        return self._fired.get(end.pid, "")


class NativeSubject:
    """A `Scenario` whose store is native code: its calls are seen from outside only."""

    def __init__(self, scenario: Scenario, nursery: Nursery, directory: Path) -> None:
        """Behave like a `StoreSubject` wherever nobody is killed."""
        self._scenario = scenario
        self._inside = StoreSubject(scenario, nursery)
        self._tracing = Tracing(nursery, directory, max(scenario.deadline_s, traced.DEADLINE_S))
        self.prepare = self._inside.prepare
        self.references = self._inside.references
        self.verify = self._inside.verify
        self.describe = self._inside.describe
        self.history = self._inside.history
        self.operations = self._inside.operations
        self.measure = self._inside.measure

    @property
    def follow_ups_count(self) -> int:
        """How many kinds of follow-up there are."""
        return self._inside.follow_ups_count

    def trace(self, root: Path) -> ChildEnd:
        """Run the workload under strace."""
        return self._tracing.look(self._workload(root, victim.FIRST_VICTIM), root)

    def run(self, root: Path, step: Step, incarnation: int) -> ChildEnd:
        """Run the workload and kill it at the step's call."""
        return self._tracing.kill(self._workload(root, incarnation), root, step)

    def recover(self, root: Path, step: Step, incarnation: int) -> ChildEnd:
        """Reopen the store and kill it at the step's call."""
        return self._tracing.kill(self._recovery(root, incarnation), root, step)

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Reopen the store under strace."""
        return self._tracing.look(self._recovery(root, incarnation), root)

    def hits(self, end: ChildEnd) -> tuple[Hit, ...]:
        """Return what strace saw of this child."""
        return self._tracing.hits(end)

    def fired(self, end: ChildEnd, step: Step) -> str:
        """Return where this child was struck, or nothing."""
        del step
        return self._tracing.fired(end)

    def _workload(self, root: Path, incarnation: int) -> Callable[[Channel], None]:
        return lambda channel: victim.run(self._scenario, root, channel, incarnation)

    def _recovery(self, root: Path, incarnation: int) -> Callable[[Channel], None]:
        return lambda channel: victim.recover(self._scenario, root, channel, incarnation)


class ProgramSubject:
    """A `Program`: a command that writes, and a command that judges what it left."""

    follow_ups_count = 0

    def __init__(self, program: Program, nursery: Nursery, directory: Path) -> None:
        """Keep what the program prints below `directory`, outside of its store."""
        self._program = program
        self._tracing = Tracing(nursery, directory, program.deadline_s)
        self._printed = directory / "acknowledged"

    def prepare(self, root: Path) -> ChildEnd:
        """Make the directory, and run the program's own preparation if it has one."""

        def work(channel: Channel) -> None:
            root.mkdir()
            if self._program.prepare:
                command = self._fill(self._program.prepare, root)
                subprocess.run(["/bin/sh", "-c", command], check=True)
            channel.send("prepared")

        return self._tracing.plainly(work)

    def references(self, root: Path) -> ChildEnd:
        """Have none: only the check program knows what is right."""
        del root
        return self._tracing.plainly(lambda channel: channel.send("references", [], None))

    def trace(self, root: Path) -> ChildEnd:
        """Run the program under strace."""
        return self._finished(self._tracing.look(self._command(root), root))

    def run(self, root: Path, step: Step, incarnation: int) -> ChildEnd:
        """Run the program and kill it at the step's call."""
        del incarnation
        return self._tracing.kill(self._command(root), root, step)

    def recover(self, root: Path, step: Step, incarnation: int) -> ChildEnd:
        """Run the program once more on what is there, and kill it at the step's call."""
        assert step.phase is Phase.RECOVER, "the runner asks for a recovery only at such a step"
        return self.run(root, step, incarnation)

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Have none: a program's recovery is its check, which is not killed."""
        del root, incarnation
        return None

    def measure(self, root: Path, incarnation: int, output: Path, *, recovery: bool) -> ChildEnd:
        """Run the program; its points are the calls themselves, so there is nothing to find."""
        del incarnation, output, recovery
        return self._tracing.plainly(self._command(root))

    def verify(self, root: Path, dossier: Dossier) -> ChildEnd:
        """Run the check twice: a store that was repaired once must stay right."""
        del dossier

        def work(channel: Channel) -> None:
            self._check(root, channel)
            channel.send("recovered", image.capture(root).id)
            self._check(root, channel)
            channel.send("verified")

        return self._tracing.plainly(work)

    def describe(self, root: Path) -> ChildEnd:
        """Say nothing: the program's files mean something to itself only."""
        del root
        return self._tracing.plainly(lambda channel: channel.send("description", []))

    def hits(self, end: ChildEnd) -> tuple[Hit, ...]:
        """Return what strace saw of this child."""
        return self._tracing.hits(end)

    def fired(self, end: ChildEnd, step: Step) -> str:
        """Return where this child was struck, or nothing."""
        del step
        return self._tracing.fired(end)

    def history(self, end: ChildEnd) -> History:
        """Return the lines that the program had printed: each one acknowledges something."""
        del end
        whole = self._printed.read_text(errors="replace").split("\n")[:-1]
        return History(
            operations=tuple(
                OperationRecord(index=i, name=line, outcome=Outcome.ACKNOWLEDGED)
                for i, line in enumerate(whole)
            )
        )

    def operations(self, end: ChildEnd) -> tuple[str, ...]:
        """Return the lines that the whole run prints."""
        return tuple(each.name for each in self.history(end).operations)

    def _command(self, root: Path) -> Callable[[Channel], None]:
        command = self._fill(self._program.command, root)

        def work(channel: Channel) -> None:
            del channel
            failpoints.off()
            printed = os.open(self._printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(printed, 1)
            os.close(printed)
            os.execve("/bin/sh", ["sh", "-c", command], self._environment(root))

        return work

    def _finished(self, end: ChildEnd) -> ChildEnd:
        """Add the word that a scenario's child says itself, if the program ended well."""
        if end.exit_code != 0:
            return end
        return replace(end, messages=(*end.messages, ["finished"]))

    def _check(self, root: Path, channel: Channel) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", self._fill(self._program.check, root)],
            env=self._environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        print(done.stdout, end="")
        said = "; ".join(done.stdout.strip().splitlines()[-OUTPUT_LINES_MAX:])
        if done.returncode == 1:
            channel.send("violation", CHECK_ACCEPTS, [said or "it exited with 1 and said nothing"])
        elif done.returncode != 0:
            detail = f"exit code {done.returncode}: {said}"
            channel.send("undecided", CHECK_ACCEPTS, detail)

    def _environment(self, root: Path) -> dict[str, str]:
        return {
            **os.environ,
            **self._program.environment,
            "KILLPOINT_DIR": str(root),
            "KILLPOINT_ACKNOWLEDGED": str(self._printed),
        }

    def _fill(self, command: str, root: Path) -> str:
        return command.replace("{dir}", shlex.quote(str(root)))


def subject_of(scenario: Scenario | Program, nursery: Nursery, directory: Path) -> Subject:
    """Choose the subject that fits what the user gave; traces go below `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    if isinstance(scenario, Program):
        return ProgramSubject(scenario, nursery, directory)
    if PointSource.SYSCALLS in scenario.points:
        return NativeSubject(scenario, nursery, directory)
    return StoreSubject(scenario, nursery)
