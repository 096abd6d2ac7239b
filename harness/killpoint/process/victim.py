"""What runs inside a forked child that may die: preparing, the workload, and a recovery.

Each function talks to the parent through its channel and nothing else: attempts before an
operation, acknowledgements after it. It never judges, and it never runs in the warm parent.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from killpoint import failpoints
from killpoint.invariants import MODEL, first_difference
from killpoint.process.child import plain
from killpoint.scenario import FollowUp, PointSource, Ports
from killpoint.sources import python_calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from killpoint.failpoints import Hit
    from killpoint.process.child import Channel
    from killpoint.scenario import Scenario
    from killpoint.sources.audit import Unseen

RETURNED = failpoints.declare(
    "operation.returned",
    durable="all that the operation did",
    pending="the operation: it has returned, and nobody was told",
    rare=True,
)
ACKNOWLEDGED = failpoints.declare(
    "operation.acknowledged",
    durable="the operation, or its acknowledgement was a lie",
    pending="nothing",
    rare=True,
)
OWN_POINTS = frozenset({RETURNED.name, ACKNOWLEDGED.name})

PREPARER = 0
FIRST_VICTIM = 1
DETAIL_CHARACTERS_MAX = 400


def prepare(scenario: Scenario, root: Path, channel: Channel) -> None:
    """Make the store, open it once and close it, so that the template is one at rest."""
    failpoints.off()
    system = scenario.system
    root.mkdir()
    system.prepare(root, Ports(incarnation=PREPARER, actor="prepare"))
    system.close(system.open(root, Ports(incarnation=PREPARER, actor="first-open")))
    channel.send("prepared")


def references(scenario: Scenario, root: Path, channel: Channel) -> None:
    """Run the workload without fault; say the state before it and after each operation.

    Where an operation has a model, what it has led to is compared with that.
    """
    failpoints.off()
    system = scenario.system
    handle = system.open(root, Ports(incarnation=FIRST_VICTIM, actor="run"))
    states: list[Any] = [plain(system.observe(handle))]
    for operation in scenario.operations:
        operation.apply(handle)
        states.append(plain(system.observe(handle)))
        if isinstance(operation, FollowUp):
            _compare(operation, states, channel)
    system.close(handle)
    handle = system.open(root, Ports(incarnation=FIRST_VICTIM + 1, actor="reopen"))
    channel.send("references", states, plain(system.observe(handle)))
    system.close(handle)


def _compare(operation: FollowUp, states: list[Any], channel: Channel) -> None:
    """Say a violation if the last state is not what the model makes of the one before."""
    expected = plain(operation.expect(states[-2]))
    if states[-1] != expected:
        evidence = f"{operation.name}: {first_difference(expected, states[-1])}"
        channel.send("violation", MODEL, [evidence])


def watch_calls(scenario: Scenario, root: Path) -> Callable[[], list[Unseen]]:
    """Make the file-system calls of Python code points too, if the scenario wants them.

    Returns what tells which changes, so far, no point stood before.
    """
    if PointSource.PYTHON in scenario.points:
        return python_calls.install(root).unseen
    return list


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A workload that came to its end, or to an operation that failed: `error` is its reason."""

    handle: Any
    done_count: int
    error: Exception | None


def run(scenario: Scenario, root: Path, channel: Channel, incarnation: int) -> None:
    """Run the workload and close the store."""
    unseen = watch_calls(scenario, root)
    stopped = until_failure(scenario, root, channel, incarnation)
    scenario.system.close(stopped.handle)
    _doubt(channel, unseen())
    channel.send("finished")


def until_failure(scenario: Scenario, root: Path, channel: Channel, incarnation: int) -> Stopped:
    """Open the store and run the workload, saying what is attempted and acknowledged.

    After an operation that failed nothing further is attempted: what would be legal then, nobody
    has recorded.
    """
    handle = scenario.system.open(root, Ports(incarnation=incarnation, actor="run"))
    for index, operation in enumerate(scenario.operations):
        channel.send("attempt", index)
        try:
            answer = operation.apply(handle)
        except Exception as error:  # noqa: BLE001 -- an operation may fail: that is an outcome
            channel.send("fail", index, describe(error))
            return Stopped(handle=handle, done_count=index, error=error)
        failpoints.reach(RETURNED)
        channel.send("ack", index, _short(answer))
        failpoints.reach(ACKNOWLEDGED)
    return Stopped(handle=handle, done_count=len(scenario.operations), error=None)


def recover(
    scenario: Scenario,
    root: Path,
    channel: Channel,
    incarnation: int,
    earlier: object = None,
) -> None:
    """Reopen the store and close it: all of recovery, and nothing else.

    First it says what the crashed directory shows, added to what `earlier` deaths had shown.
    """
    channel.send("witness", plain(scenario.lasting(scenario.witness(root, earlier))))
    unseen = watch_calls(scenario, root)
    system = scenario.system
    system.close(system.open(root, Ports(incarnation=incarnation, actor="recover")))
    _doubt(channel, unseen())
    channel.send("finished")


class Model:
    """Halts at every hit, and says which it is and how many threads there are."""

    def __init__(self, channel: Channel) -> None:
        """Halt on this channel."""
        self._channel = channel

    def __call__(self, hit: Hit) -> None:
        """Say where, then stand still until the parent has looked."""
        threads = len(os.listdir("/proc/self/task"))
        self._channel.send("halt", hit.point, hit.occurrence, hit.footprint, threads)
        self._channel.halt()


class Tape:
    """Collects hits in a child and sends them in one message."""

    def __init__(self) -> None:
        """Start empty."""
        self._hits: list[tuple[str, int, str]] = []

    def __call__(self, hit: Hit) -> None:
        """Keep one hit."""
        self._hits.append((hit.point, hit.occurrence, hit.footprint))

    def send(self, channel: Channel) -> None:
        """Say all hits so far."""
        channel.send("hits", self._hits)


def describe(error: BaseException) -> str:
    """Return an error as one short line: its type and its first sentence."""
    return _short(f"{type(error).__name__}: {error}")


def _doubt(channel: Channel, unseen: list[Unseen]) -> None:
    """Say which changes came past the points: with them, the enumeration is not whole."""
    for each in dict.fromkeys(unseen):
        channel.send("doubt", f"no point stands before {each.event} of {each.path}")


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text[:DETAIL_CHARACTERS_MAX]
