"""Making a store, and reading the audit: operations around the writes.

An init that was cut short leaves no store, and the next init finishes it. The audit is read from a
store in which an operation has died before. Neither scenario relies on the order of the other.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import graph
from engine.graph import points
from engine.storage import CountedClock, CountedIds
from killpoint import FollowUp, Operation, PointSource, Scenario, failpoints
from scenarios.graph.directory import describe
from scenarios.graph.rows import people
from scenarios.graph.system import FIRST_ROWS, SCHEMA, GraphSystem
from scenarios.graph.writes import BEFORE, scenario

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports


class Place:
    """A directory that may hold a store, and the handle if it does."""

    def __init__(self, root: Path, ports: Ports) -> None:
        """Open what is there; nothing complete is fine."""
        self.root = root
        self.clock = CountedClock(incarnation=ports.incarnation)
        self.ids = CountedIds(incarnation=ports.incarnation, actor=ports.actor)
        self.handle: Graph | None = None
        try:
            self.open()
        except graph.NotAStoreError:
            return

    def open(self) -> None:
        """Open the store; raises `NotAStoreError` when there is none."""
        self.handle = graph.open(self.root, self.clock, self.ids)

    def init(self) -> None:
        """Make the store and open it."""
        graph.init(self.root, SCHEMA, self.clock, self.ids)
        self.open()

    def init_if_missing(self) -> None:
        """Make the store unless one is there."""
        if self.handle is None:
            self.init()


class InitSystem:
    """A store that does not exist yet; its state is None until it does."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Leave the directory empty."""

    def open(self, root: Path, ports: Ports) -> Place:
        """Open the store if there is one."""
        return Place(root, ports)

    def observe(self, handle: Place) -> dict[str, Any] | None:
        """Return every row, or None while there is no store."""
        return None if handle.handle is None else handle.handle.rows()

    def close(self, handle: Place) -> None:
        """Close the store if it was opened."""
        if handle.handle is not None:
            handle.handle.close()


class AuditedSystem(GraphSystem):
    """A store in which an operation has died and was settled."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store, let a process die in the middle of an insert, and recover."""
        super().prepare(root, ports)
        child = os.fork()
        if child == 0:
            failpoints.arm(f"{points.PHASE_C_BEFORE.name}=kill")
            self.open(root, replace(ports, actor="victim")).insert(people("ghost"))
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "the victim was to die"
        self.close(self.open(root, replace(ports, actor="recoverer")))


def empty_store(_: object) -> dict[str, Any]:
    """Return the state of a store that was just made."""
    return {key: [] for key in sorted(FIRST_ROWS)}


def or_empty(state: dict[str, Any] | None) -> dict[str, Any]:
    """Return the state after an init that does nothing to a store that is there."""
    return empty_store(None) if state is None else state


def read_audit(handle: Graph) -> int:
    """Read all audit rows and say how many there are."""
    return len(handle.audit())


SCENARIOS = (
    Scenario(
        name="graph.init",
        system=InitSystem(),
        operations=(Operation("init", Place.init),),
        follow_ups=(FollowUp("init if missing", Place.init_if_missing, or_empty),),
        describe=describe,
        without_damage="a store whose first file is gone is none, and init makes it one",
        points=frozenset({PointSource.DECLARED}),
    ),
    replace(
        scenario("audit", BEFORE, Operation("read the audit", read_audit)),
        system=AuditedSystem(),
        invariants=(),
    ),
)
