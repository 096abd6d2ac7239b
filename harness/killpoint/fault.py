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
    CUT = "cut"
    FLIP = "flip"
    EMPTY = "empty"
    MOVED = "moved"
    STALE = "stale"
    FOREIGN = "foreign"

    @property
    def errno(self) -> int:
        """Return the system's number for it; what is no error of a call has none."""
        match self:
            case Fault.GONE:
                return errno.ENOENT
            case Fault.DEAD:
                return errno.EIO
            case _:
                return int(getattr(errno, self.name, 0))

    @property
    def words(self) -> str:
        """Return what it does, for a reader."""
        return _WORDS.get(self, f"{self.name} was returned")


_WORDS = {
    Fault.KILL: "killed",
    Fault.DEAD: "the storage died (EIO from there on)",
    Fault.SHORT: "half was written",
    Fault.GONE: "the object was gone (ENOENT)",
    Fault.CUT: "the second half was cut off",
    Fault.FLIP: "one bit was flipped",
    Fault.EMPTY: "all content was taken",
    Fault.MOVED: "another name was given",
    Fault.STALE: "the content of a neighbour was given",
    Fault.FOREIGN: "a foreign file was put beside it",
}
# What befalls a file between two runs; a case of it names the file by its place in the directory.
DAMAGES = (Fault.CUT, Fault.FLIP, Fault.EMPTY, Fault.MOVED, Fault.STALE, Fault.FOREIGN)
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
