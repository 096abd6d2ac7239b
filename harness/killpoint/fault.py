"""What a step of a case does at its point, and which of these make sense where.

A kill makes sense everywhere. A storage error makes sense where a call to the storage comes next
or has just been made: at the stages of an effect, and before the file-system calls of Python code.
At the last stage of an effect the call has been made, so that an error there is a lost
acknowledgement. It never carries a fault out; `killpoint.process.strike` does.
"""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from killpoint.failpoints import Effect


class Fault(StrEnum):
    """What happens at a point. The values are the words of a token."""

    KILL = "kill"
    EIO = "eio"
    DEAD = "dead"
    SHORT = "short"
    ENOSPC = "enospc"
    EMFILE = "emfile"
    EACCES = "eacces"
    EXDEV = "exdev"
    GONE = "gone"

    @property
    def errno(self) -> int:
        """Return the system's number for it; a kill and a short write have none."""
        match self:
            case Fault.KILL | Fault.SHORT:
                return 0
            case Fault.DEAD:
                return errno.EIO
            case Fault.GONE:
                return errno.ENOENT
            case _:
                return int(getattr(errno, self.name))

    @property
    def words(self) -> str:
        """Return what it does, for a reader."""
        match self:
            case Fault.KILL:
                return "killed"
            case Fault.DEAD:
                return "the storage died (EIO from there on)"
            case Fault.SHORT:
                return "half was written"
            case Fault.GONE:
                return "the object was gone (ENOENT)"
            case _:
                return f"{self.name} was returned"


READ_VERBS = frozenset({"get", "list", "exists"})
FIRST = "before"
PYTHON = "python."


def faults_at(effects: Iterable[Effect], points: Iterable[str]) -> Mapping[str, tuple[Fault, ...]]:
    """Return, for each point where a storage error makes sense, the faults to try there."""
    at: dict[str, tuple[Fault, ...]] = {}
    for effect in effects:
        for stage, point in effect.points.items():
            if effect.verb in READ_VERBS:
                at[point.name] = _reading(effect.verb, stage)
            else:
                at[point.name] = _writing(stage)
    at |= {name: (Fault.EIO, Fault.DEAD) for name in points if name.startswith(PYTHON)}
    return {name: faults for name, faults in at.items() if faults}


def _reading(verb: str, stage: str) -> tuple[Fault, ...]:
    """Return the faults of a verb that reads: what it has read, it has read."""
    if stage != FIRST:
        return ()
    gone = (Fault.GONE,) if verb == "get" else ()
    return (Fault.EIO, Fault.DEAD, *gone, Fault.EMFILE, Fault.EACCES)


def _writing(stage: str) -> tuple[Fault, ...]:
    """Return the faults of a verb that changes something."""
    match stage:
        case "before":
            return (Fault.EIO, Fault.DEAD, Fault.ENOSPC, Fault.EMFILE, Fault.EACCES)
        case "created":
            return (Fault.EIO, Fault.DEAD, Fault.SHORT, Fault.ENOSPC)
        case "linking":
            return (Fault.EIO, Fault.DEAD, Fault.EXDEV)
        case _:
            return (Fault.EIO, Fault.DEAD)
