"""Arm one step of a case: count hits, announce the one that is meant, and kill there.

It is the campaign's own plan: one comparison a hit, and SIGKILL to the own process. It never
returns after it struck.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from killpoint.failpoints import Hit, Seam, install

if TYPE_CHECKING:
    from collections.abc import Callable

    from killpoint.case import Step
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


class KillAt:
    """A plan that kills at one hit, named by point and occurrence or by its ordinal."""

    __slots__ = ("_ordinal", "_step")

    def __init__(self, step: Step) -> None:
        """Wait for this step's hit."""
        self._step = step
        self._ordinal = 0

    def decide(self, hit: Hit) -> Kill | None:
        """Return the kill at the step's hit, and nothing at any other."""
        self._ordinal += 1
        if self._step.point:
            if hit.point == self._step.point and hit.occurrence == self._step.occurrence:
                return Kill()
        elif self._ordinal == self._step.ordinal:
            return Kill()
        return None


def arm(step: Step, channel: Channel) -> None:
    """Install a seam that kills at the step and says so through the channel first."""

    def announce(hit: Hit, text: str) -> None:
        channel.send("fired", hit.point, hit.occurrence, text, hit.footprint)

    install(Seam(plan=KillAt(step), on_fire=announce))


def count(observe: Callable[[Hit], object]) -> Seam:
    """Install a seam that only counts, and hands each hit to `observe`."""
    return install(Seam(observe=observe))
