"""Whether declared points bracket every change: the measure behind "unbracketed calls: 0".

A program that runs under `attach(..., marks=True)` reports each failpoint by asking for the
status of a path that cannot exist, a call that changes nothing and that strace shows among the
others. Between two neighbouring marks of one tracee at most one call may change the store; where
there are more, a kill between them is one that no declared point can make. It never tells which
point is missing, only between which two.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.sources.trace import MARK_ROOT, MarkHit, SyscallHit, SyscallTrace, read_trace

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.failpoints import Hit

NO_MARK = ""
_ENOUGH = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbracketed:
    """More than one change by a tracee between two neighbouring marks of it.

    A point is empty where the tracee had passed none yet, or passed none any more.
    """

    tracee: int
    after_point: str
    before_point: str
    calls: tuple[SyscallHit, ...]

    def __str__(self) -> str:
        """Say it in one line."""
        calls = ", ".join(f"{call.call} {call.path}" for call in self.calls)
        after = self.after_point or "its start"
        before = self.before_point or "its end"
        return f"between {after} and {before}: {len(self.calls)} calls ({calls})"


def emit(hit: Hit) -> None:
    """Put a mark into the trace of this process; give it to a seam as its observer."""
    # The path never exists, and a failed stat touches no store.
    with contextlib.suppress(OSError):
        os.stat(f"{MARK_ROOT}{hit.occurrence}/{hit.point}")


def unbracketed(output: Path, root: Path) -> tuple[Unbracketed, ...]:
    """Return every stretch of the trace in which a tracee changed the store more than once."""
    return unbracketed_in(read_trace(output, root))


def unbracketed_in(trace: SyscallTrace) -> tuple[Unbracketed, ...]:
    """Do the same for a trace that has been read."""
    found: list[Unbracketed] = []
    for tracee in range(trace.tracees_count):
        after, calls = NO_MARK, list[SyscallHit]()
        end = MarkHit(tracee=tracee, point=NO_MARK, occurrence=0)
        for one in (*trace.order, end):
            if one.tracee != tracee:
                continue
            if isinstance(one, SyscallHit):
                calls += [one] if one.mutates else []
                continue
            if len(calls) > _ENOUGH:
                found.append(
                    Unbracketed(
                        tracee=tracee,
                        after_point=after,
                        before_point=one.point,
                        calls=tuple(calls),
                    )
                )
            after, calls = one.point, []
    return tuple(found)
