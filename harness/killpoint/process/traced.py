"""Run children under a tracer: to list the calls that change a store, or to kill at one of them.

A run without fault is a rehearsal. It names each changing call by its tracee, the call and how
often that tracee had made such a change by then: `t<tracee>.<call>@<n>`. A step is one of these
names; the rehearsal knows which call of the process that is, counting those that touch no store,
and on which file. Calls of different processes have no order that two runs must share, so they
are listed process by process. A child's end carries what its trace showed as messages of the kinds
that a child says itself: `hits`, `note`, `fired`, and `missed` with the reason.

It never takes a strike at another file for the one that was meant.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from killpoint.errors import MissingToolError
from killpoint.failpoints import Hit
from killpoint.process.child import ChildEnd
from killpoint.sources.errors import TracingError
from killpoint.sources.places import inside, roots_of
from killpoint.sources.syscalls import (
    SyscallHit,
    SyscallPoint,
    SyscallTrace,
    attach,
    difference,
    killed_at,
    read_trace,
    unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from killpoint.case import Step
    from killpoint.process.child import Channel, Nursery
    from killpoint.sources.syscalls import Tracer

ATTACH_S = 10.0
FINISH_S = 10.0
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The changing calls of a run without fault: `hits` are the names of the trace's pairs.

    `disputed` are those that a second run did not make in the same way.
    """

    hits: tuple[Hit, ...]
    trace: SyscallTrace
    disputed: frozenset[Hit] = frozenset()

    def find(self, step: Step) -> tuple[Hit, SyscallHit] | None:
        """Return the call that a step means, or None when not every run makes it."""
        for ordinal, (hit, pair) in enumerate(zip(self.hits, self.trace.pairs, strict=True), 1):
            named = (hit.point, hit.occurrence) == (step.point, step.occurrence)
            if named if step.point else ordinal == step.ordinal:
                return None if hit in self.disputed else (hit, pair)
        return None

    def agreeing_with(self, other: Rehearsal) -> Rehearsal:
        """Return this rehearsal with all calls disputed that the other has not."""
        known = other.calls()
        disputed = {hit for hit, point in self.calls().items() if known.get(hit) != point}
        return replace(self, disputed=self.disputed | disputed)

    def differs_from(self, other: Rehearsal) -> str:
        """Say where this rehearsal and a later one disagree; empty when they agree."""
        return difference(self.trace, other.trace)

    def calls(self) -> dict[Hit, SyscallPoint]:
        """Return which call of the process each hit is."""
        return {h: pair.point for h, pair in zip(self.hits, self.trace.pairs, strict=True)}


class Tracing:
    """Runs children under a tracer; what it writes goes to one file, again and again."""

    def __init__(self, nursery: Nursery, directory: Path, deadline_s: float) -> None:
        """Keep the trace below `directory`, outside of the store."""
        self._nursery = nursery
        self._output = directory / "trace"
        self._deadline_s = deadline_s

    def look(self, work: Callable[[Channel], None], root: Path) -> tuple[ChildEnd, Rehearsal]:
        """Run a child under strace; raises `TracingError` when that cannot be done."""
        with look(self._output) as fasten:
            end = self._nursery.run(work, deadline_s=self._deadline_s, attach=fasten)
        rehearsal = rehearsal_of(self._output, root)
        hits = [[hit.point, hit.occurrence, hit.footprint] for hit in rehearsal.hits]
        notes = [["note", each] for each in rehearsal.trace.blind]
        return told(end, ["hits", hits], *notes), rehearsal

    def kill(
        self, work: Callable[[Channel], None], root: Path, step: Step, rehearsal: Rehearsal
    ) -> ChildEnd:
        """Run a child that dies at a step of its rehearsal; says `fired`, or why it `missed`."""
        found = rehearsal.find(step)
        if found is None:
            name = f"{step.point}@{step.occurrence}" if step.point else f"call {step.ordinal}"
            return _not_run(f"{name} is not a call that every run without fault makes")
        hit, pair = found
        try:
            with _follow(lambda pid: attach(pid, output=self._output, inject=pair.point)) as fasten:
                end = self._nursery.run(work, deadline_s=self._deadline_s, attach=fasten)
            struck = killed_at(self._output, root, pair.point)
        except TracingError as error:
            # It says nothing about the store, and the next case may be luckier.
            return _not_run(str(error))
        if struck is None:
            return end
        if not _is_place(root, struck.path, pair.path):
            where = f"{hit.point}@{hit.occurrence}"
            sentence = f"{where} was on {struck.path}, and on {pair.path} in the run without fault"
            return told(end, ["missed", sentence])
        return told(end, ["fired", hit.point, hit.occurrence, "kill", pair.path])

    def plainly(self, work: Callable[[Channel], None]) -> ChildEnd:
        """Run a child with nobody looking."""
        return self._nursery.run(work, deadline_s=self._deadline_s)


def require() -> None:
    """Raise `MissingToolError` when no program can be traced and killed at its calls here."""
    why = unavailable()
    if not why:
        return
    if shutil.which("strace") is None:
        tool, remedy = "strace", "Install the package strace."
    else:
        tool, remedy = "a working tracer", " ".join(f"What stops it: {why.rstrip('.')}.".split())
    raise MissingToolError(tool, "killing at system calls", remedy)


@contextlib.contextmanager
def look(output: Path, *, marks: bool = False) -> Iterator[Callable[[int], None]]:
    """Trace the child with strace into `output`."""
    with _follow(lambda pid: attach(pid, output=output, marks=marks)) as fasten:
        yield fasten


def rehearsal_of(output: Path, root: Path) -> Rehearsal:
    """Read the trace at `output` and name the calls that change the store at `root`."""
    seen = read_trace(output, root)
    # The sort keeps the order within a process.
    trace = replace(seen, hits=tuple(sorted(seen.hits, key=lambda hit: hit.tracee)))
    counts: dict[str, int] = {}
    hits = []
    for pair in trace.pairs:
        name = pair.point.name
        counts[name] = counts.get(name, 0) + 1
        hits.append(Hit(name, counts[name], pair.path))
    return Rehearsal(hits=tuple(hits), trace=trace)


def told(end: ChildEnd, *messages: list[Any]) -> ChildEnd:
    """Return the end of a child with messages added to those that it said itself."""
    return replace(end, messages=(*end.messages, *messages))


def struck_at(end: ChildEnd) -> str:
    """Return where a child was struck, or nothing."""
    said = end.last("fired")
    return f"{said[0]}@{said[1]}" if said else ""


def _not_run(why: str) -> ChildEnd:
    messages = (["missed", why],)
    return ChildEnd(
        pid=0, exit_code=0, timed_out=False, messages=messages, output="", elapsed_s=0.0
    )


def _is_place(root: Path, struck: str, meant: str) -> bool:
    """Tell whether both are one file: a strike has the spelling of the call, an open the real path.

    The store stands as it did when the call was entered, so its links lead where they led then.
    """
    real = inside(roots_of(root), os.path.realpath(os.path.join(root, struck)))
    return meant in {struck, real}


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
