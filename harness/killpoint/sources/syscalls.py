"""Points of any program: the file-system calls of every process that it starts.

A forked child waits on a pipe; `attach` puts a tracer on it; the caller releases it. The first
time strace only looks, and `read_trace` lists the calls that touch the store: a pair is (tracee
in order of creation, call, occurrence). Later, `attach(..., inject=point)` kills the whole
program at one pair, and `killed_at` says where that really was. The kill is at the entry of the
call: tried with every pair of a C program and of shell scripts, the struck call has no effect
and all earlier ones have theirs.

To kill, strace's own `inject` will not do: it counts `when=N` for each tracee by itself and
strikes whoever comes first, so the second `mv` of a script cannot be aimed at; and it kills one
process while the shell above goes on writing. The striker names its tracee and ends them all.

An occurrence counts the calls of that name by that tracee since the attach whose form can change
a file: an open for reading does not count, a write outside of the store does. It never sees
stores into shared mappings nor calls through io_uring; `SyscallTrace.blind` names them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

from killpoint.errors import MissingToolError
from killpoint.sources import ptrace
from killpoint.sources.calls import by_number, trace_set
from killpoint.sources.errors import (
    AttachError,
    TracerStuckError,
    TraceUnreadableError,
    TracingError,
)
from killpoint.sources.places import inside, roots_of
from killpoint.sources.striker import ATTACHED, fork_quietly, start_striker
from killpoint.sources.trace import (
    HEADER,
    SyscallHit,
    SyscallPoint,
    SyscallTrace,
    difference,
    read_trace,
)

__all__ = [
    "SyscallHit",
    "SyscallPoint",
    "SyscallTrace",
    "Tracer",
    "allow_tracing",
    "attach",
    "difference",
    "killed_at",
    "read_trace",
    "unavailable",
]

_TRIAL_S = 10.0


class Tracer(Protocol):
    """What follows a program from outside until its last process has ended."""

    def wait_attached(self, timeout_s: float) -> None:
        """Return when no call of the program can escape any more; then release it."""

    def finish(self, timeout_s: float) -> None:
        """Return when the tracer has ended and its output is whole."""


def attach(
    pid: int, *, output: Path, inject: SyscallPoint | None = None, marks: bool = False
) -> Tracer:
    """Begin to trace the waiting process `pid` and all that it will create.

    Without `inject` strace writes the trace to `output`, with the marks of failpoints when
    `marks` is set. With it, the program is killed at that pair, and `output` says whether it was.
    Between this call and the return of `wait_attached` nothing may release the process.
    """
    if inject is not None:
        return _Striker(pid, output, inject)
    if (strace := shutil.which("strace")) is None:
        tool = "strace"
        raise MissingToolError(tool, "tracing a program", "Install the package strace.")
    return _Strace(pid, output, [strace], marks=marks)


def allow_tracing() -> None:
    """Let a process that is no ancestor trace this one; the waiting child calls it first."""
    ptrace.let_any_process_trace_me()


def killed_at(output: Path, root: Path, point: SyscallPoint) -> SyscallHit | None:
    """Return what an injected kill struck, or None when the program never came to that point.

    The path is read from the struck process. One that differs from the trace's means that the
    program did not do the same again: the case is undecided.
    """
    try:
        text = output.read_text()
        paths = json.loads(text)["paths"] if text else None
    except (OSError, ValueError) as error:
        raise TraceUnreadableError(output, str(error)) from error
    if paths is None:
        return None
    names = [inside(roots_of(root), path.removesuffix(" (deleted)")) for path in paths]
    path = ([name for name in names if name is not None] or [""])[-1]
    return SyscallHit(
        index=0,
        tracee=point.tracee,
        call=point.call,
        occurrence=point.occurrence,
        path=path,
        mutates=False,
    )


@functools.cache
def unavailable() -> str:
    """Say why no program can be traced and struck here, or nothing when it can.

    It tries it once, on a child that does nothing.
    """
    if sys.platform != "linux":
        return f"tracing needs Linux, and this is {sys.platform}"
    if shutil.which("strace") is None:
        return "strace is not installed"
    if not by_number(os.uname().machine):
        return f"the call numbers of {os.uname().machine} are not known"
    with tempfile.TemporaryDirectory(prefix="killpoint-") as place:
        for inject in (None, SyscallPoint(tracee=0, call="fsync", occurrence=1)):
            if why := _try(Path(place) / "trace", inject):
                return why
    return ""


def _try(output: Path, inject: SyscallPoint | None) -> str:
    """Trace a child that does nothing; return what went wrong."""
    reader, writer = os.pipe()
    child = fork_quietly()
    if child == 0:
        os.close(writer)
        allow_tracing()
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    tracer = attach(child, output=output, inject=inject)
    try:
        tracer.wait_attached(_TRIAL_S)
    except TracingError as error:
        return str(error)
    finally:
        os.close(writer)
        os.waitpid(child, 0)
        tracer.finish(_TRIAL_S)
    return ""


class _Strace:
    """strace, looking on. It says on its standard error when it has attached."""

    def __init__(self, pid: int, output: Path, strace: list[str], *, marks: bool) -> None:
        self._pid = pid
        self._output = output
        output.write_text("")
        options = ["-f", "-y", "-s", "0", "-A", "--quiet=personality,exit", "--signal=none"]
        where = ["-o", str(output), f"--trace={trace_set(marks=marks)}", "-p", str(pid)]
        self._process = subprocess.Popen(
            [*strace, *options, *where],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def wait_attached(self, timeout_s: float) -> None:
        """Wait for strace's word that it has attached."""
        assert self._process.stderr is not None, "it was opened as a pipe"
        _expect(b"attached", self._process.stderr.fileno(), self._pid, timeout_s)
        # Read now, not before: a fresh child may have been on its way to its directory.
        cwd = str(Path(f"/proc/{self._pid}/cwd").readlink())
        with self._output.open("a") as trace:
            trace.write(f"{HEADER}{json.dumps([self._pid, cwd])}\n")

    def finish(self, timeout_s: float) -> None:
        """Wait for strace; one that does not end is told to detach."""
        try:
            self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            self._process.terminate()
            self._process.communicate()
            raise TracerStuckError(self._pid, timeout_s) from error


class _Striker:
    """The striker, following. It says on a pipe when it has attached, and closes it at its end."""

    def __init__(self, pid: int, output: Path, point: SyscallPoint) -> None:
        self._pid = pid
        self._striker, self._pipe = start_striker(pid, output=output, point=point)

    def wait_attached(self, timeout_s: float) -> None:
        """Wait for the striker's word that it has attached."""
        _expect(ATTACHED, self._pipe, self._pid, timeout_s)

    def finish(self, timeout_s: float) -> None:
        """Wait for the striker; one that does not end is killed, and the program with it."""
        in_time = _readable(self._pipe, timeout_s)
        if not in_time:
            os.kill(self._striker, signal.SIGKILL)
        # A caller that reaps whatever ends may have been first.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._striker, 0)
        os.close(self._pipe)
        if not in_time:
            raise TracerStuckError(self._pid, timeout_s)


def _expect(word: bytes, pipe: int, pid: int, timeout_s: float) -> None:
    """Read a pipe until `word` comes; its end or the deadline before that is an error."""
    deadline = time.monotonic() + timeout_s
    text = b""
    while word not in text:
        if not _readable(pipe, deadline - time.monotonic()):
            raise AttachError(pid, f"nothing happened for {timeout_s:g} s")
        if not (part := os.read(pipe, 4096)):
            raise AttachError(pid, os.fsdecode(text).strip())
        text += part


def _readable(pipe: int, timeout_s: float) -> bool:
    """Wait until a pipe has something to read or its last writer is gone."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_s) * 1000))
