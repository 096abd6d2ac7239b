"""Attach a tracer to a waiting child: to look on, or to kill it at one system call.

A thin layer over `killpoint.sources.syscalls` in the form that the nursery wants. The tracer is
always waited for, so that its output is whole. It never starts a child.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from killpoint.failpoints import Hit
from killpoint.sources.syscalls import SyscallPoint, attach, read_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from killpoint.case import Step
    from killpoint.sources.syscalls import Tracer

ATTACH_S = 10.0
FINISH_S = 10.0
DEADLINE_S = 60.0


@contextlib.contextmanager
def look(output: Path, *, marks: bool = False) -> Iterator[Callable[[int], None]]:
    """Trace the child with strace into `output`."""
    with _follow(lambda pid: attach(pid, output=output, marks=marks)) as fasten:
        yield fasten


@contextlib.contextmanager
def strike_at(output: Path, point: SyscallPoint) -> Iterator[Callable[[int], None]]:
    """Kill the child's whole program at one call; `output` says whether it came to that."""
    with _follow(lambda pid: attach(pid, output=output, inject=point)) as fasten:
        yield fasten


@contextlib.contextmanager
def _follow(start: Callable[[int], Tracer]) -> Iterator[Callable[[int], None]]:
    tracers: list[Tracer] = []

    def fasten(pid: int) -> None:
        tracer = start(pid)
        tracers.append(tracer)
        tracer.wait_attached(ATTACH_S)

    try:
        yield fasten
    finally:
        for tracer in tracers:
            tracer.finish(FINISH_S)


def hits_of(output: Path, root: Path) -> tuple[Hit, ...]:
    """Return the calls of a trace that change the store, as hits named by tracee and call."""
    return tuple(
        Hit(f"t{pair.tracee}.{pair.call}", pair.occurrence, pair.path)
        for pair in read_trace(output, root).pairs
    )


def point_of(step: Step) -> SyscallPoint:
    """Return the system call that a step means: its point is `t<tracee>.<call>`."""
    tracee, _, call = step.point.partition(".")
    return SyscallPoint(tracee=int(tracee[1:]), call=call, occurrence=step.occurrence)
