"""Which calls of a process to the storage no point brackets, by its trace under strace.

It never decides whether strace is there, and never judges what it has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from killpoint.events import Bracketing
from killpoint.sources.marks import unbracketed_in
from killpoint.sources.syscalls import read_trace

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.process.subject import Subject


def measured(
    subject: Subject, root: Path, incarnation: int, output: Path, *, recovery: bool
) -> Bracketing:
    """Run the workload, or the recovery of what stands below `root`, and read its trace."""
    end = subject.measure(root, incarnation, output, recovery=recovery)
    seen = read_trace(output, root)
    # What a workload's trace has doubted is known already; a recovery is heard here only.
    doubts = [said[0] for said in end.all("doubt")] if recovery else []
    return Bracketing(
        measured=True,
        calls_count=sum(pair.mutates for pair in seen.pairs),
        unbracketed=(*(str(each) for each in unbracketed_in(seen)), *doubts),
        blind=seen.blind,
    )
