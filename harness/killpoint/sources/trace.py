"""The calls of a traced program that touch a store, in order, and the pairs among them.

Tracees are numbered in order of creation: the attached process is 0, a child gets its number
where its parent's fork stands. The working directory of each is followed, because `rename` and
its like print no directory. It never counts a call that failed, or one on a file that has no
name any more, as a change.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from killpoint.sources.calls import ABSENT, CALLS, MARK_CALLS, Call
from killpoint.sources.errors import TraceUnreadableError
from killpoint.sources.places import Roots, inside, roots_of
from killpoint.sources.strace_lines import LineError, TracedCall, open_file, read_lines, string

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MARK_ROOT = "/killpoint-mark/"
HEADER = "# killpoint trace "


@dataclass(frozen=True, slots=True, kw_only=True)
class SyscallPoint:
    """A pair: the `occurrence`-th `call` of a form that can change something, by one tracee."""

    tracee: int
    call: str
    occurrence: int

    @property
    def name(self) -> str:
        """The point's name, fit for a token; the occurrence stands beside it."""
        return f"t{self.tracee}.{self.call}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyscallHit:
    """One call that touches the store; `path` is relative to it, `.` for the root itself.

    `mutates` is False for a call that failed or never returned, and for one on a nameless file.
    """

    index: int
    tracee: int
    call: str
    occurrence: int
    path: str
    mutates: bool

    @property
    def point(self) -> SyscallPoint:
        """The pair at which this call can be struck."""
        return SyscallPoint(tracee=self.tracee, call=self.call, occurrence=self.occurrence)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkHit:
    """A failpoint that the program reported while it was traced."""

    tracee: int
    point: str
    occurrence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyscallTrace:
    """What one run of a program did to its store.

    `blind` has a sentence for each way in which it may have changed the store unseen.
    """

    hits: tuple[SyscallHit, ...]
    marks: tuple[MarkHit, ...]
    order: tuple[SyscallHit | MarkHit, ...]
    tracees_count: int
    blind: tuple[str, ...]

    @property
    def pairs(self) -> tuple[SyscallHit, ...]:
        """The hits worth a kill, in order."""
        return tuple(hit for hit in self.hits if hit.mutates)


def read_trace(output: Path, root: Path) -> SyscallTrace:
    """Read the trace that `attach` wrote to `output`, as seen from the store at `root`."""
    try:
        lines = output.read_text("utf-8", "surrogateescape").split("\n")
    except OSError as error:
        raise TraceUnreadableError(output, str(error)) from error
    header = next((line for line in lines if line.startswith(HEADER)), None)
    if header is None:
        raise TraceUnreadableError(output, "the line that a finished attach writes is not in it")
    pid, cwd = json.loads(header.removeprefix(HEADER))
    walk = _Walk(roots=roots_of(root), first_cwd=cwd)
    walk.number(pid)
    try:
        walk.follow(read_lines(lines))
    except (LineError, IndexError) as error:
        raise TraceUnreadableError(output, str(error)) from error
    order = tuple(walk.order)
    return SyscallTrace(
        hits=tuple(one for one in order if isinstance(one, SyscallHit)),
        marks=tuple(one for one in order if isinstance(one, MarkHit)),
        order=order,
        tracees_count=len(walk.numbers),
        blind=tuple(walk.blind),
    )


def difference(first: SyscallTrace, second: SyscallTrace) -> str:
    """Say where two traces of one program disagree on its pairs; empty when they agree."""
    for one, other in zip(first.pairs, second.pairs, strict=False):
        if (one.point, one.path) != (other.point, other.path):
            return f"{_words(one)} in the first trace is {_words(other)} in the second"
    if len(first.pairs) != len(second.pairs):
        return f"{len(first.pairs)} pairs in the first trace, {len(second.pairs)} in the second"
    return ""


def _words(hit: SyscallHit) -> str:
    return f"{hit.point.name}@{hit.occurrence} on {hit.path}"


@dataclass(slots=True)
class _Process:
    """What tracees of one process share: directory, and writable shared mappings of files."""

    cwd: str
    mappings: list[tuple[int, int, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """The state that turns calls into hits; one a trace."""

    roots: Roots
    first_cwd: str
    order: list[SyscallHit | MarkHit] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    blind: dict[str, None] = field(default_factory=dict)
    _processes: dict[int, _Process] = field(default_factory=dict)
    _counts: dict[tuple[int, str], int] = field(default_factory=dict)
    _hits_count: int = 0

    def number(self, pid: int) -> int:
        """Return the tracee's number, and give it the next one when it is new."""
        return self.numbers.setdefault(pid, len(self.numbers))

    def follow(self, calls: Iterable[TracedCall]) -> None:
        """Take each call into account."""
        for call in calls:
            self.number(call.pid)
            # strace knows the directory better than we do whenever it prints it.
            if call.args and call.args[0].startswith("AT_FDCWD<"):
                self._process(call.pid).cwd = _path(call.args, 0, ABSENT, "") or self.first_cwd
            if call.name in CALLS:
                self._count(call, CALLS[call.name])
            elif call.name in MARK_CALLS:
                self._mark(call)
            elif not call.failed:
                self._keep_up(call)

    def _process(self, pid: int) -> _Process:
        return self._processes.setdefault(pid, _Process(self.first_cwd))

    def _keep_up(self, call: TracedCall) -> None:
        """Follow what a call changes in the process itself."""
        process = self._process(call.pid)
        match call.name:
            case "chdir":
                process.cwd = os.path.join(process.cwd, string(call.args[0]) or "")
            case "fchdir":
                opened = open_file(call.args[0])
                process.cwd = opened.path if opened else process.cwd
            case "mmap":
                self._map(call, process)
            case "io_uring_setup":
                self.blind["calls made through io_uring are not seen"] = None
            case "clone" | "clone3" | "fork" | "vfork" if call.result.isdigit():
                child = int(call.result)
                self.number(child)
                shares = any("CLONE_FS" in argument for argument in call.args)
                copy = _Process(process.cwd, list(process.mappings))
                self._processes[child] = process if shares else copy
            case _:
                pass

    def _map(self, call: TracedCall, process: _Process) -> None:
        opened = open_file(call.args[4])
        if "MAP_SHARED" not in call.args[3] or "PROT_WRITE" not in call.args[2] or not opened:
            return
        if call.returned and (name := inside(self.roots, opened.path)) is not None:
            start = int(call.result, 16)
            process.mappings.append((start, start + int(call.args[1]), opened.path))
            self.blind[f"stores into the shared mapping of {name} are not seen"] = None

    def _mark(self, call: TracedCall) -> None:
        for argument in call.args[:2]:
            path = string(argument) or ""
            if path.startswith(MARK_ROOT):
                occurrence, _, point = path.removeprefix(MARK_ROOT).partition("/")
                number = self.number(call.pid)
                mark = MarkHit(tracee=number, point=point, occurrence=int(occurrence))
                self.order.append(mark)
                return

    def _count(self, call: TracedCall, known: Call) -> None:
        """Count a call of a mutating form; it is a hit when it touches the store."""
        if not known.counts_as_text(call.args):
            return
        tracee = self.number(call.pid)
        occurrence = self._counts.get((tracee, call.name), 0) + 1
        self._counts[tracee, call.name] = occurrence
        names = [inside(self.roots, path) for path in self._paths(call, known)]
        within = [name for name in names if name is not None]
        if not within:
            return
        hit = SyscallHit(
            index=self._hits_count,
            tracee=tracee,
            call=call.name,
            occurrence=occurrence,
            path=within[-1],
            mutates=call.returned and not call.failed and not self._nameless(call, known),
        )
        self._hits_count += 1
        self.order.append(hit)

    def _paths(self, call: TracedCall, known: Call) -> list[str]:
        """Return the absolute paths that the call names, the one it makes last."""
        process = self._process(call.pid)
        if call.name == "msync":
            address = int(call.args[0], 16)
            at = [path for start, end, path in process.mappings if start <= address < end]
            return at[-1:]
        paths = [_path(call.args, target.fd, target.path, process.cwd) for target in known.targets]
        # An open file's real path is better than the spelling it was opened by.
        made = open_file(call.result) if call.returned else None
        return [path for path in paths if path is not None] + ([made.path] if made else [])

    def _nameless(self, call: TracedCall, known: Call) -> bool:
        """Whether the call works on a file whose last name is gone."""
        files = [open_file(call.args[t.fd]) for t in known.targets if t.fd >= 0 > t.path]
        return any(opened is not None and opened.deleted for opened in files)


def _path(args: tuple[str, ...], fd: int, path: int, cwd: str) -> str | None:
    """Return the absolute path of one target, or None when it has none."""
    opened = open_file(args[fd]) if fd >= 0 else None
    if path < 0:
        return opened.path if opened else None
    name = string(args[path])
    if name is None:
        return None
    return os.path.join(opened.path if opened else cwd, name)
