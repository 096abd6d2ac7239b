"""What can be killed: how to start the children of a case, and how to read what they said.

The runner sees only the `Subject` protocol. `StoreSubject` is a system of Python functions whose
points are passed inside the child; `killpoint.process.traced` has those whose points are system
calls. It never decides a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from killpoint.failpoints import Hit
from killpoint.fault import Fault
from killpoint.history import History, OperationRecord, Outcome
from killpoint.process import damaged, hurt, kept, strike, traced, verifier, victim
from killpoint.process.crash import Album, Hurt, Photograph
from killpoint.scenario import PointSource
from killpoint.sources import marks, python_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from killpoint.case import Step
    from killpoint.image import Image
    from killpoint.process.child import Channel, ChildEnd, Nursery
    from killpoint.process.crash import Sitting, Steps
    from killpoint.process.hurt import Afterwards
    from killpoint.process.kept import Bystander
    from killpoint.process.place import Place
    from killpoint.process.verifier import Dossier
    from killpoint.scenario import Scenario


PHOTOGRAPHS_S = 120.0


class Patient(Protocol):
    """Has a storage that can be made to fail."""

    def hurt(self, place: Place, step: Step, incarnation: int, then: Afterwards) -> Hurt:
        """Run the workload with a storage that fails; says `later`, and what the handle did."""

    def hurt_recovery(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store with a storage that fails."""

    def read_parts(self, root: Path, incarnation: int) -> ChildEnd:
        """Say `parts`: what each part of the store holds."""

    def look_at_damage(self, root: Path, told: damaged.Told) -> ChildEnd:
        """Judge what the store makes of damage that befell it at rest."""


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

    def run(self, root: Path, steps: Steps, incarnation: int) -> ChildEnd:
        """Run the workload, armed: errors, if any, and a kill at last."""

    @property
    def patient(self) -> Patient | None:
        """The same subject if its storage can be made to fail, or None."""

    def recover(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store, armed."""

    @property
    def can_be_photographed(self) -> bool:
        """Tell whether its points are passed inside the child, which can stop there."""

    def photograph(self, place: Place, incarnation: int, sitting: Sitting) -> Album:
        """Run the workload or a recovery, stopping at each point to be photographed."""

    def trace_recovery(self, root: Path, incarnation: int) -> ChildEnd | None:
        """Reopen the store under a counting seam; None when `verify` has already counted."""

    def measure(self, root: Path, incarnation: int, output: Path, *, recovery: bool) -> ChildEnd:
        """Run once more under strace, each hit a mark in the trace at `output`."""

    def verify(self, root: Path, dossier: Dossier) -> ChildEnd:
        """Reopen the store and judge it."""

    def try_kept(self, root: Path, told: Bystander) -> ChildEnd | None:
        """Try operations on a handle that was open during the crash; None without any."""

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
        if PointSource.PYTHON in self._scenario.points:
            # Here, for the trace comes before all others: no child need do it again.
            python_calls.prepare(root)

        def work(channel: Channel) -> None:
            tape = victim.Tape()
            strike.count(tape)
            victim.run(self._scenario, root, channel, victim.FIRST_VICTIM)
            tape.send(channel)

        return self._child(work)

    def run(self, root: Path, steps: Steps, incarnation: int) -> ChildEnd:
        """Run the workload, armed: errors, if any, and a kill at last."""
        part = victim.run if len(steps) == 1 else hurt.run

        def work(channel: Channel) -> None:
            strike.arm(steps, channel)
            part(self._scenario, root, channel, incarnation)

        return self._child(work)

    @property
    def patient(self) -> Patient:
        """Its storage can be made to fail: calls to it pass the seam."""
        return self

    def hurt(self, place: Place, step: Step, incarnation: int, then: Afterwards) -> Hurt:
        """Run the workload with a storage that fails; says `later`, and what the handle did."""

        def work(channel: Channel) -> None:
            later: list[tuple[str, int]] = []
            strike.arm((step,), channel, lambda hit: later.append((hit.point, hit.occurrence)))
            stopped = hurt.run(self._scenario, place.root, channel, incarnation)
            channel.send("later", later)
            hurt.go_on(self._scenario, place.root, channel, stopped, then)

        standing: list[Image] = []
        end = self._nursery.run(
            work,
            deadline_s=self._scenario.deadline_s,
            look=lambda: standing.append(place.look()),
        )
        return Hurt(image=standing[0] if standing else None, end=end)

    def hurt_recovery(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store with a storage that fails."""

        def work(channel: Channel) -> None:
            strike.arm((step,), channel)
            hurt.recover(self._scenario, root, channel, incarnation, earlier)

        return self._child(work)

    def read_parts(self, root: Path, incarnation: int) -> ChildEnd:
        """Say `parts`: what each part of the store holds."""
        scenario = self._scenario
        return self._child(lambda channel: damaged.read_parts(scenario, root, channel, incarnation))

    def look_at_damage(self, root: Path, told: damaged.Told) -> ChildEnd:
        """Judge what the store makes of damage that befell it at rest."""
        return self._child(lambda channel: damaged.look(self._scenario, root, channel, told))

    def recover(self, root: Path, step: Step, incarnation: int, earlier: object) -> ChildEnd:
        """Reopen the store, armed."""

        def work(channel: Channel) -> None:
            strike.arm((step,), channel)
            victim.recover(self._scenario, root, channel, incarnation, earlier)

        return self._child(work)

    @property
    def can_be_photographed(self) -> bool:
        """Tell whether its points are passed inside the child, which can stop there."""
        return True

    def photograph(self, place: Place, incarnation: int, sitting: Sitting) -> Album:
        """Run the workload or a recovery, stopping at each point to be photographed."""
        names = [operation.name for operation in self._scenario.operations]

        def work(channel: Channel) -> None:
            model = victim.Model(channel)
            if sitting.after:
                strike.arm(sitting.after, channel, model)
                hurt.run(self._scenario, place.root, channel, incarnation)
                return
            strike.count(model)
            if sitting.recovery:
                earlier = sitting.earlier
                victim.recover(self._scenario, place.root, channel, incarnation, earlier)
            else:
                victim.run(self._scenario, place.root, channel, incarnation)

        images: list[Image] = []
        end = self._nursery.run(
            work,
            deadline_s=max(self._scenario.deadline_s, PHOTOGRAPHS_S),
            look=lambda: images.append(place.look()),
        )
        return album_of(names, images, end)

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

    def try_kept(self, root: Path, told: Bystander) -> ChildEnd | None:
        """Try operations on a handle that was open during the crash; None without any."""
        if not self._scenario.kept:
            return None
        return self._child(lambda channel: kept.try_all(self._scenario, root, channel, told))

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
        said = end.last("fired")
        # An error leaves its process alive; what fired before a death that was not ours does not.
        fits = said is not None and said[2] == step.fault.value
        lived = step.fault is not Fault.KILL
        return f"{said[0]}@{said[1]}" if said and fits and (lived or end.killed) else ""

    def history(self, end: ChildEnd) -> History:
        """Return what the victim had said."""
        names = [operation.name for operation in self._scenario.operations]
        return history_of(names, end.messages)

    def operations(self, end: ChildEnd) -> tuple[str, ...]:
        """Return the names of the workload's operations."""
        del end
        return tuple(operation.name for operation in self._scenario.operations)

    def _child(self, work: Callable[[Channel], None]) -> ChildEnd:
        return self._nursery.run(work, deadline_s=self._scenario.deadline_s)


def history_of(names: list[str], messages: Sequence[list[Any]]) -> History:
    """Return the history that these messages of a victim tell."""
    outcomes: dict[int, tuple[Outcome, str]] = {}
    for kind, *said in messages:
        match kind:
            case "attempt":
                outcomes[said[0]] = (Outcome.IN_FLIGHT, "")
            case "ack":
                outcomes[said[0]] = (Outcome.ACKNOWLEDGED, said[1])
            case "fail":
                outcomes[said[0]] = (Outcome.FAILED, said[1])
            case _:
                continue
    return History(
        operations=tuple(
            OperationRecord(index=i, name=names[i], outcome=outcome, detail=detail)
            for i, (outcome, detail) in sorted(outcomes.items())
        )
    )


def album_of(names: list[str], images: list[Image], end: ChildEnd) -> Album:
    """Put together what the parent saw at each halt and what the child said of it."""
    photographs: list[Photograph] = []
    threads_most = 1
    heard: list[list[Any]] = []
    for message in end.messages:
        if message[0] != "halt":
            heard.append(message)
            continue
        point, occurrence, footprint, threads = message[1:]
        threads_most = max(threads_most, threads)
        if len(photographs) < len(images):
            hit, taken = Hit(point, occurrence, footprint), images[len(photographs)]
            history = history_of(names, heard)
            photographs.append(Photograph(hit=hit, image=taken, history=history))
    why_not = ""
    if threads_most > 1:
        why_not = f"the process has {threads_most} threads"
    elif end.last("finished") is None:
        why_not = f"the process did not finish: {end.how}"
    return Album(
        by_hit={(each.hit.point, each.hit.occurrence): each for each in photographs},
        in_order=tuple(photographs),
        witness=(end.last("witness") or [None])[0],
        end=end,
        why_not=why_not,
    )
