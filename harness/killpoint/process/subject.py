"""What can be killed: how to start the children of a case, and how to read what they said.

The runner sees only the `Subject` protocol. `StoreSubject` is a system of Python functions whose
points are passed inside the child; `killpoint.process.traced` has those whose points are system
calls. It never decides a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from killpoint.failpoints import Hit
from killpoint.history import History, OperationRecord, Outcome
from killpoint.process import strike, traced, verifier, victim
from killpoint.sources import marks

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.case import Step
    from killpoint.process.child import Channel, ChildEnd, Nursery
    from killpoint.process.verifier import Dossier
    from killpoint.scenario import Scenario


class Subject(Protocol):
    """Starts the children of a case below `root` and reads their ends."""

    @property
    def follow_ups_count(self) -> int:
        """How many kinds of follow-up there are."""

    def prepare(self, root: Path) -> ChildEnd:
        """Make the store; says `prepared`."""

    def references(self, root: Path) -> ChildEnd:
        """Run the workload; says `references` with all states and the reopened one."""

    def trace(self, root: Path) -> ChildEnd:
        """Run the workload under a counting seam; says `finished`."""

    def run(self, root: Path, step: Step, incarnation: int) -> ChildEnd:
        """Run the workload, armed."""

    def recover(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store, armed."""

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Reopen the store under a counting seam; None when `verify` has already counted."""

    def measure(self, root: Path, incarnation: int, output: Path, *, recovery: bool) -> ChildEnd:
        """Run once more under strace, each hit a mark in the trace at `output`."""

    def verify(self, root: Path, dossier: Dossier) -> ChildEnd:
        """Reopen the store and judge it."""

    def describe(self, root: Path) -> ChildEnd:
        """Say in the store's own words what stands below `root`."""

    def hits(self, end: ChildEnd) -> tuple[Hit, ...]:
        """Return the hits that a counting child passed."""

    def fired(self, end: ChildEnd, step: Step) -> str:
        """Return the point where the fault struck, or an empty string."""

    def history(self, end: ChildEnd) -> History:
        """Return what the victim had said."""

    def operations(self, end: ChildEnd) -> tuple[str, ...]:
        """Return the names of the workload's operations."""


class StoreSubject:
    """A `Scenario` whose points are passed inside the child."""

    def __init__(self, scenario: Scenario, nursery: Nursery) -> None:
        """Run children of `nursery`."""
        self._scenario = scenario
        self._nursery = nursery

    @property
    def follow_ups_count(self) -> int:
        """How many kinds of follow-up there are."""
        return len(self._scenario.follow_ups)

    def prepare(self, root: Path) -> ChildEnd:
        """Make the store; says `prepared`."""
        return self._child(lambda channel: victim.prepare(self._scenario, root, channel))

    def references(self, root: Path) -> ChildEnd:
        """Run the workload; says `references` with all states and the reopened one."""
        return self._child(lambda channel: victim.references(self._scenario, root, channel))

    def trace(self, root: Path) -> ChildEnd:
        """Run the workload under a counting seam; says `hits` and `finished`."""

        def work(channel: Channel) -> None:
            tape = victim.Tape()
            strike.count(tape)
            victim.run(self._scenario, root, channel, victim.FIRST_VICTIM)
            tape.send(channel)

        return self._child(work)

    def run(self, root: Path, step: Step, incarnation: int) -> ChildEnd:
        """Run the workload, armed."""

        def work(channel: Channel) -> None:
            strike.arm(step, channel)
            victim.run(self._scenario, root, channel, incarnation)

        return self._child(work)

    def recover(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store, armed."""

        def work(channel: Channel) -> None:
            strike.arm(step, channel)
            victim.recover(self._scenario, root, channel, incarnation, earlier)

        return self._child(work)

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Leave it to `verify`, which counts while it recovers."""
        del root, incarnation
        return None

    def measure(self, root: Path, incarnation: int, output: Path, *, recovery: bool) -> ChildEnd:
        """Run once more under strace, each hit a mark in the trace at `output`."""
        part = victim.recover if recovery else victim.run

        def work(channel: Channel) -> None:
            strike.count(marks.emit)
            part(self._scenario, root, channel, incarnation)

        with traced.look(output, marks=True) as attach:
            return self._nursery.run(work, deadline_s=traced.DEADLINE_S, attach=attach)

    def verify(self, root: Path, dossier: Dossier) -> ChildEnd:
        """Reopen the store and judge it."""
        return self._child(lambda channel: verifier.verify(self._scenario, root, channel, dossier))

    def describe(self, root: Path) -> ChildEnd:
        """Say in the store's own words what stands below `root`."""
        return self._child(
            lambda channel: channel.send("description", list(self._scenario.describe(root)))
        )

    def hits(self, end: ChildEnd) -> tuple[Hit, ...]:
        """Return the hits that a counting child passed."""
        said = end.last("hits")
        return tuple(Hit(*each) for each in said[0]) if said else ()

    def fired(self, end: ChildEnd, step: Step) -> str:
        """Return the point where the fault struck, or an empty string."""
        del step
        said = end.last("fired")
        return f"{said[0]}@{said[1]}" if said and end.killed else ""

    def history(self, end: ChildEnd) -> History:
        """Return what the victim had said."""
        names = [operation.name for operation in self._scenario.operations]
        outcomes = {index: (Outcome.IN_FLIGHT, "") for (index,) in end.all("attempt")}
        outcomes |= {i: (Outcome.ACKNOWLEDGED, detail) for i, detail in end.all("ack")}
        outcomes |= {i: (Outcome.FAILED, detail) for i, detail in end.all("fail")}
        return History(
            operations=tuple(
                OperationRecord(index=i, name=names[i], outcome=outcome, detail=detail)
                for i, (outcome, detail) in sorted(outcomes.items())
            )
        )

    def operations(self, end: ChildEnd) -> tuple[str, ...]:
        """Return the names of the workload's operations."""
        del end
        return tuple(operation.name for operation in self._scenario.operations)

    def _child(self, work: object) -> ChildEnd:
        return self._nursery.run(work, deadline_s=self._scenario.deadline_s)  # type: ignore[arg-type]
