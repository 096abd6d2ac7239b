"""Cut the power of a scenario after every call that it makes, and judge what may be left.

The workload runs once, recorded; so does the recovery of a kill, if one is asked for, on top of
what the dead had not made durable. Then every state of the disk that `power` allows is made, and
the scenario's own invariants are asked, before and after the store is reopened. It never cuts the
power of the recovery from a cut.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from killpoint import Ports, Reopened, Scenario, failpoints, image
from killpoint.history import History, OperationRecord, Outcome
from scenarios.kb.power import Cut, Disk, State, cuts
from scenarios.kb.recording import Kind, Recorder, Step, played

PREPARING = Ports(incarnation=0, actor="prepare")
RUNNING = Ports(incarnation=1, actor="run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How many states were tried, and what was wrong with which."""

    cuts_count: int
    evidence: tuple[str, ...]


def cut_everywhere(scenario: Scenario, place: Path, kill: str = "") -> Looked:
    """Try every state that a power cut may leave of the workload, or of a kill and its recovery."""
    failpoints.off()
    template = _template(scenario, place / "template")
    references = _references(scenario, template, place / "references")
    root, tape = place / "store", place / "tape"
    template.make(root)
    before = Disk.of(root)
    died = _child(lambda: _work(scenario, root, tape, kill))
    assert died == (-signal.SIGKILL if kill else 0), f"the workload ended with {died}"
    if kill:
        ended = _child(lambda: _recover(scenario, root, tape))
        assert ended == 0, f"the recovery ended with {ended}"
    steps = list(played(tape))
    _compare(root, template, steps, place / "again")
    evidence: list[str] = []
    tried = list(cuts(before, steps))
    for cut in tried:
        last = steps[cut.step - 1] if cut.step else None
        after = f"{last.kind} of {last.path}" if last else "nothing"
        found = _judge(scenario, place / "cut", references, cut)
        evidence += [f"cut after step {cut.step}, {after}: {one}" for one in found]
    return Looked(cuts_count=len(tried), evidence=tuple(evidence))


def _template(scenario: Scenario, root: Path) -> State:
    """Return the prepared store, at rest."""
    root.mkdir()
    scenario.system.prepare(root, PREPARING)
    scenario.system.close(scenario.system.open(root, PREPARING))
    return Disk.of(root).now()


def _references(scenario: Scenario, template: State, root: Path) -> tuple[Any, ...]:
    """Return the state before the workload and after each operation."""
    template.make(root)
    handle = scenario.system.open(root, RUNNING)
    states = [scenario.system.observe(handle)]
    for operation in scenario.operations:
        operation.apply(handle)
        states.append(scenario.system.observe(handle))
    scenario.system.close(handle)
    return tuple(states)


def _work(scenario: Scenario, root: Path, tape: Path, kill: str) -> None:
    recorder = Recorder(root, tape)
    recorder.install()
    if kill:
        failpoints.arm(f"{kill}=kill")
    handle = scenario.system.open(root, RUNNING)
    for operation in scenario.operations:
        recorder.say(Kind.ATTEMPT)
        operation.apply(handle)
        recorder.say(Kind.ACKNOWLEDGE)
    scenario.system.close(handle)


def _recover(scenario: Scenario, root: Path, tape: Path) -> None:
    Recorder(root, tape).install()
    ports = Ports(incarnation=2, actor="recover")
    scenario.system.close(scenario.system.open(root, ports))


def _child(work: Callable[[], None]) -> int:
    """Run in a forked child, and return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _compare(root: Path, template: State, steps: list[Step], again: Path) -> None:
    """Refuse a tape that leads elsewhere than the calls did: it would prove nothing."""
    template.make(again)
    disk = Disk.of(again)
    for step in steps:
        disk.do(step)
    told = disk.now().content
    assert told == Disk.of(root).now().content, "the tape does not tell all that was done"


def _judge(scenario: Scenario, place: Path, references: tuple[Any, ...], cut: Cut) -> list[str]:
    """Return what is wrong with one state of the disk."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    root = place / "store"
    cut.state.make(root)
    found: list[str] = []
    try:
        found.extend(_wrongs(scenario, root, references, cut))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the store cannot be used
        found.append(f"raised {error!r}")
    return found


def _wrongs(scenario: Scenario, root: Path, references: tuple[Any, ...], cut: Cut) -> Iterator[str]:
    """Look before the store is reopened, after that, and after another reopening."""
    yield from scenario.examine(root)
    witness = scenario.witness(root, None)
    handle = scenario.system.open(root, Ports(incarnation=3, actor="verify"))
    view = Reopened(
        root=root,
        handle=handle,
        state=scenario.system.observe(handle),
        references=references,
        history=_history(scenario, cut),
        witness=witness,
    )
    for each in scenario.all_invariants:
        yield from (f"{each.name}: {one}" for one in each.check(view))
    scenario.system.close(handle)
    settled = image.capture(root)
    scenario.system.close(scenario.system.open(root, Ports(incarnation=4, actor="again")))
    changed = image.difference(settled, image.capture(root))
    if changed:
        yield f"reopening again changes {changed.describe()}"


def _history(scenario: Scenario, cut: Cut) -> History:
    outcomes = [Outcome.ACKNOWLEDGED] * cut.acknowledged
    outcomes += [Outcome.IN_FLIGHT] * (cut.attempted - cut.acknowledged)
    return History(
        operations=tuple(
            OperationRecord(index=index, name=scenario.operations[index].name, outcome=outcome)
            for index, outcome in enumerate(outcomes)
        )
    )
