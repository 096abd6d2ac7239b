"""What can go wrong between the harness and a traced program; part of the tree of `HarnessError`.

    HarnessError
    `-- TracingError
        |-- AttachError          the tracer never got hold of the process
        |-- TracerStuckError     the tracer outlived its deadline
        `-- TraceUnreadableError the trace file is not one that this package wrote

They never say anything about the store: a case that meets one is undecided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from killpoint.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path


class TracingError(HarnessError):
    """Base: a program could not be traced or struck."""


class AttachError(TracingError):
    """The tracer did not get hold of the process."""

    def __init__(self, pid: int, why: str) -> None:
        """Name the process and what the tracer answered."""
        super().__init__(
            f"cannot trace process {pid}: {why or 'the tracer gave no reason'}. "
            "Check that this user may ptrace: kernel.yama.ptrace_scope, the container's seccomp."
        )


class TracerStuckError(TracingError):
    """The tracer did not end after the program it followed should have."""

    def __init__(self, pid: int, timeout_s: float) -> None:
        """Name the process and the deadline."""
        super().__init__(
            f"the tracer of process {pid} was still running after {timeout_s:g} s and was ended. "
            "A process of the program lives on: kill its group first, then finish the tracer."
        )


class TraceUnreadableError(TracingError):
    """A file is not a trace, or a line of it is in an unknown form."""

    def __init__(self, path: Path, why: str) -> None:
        """Name the file and the line."""
        super().__init__(f"cannot read the trace {path}: {why}. Trace the program again.")
