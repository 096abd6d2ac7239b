"""Arm the steps of one process of a case: a kill, or a storage error, each at the hit it means.

It is the campaign's own plan: one comparison a hit. A kill is SIGKILL to the own process, and
never returns. An error is raised by the point as the system would raise it from the call that
comes next; after `dead` every further call to the storage fails. A short write hands on half of
what was to be written. Each fault is announced before it acts.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from killpoint.failpoints import Hit, Seam, catalogue, effects, install
from killpoint.fault import Fault, faults_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from killpoint.case import Step
    from killpoint.failpoints.seam import Decision
    from killpoint.process.child import Channel


class Kill:
    """The decision to die here."""

    text = "kill"

    def act(self, hit: Hit, payload: object) -> object:
        """Send SIGKILL to this very process and never go on."""
        del hit, payload
        os.kill(os.getpid(), signal.SIGKILL)
        while True:
            signal.pause()


class Fail:
    """The decision that the storage fails here."""

    __slots__ = ("_fault", "text")

    def __init__(self, fault: Fault, *, again: bool = False) -> None:
        """Fail in this way; a storage that is dead says so once."""
        self._fault = fault
        self.text = "" if again else fault.value

    def act(self, hit: Hit, payload: object) -> object:
        """Raise what the system would, or cut the payload short."""
        if self._fault is Fault.SHORT:
            return payload[: len(payload) // 2] if isinstance(payload, bytes) else payload
        number = self._fault.errno
        raise OSError(number, os.strerror(number), hit.footprint)


class Strike:
    """A plan for the steps of one process, in order, each at its point and occurrence."""

    __slots__ = ("_dead", "_ordinal", "_steps", "_storage")

    def __init__(self, steps: Sequence[Step]) -> None:
        """Wait for the first step's hit, then for the second's."""
        self._steps = list(steps)
        self._ordinal = 0
        self._dead = False
        self._storage: frozenset[str] = frozenset()
        if any(step.fault is Fault.DEAD for step in steps):
            self._storage = frozenset(faults_at(effects().values(), catalogue()))

    def decide(self, hit: Hit) -> Decision | None:
        """Return what happens at this hit, if anything does."""
        self._ordinal += 1
        if self._steps and self._meant(self._steps[0], hit):
            step = self._steps.pop(0)
            self._dead = self._dead or step.fault is Fault.DEAD
            return Kill() if step.fault is Fault.KILL else Fail(step.fault)
        if self._dead and hit.point in self._storage:
            return Fail(Fault.DEAD, again=True)
        return None

    def _meant(self, step: Step, hit: Hit) -> bool:
        if step.point:
            return hit.point == step.point and hit.occurrence == step.occurrence
        return self._ordinal == step.ordinal


def arm(
    steps: Sequence[Step],
    channel: Channel,
    observe: Callable[[Hit], object] | None = None,
) -> None:
    """Install a seam that strikes at each step and says so through the channel first.

    `observe` is told every hit after the first fault, in this process.
    """
    struck: list[Hit] = []

    def announce(hit: Hit, text: str) -> None:
        struck.append(hit)
        if text:
            channel.send("fired", hit.point, hit.occurrence, text, hit.footprint)

    def notice(hit: Hit) -> None:
        if struck and observe is not None:
            observe(hit)

    install(Seam(plan=Strike(steps), on_fire=announce, observe=notice))


def count(observe: Callable[[Hit], object]) -> Seam:
    """Install a seam that only counts, and hands each hit to `observe`."""
    return install(Seam(observe=observe))
