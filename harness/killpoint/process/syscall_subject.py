"""Subjects whose points are system calls: native engines behind Python, and any program at all.

The child waits until a tracer has fastened on to it. To enumerate, strace looks on; to kill, the
whole program dies at the entry of one call. Steps name a call as `t<tracee>.<call>@<n>`, and what
they mean is known from a rehearsal: two of the workload, which must agree, and one of each
recovery that is to be struck. It never looks into the store.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from killpoint import failpoints, image
from killpoint.errors import PrepareError
from killpoint.history import History, OperationRecord, Outcome
from killpoint.process import traced, victim
from killpoint.process.crash import NO_ALBUM, Album
from killpoint.process.subject import StoreSubject, Subject
from killpoint.process.traced import Rehearsal, Tracing, told
from killpoint.scenario import PointSource, Program, Scenario
from killpoint.sources.trace import SyscallTrace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from killpoint.case import Step
    from killpoint.failpoints import Hit
    from killpoint.process.child import Channel, ChildEnd, Nursery
    from killpoint.process.crash import Sitting, Steps
    from killpoint.process.kept import Bystander
    from killpoint.process.place import Place
    from killpoint.process.verifier import Dossier

CHECK_ACCEPTS = "the check program accepts the store"
CHECK_ACCEPTS_AGAIN = "the check program accepts the store a second time"
OUTPUT_LINES_MAX = 10
OUTPUT_CHARACTERS_MAX = 1000
REHEARSALS_MAX = 1024
NO_CALLS = Rehearsal(
    hits=(), trace=SyscallTrace(hits=(), marks=(), order=(), tracees_count=0, blind=())
)


class Workload:
    """What the runs of a workload without fault have shown so far; two of them must agree."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.rehearsal = NO_CALLS
        self._first: Rehearsal | None = None

    def learn(self, end: ChildEnd, rehearsal: Rehearsal) -> ChildEnd:
        """Compare a run with the first one; the end says `doubt` where they differ."""
        if self._first is None:
            self._first = self.rehearsal = rehearsal
            return end
        self.rehearsal = self.rehearsal.agreeing_with(rehearsal)
        differs = self._first.differs_from(rehearsal)
        return told(end, ["doubt", f"two runs without fault differ: {differs}"]) if differs else end


class NativeSubject:
    """A `Scenario` whose store is native code: its calls are seen from outside only."""

    def __init__(self, scenario: Scenario, nursery: Nursery, directory: Path) -> None:
        """Behave like a `StoreSubject` wherever nobody is killed."""
        self._scenario = scenario
        self._inside = StoreSubject(scenario, nursery)
        self._tracing = Tracing(nursery, directory, max(scenario.deadline_s, traced.DEADLINE_S))
        self._known = Workload()
        self._recoveries: dict[tuple[str, int], Rehearsal] = {}
        self.prepare = self._inside.prepare
        self.references = self._inside.references
        self.verify = self._inside.verify
        self.describe = self._inside.describe
        self.try_kept = self._inside.try_kept
        self.history = self._inside.history
        self.operations = self._inside.operations
        self.measure = self._inside.measure
        self.hits = self._inside.hits

    @property
    def follow_ups_count(self) -> int:
        """How many kinds of follow-up there are."""
        return self._inside.follow_ups_count

    def trace(self, root: Path) -> ChildEnd:
        """Run the workload under strace; says `hits`, `note` and `doubt` too."""
        work = self._workload(root, victim.FIRST_VICTIM)
        return self._known.learn(*self._tracing.look(work, root))

    def run(self, root: Path, steps: Steps, incarnation: int) -> ChildEnd:
        """Run the workload and kill it at the step's call."""
        work = self._workload(root, incarnation)
        return self._tracing.kill(work, root, steps[-1], self._known.rehearsal)

    def recover(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store and kill it at the step's call."""
        before = image.capture(root)
        key = (before.id, incarnation)
        if key not in self._recoveries:
            self.trace_recovery(root, incarnation)
            image.restore(before, root)
        work = self._recovery(root, incarnation, earlier)
        return self._tracing.kill(work, root, step, self._recoveries[key])

    can_be_photographed = False
    patient = None

    def photograph(self, place: Place, incarnation: int, sitting: Sitting) -> Album:
        """Have no photographs: it passes its points outside of itself."""
        del place, incarnation, sitting
        return NO_ALBUM

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Reopen the store under strace, and remember what this crash's recovery does."""
        key = (image.capture(root).id, incarnation)
        end, rehearsal = self._tracing.look(self._recovery(root, incarnation), root)
        self._recoveries[key] = rehearsal
        if len(self._recoveries) > REHEARSALS_MAX:
            del self._recoveries[next(iter(self._recoveries))]
        return end

    def fired(self, end: ChildEnd, step: Step) -> str:
        """Return where this child was struck, or nothing."""
        del step
        return traced.struck_at(end)

    def _workload(self, root: Path, incarnation: int) -> Callable[[Channel], None]:
        return lambda channel: victim.run(self._scenario, root, channel, incarnation)

    def _recovery(
        self, root: Path, incarnation: int, earlier: object = None
    ) -> Callable[[Channel], None]:
        return lambda channel: victim.recover(self._scenario, root, channel, incarnation, earlier)


class ProgramSubject:
    """A `Program`: a command that writes, and a command that judges what it left.

    Each whole line that the command had printed when it died is an acknowledgement. The check is
    run twice on what is left, with those lines in the file that KILLPOINT_ACKNOWLEDGED names, and
    answers with its exit code: 0 is right, 1 is wrong, and its last lines are the evidence;
    anything else, or no answer before the deadline, decides nothing.
    """

    follow_ups_count = 0

    def __init__(self, program: Program, nursery: Nursery, directory: Path) -> None:
        """Keep what the program prints below `directory`, outside of its store."""
        self._program = program
        self._tracing = Tracing(nursery, directory, program.deadline_s)
        self._known = Workload()
        self._printed = directory / "acknowledged"

    def prepare(self, root: Path) -> ChildEnd:
        """Make the directory, and run the program's own preparation if it has one."""

        def work(channel: Channel) -> None:
            del channel
            root.mkdir()
            if self._program.prepare:
                self._become(self._program.prepare, root)

        self._printed.write_text("")
        end = self._tracing.plainly(work)
        self._must_end_well(end, "its preparation")
        return told(end, ["prepared"])

    def references(self, root: Path) -> ChildEnd:
        """Run the command and its check without fault: there is no state to refer to later."""
        self._must_end_well(self._tracing.plainly(self._command(root)), "its command")
        end = self._checked(root)
        for kind in ("violation", "undecided"):
            if (said := end.last(kind)) is not None:
                evidence = said[1] if isinstance(said[1], str) else "; ".join(said[1])
                why = f"its check does not accept the store of a whole run: {evidence}"
                raise PrepareError(self._program.name, why)
        self._must_end_well(end, "its check")
        return told(end, ["references", [], None])

    def trace(self, root: Path) -> ChildEnd:
        """Run the command under strace; says `hits`, `note`, `doubt` and `finished`."""
        end = self._known.learn(*self._tracing.look(self._command(root), root))
        self._must_end_well(end, "its command")
        return told(end, ["finished"])

    def run(self, root: Path, steps: Steps, incarnation: int) -> ChildEnd:
        """Run the command and kill it at the step's call."""
        del incarnation
        return self._tracing.kill(self._command(root), root, steps[-1], self._known.rehearsal)

    def recover(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Miss: a program's recovery is its check, which is not killed."""
        del incarnation, earlier
        return self._tracing.kill(self._command(root), root, step, NO_CALLS)

    can_be_photographed = False
    patient = None

    def photograph(self, place: Place, incarnation: int, sitting: Sitting) -> Album:
        """Have no photographs: it passes its points outside of itself."""
        del place, incarnation, sitting
        return NO_ALBUM

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Have none, for the same reason."""
        del root, incarnation
        return None

    def measure(self, root: Path, incarnation: int, output: Path, *, recovery: bool) -> ChildEnd:
        """Run the program; its points are the calls themselves, so there is nothing to find."""
        del incarnation, output, recovery
        return self._tracing.plainly(self._command(root))

    def verify(self, root: Path, dossier: Dossier) -> ChildEnd:
        """Run the check, and once more: a store that was repaired once must stay right."""
        # The case may not be the last one that ran: what it had printed is in its history.
        lines = [f"{each.name}\n" for each in dossier.history.operations]
        self._printed.write_text("".join(lines))
        return self._checked(root)

    def try_kept(self, root: Path, told: Bystander) -> ChildEnd | None:
        """Have no handles to keep."""
        del root, told
        return None

    def describe(self, root: Path) -> ChildEnd:
        """Say nothing: the program's files mean something to itself only."""
        del root
        return self._tracing.plainly(lambda channel: channel.send("description", []))

    def hits(self, end: ChildEnd) -> tuple[Hit, ...]:
        """Return what strace saw of this child."""
        said = end.last("hits")
        return tuple(failpoints.Hit(*each) for each in said[0]) if said else ()

    def fired(self, end: ChildEnd, step: Step) -> str:
        """Return where this child was struck, or nothing."""
        del step
        return traced.struck_at(end)

    def history(self, end: ChildEnd) -> History:
        """Return the whole lines that the program had printed: each acknowledges something."""
        del end
        lines = self._printed.read_text(errors="replace").split("\n")[:-1]
        return History(
            operations=tuple(
                OperationRecord(index=index, name=line, outcome=Outcome.ACKNOWLEDGED)
                for index, line in enumerate(lines)
            )
        )

    def operations(self, end: ChildEnd) -> tuple[str, ...]:
        """Return the lines that the whole run prints."""
        return tuple(each.name for each in self.history(end).operations)

    def _command(self, root: Path) -> Callable[[Channel], None]:
        def work(channel: Channel) -> None:
            del channel
            printed = os.open(self._printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(printed, 1)
            os.close(printed)
            self._become(self._program.command, root)

        return work

    def _become(self, command: str, root: Path) -> None:
        """Turn this child into the shell that runs a command; never returns."""
        failpoints.off()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.execve("/bin/sh", ["sh", "-c", self._fill(command, root)], self._environment(root))

    def _must_end_well(self, end: ChildEnd, whose: str) -> None:
        """Raise `PrepareError` with the last lines of a program that fails without any fault."""
        if end.exit_code == 0 and not end.timed_out:
            return
        how = "its deadline" if end.timed_out else _ended(end.exit_code)
        tail = _tail(f"{self._printed.read_text(errors='replace')}\n{end.output}")
        said = f"and printed last: {tail}" if tail else "and printed nothing"
        raise PrepareError(self._program.name, f"{whose} ended with {how} {said}")

    def _checked(self, root: Path) -> ChildEnd:
        def work(channel: Channel) -> None:
            if self._check(root, channel, CHECK_ACCEPTS):
                channel.send("recovered", image.capture(root).id)
                self._check(root, channel, CHECK_ACCEPTS_AGAIN)
            channel.send("verified")

        return self._tracing.plainly(work)

    def _check(self, root: Path, channel: Channel, invariant: str) -> bool:
        """Run the check once; return whether it accepts, and say it when it does not."""
        environment = self._environment(root) | {"KILLPOINT_ACKNOWLEDGED": str(self._printed)}
        done = subprocess.run(
            ["/bin/sh", "-c", self._fill(self._program.check, root)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        sys.stdout.write(done.stdout)
        said = _tail(done.stdout) or "it said nothing"
        if done.returncode == 1:
            channel.send("violation", invariant, [said])
        elif done.returncode != 0:
            channel.send("undecided", invariant, f"{_ended(done.returncode)}: {said}")
        return done.returncode == 0

    def _environment(self, root: Path) -> dict[str, str]:
        return {**os.environ, **self._program.environment, "KILLPOINT_DIR": str(root)}

    def _fill(self, command: str, root: Path) -> str:
        return command.replace("{dir}", shlex.quote(str(root)))


def subject_of(scenario: Scenario | Program, nursery: Nursery, directory: Path) -> Subject:
    """Choose the subject that fits what the user gave; traces go below `directory`.

    Raises `MissingToolError` when its points are system calls and those cannot be traced here.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if isinstance(scenario, Program):
        traced.require()
        return ProgramSubject(scenario, nursery, directory)
    if PointSource.SYSCALLS in scenario.points:
        traced.require()
        return NativeSubject(scenario, nursery, directory)
    return StoreSubject(scenario, nursery)


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _tail(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-OUTPUT_LINES_MAX:])[-OUTPUT_CHARACTERS_MAX:]
