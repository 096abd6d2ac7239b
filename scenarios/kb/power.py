"""What a power cut may leave of recorded calls, and whether the store makes good of it.

A `Disk` replays steps twice: as the page cache shows them, and as far as they are durable. Bytes
are durable once their file was synced, and names once their directory was; a rename is two names,
each with its own directory. At a cut, of the names that are not durable any one may be kept, any
one lost, any first few kept, all or none; bytes that are not durable are gone, in a file that may
be there, empty. That is more than most file systems lose, and not all that the weakest may: not
every subset, no torn bytes, and modes are taken for durable at once. It never looks at the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from scenarios.kb.recording import Kind, Step

ROOT = ""
TEMPORARY = "tmp/"
Change = tuple[str, int | None]  # a name, and the node that it stands for from now on


@dataclass(frozen=True, slots=True)
class State:
    """One content of the disk: directories, and files by name; equal nodes are links."""

    directories: tuple[str, ...]
    files: tuple[tuple[str, int, bytes, int], ...]  # name, node, bytes, mode

    def make(self, root: Path) -> None:
        """Make it at a place that does not exist yet."""
        root.mkdir()
        for directory in self.directories:
            (root / directory).mkdir()
        first: dict[int, Path] = {}
        for name, node, data, mode in self.files:
            if node in first:
                (root / name).hardlink_to(first[node])
                continue
            first[node] = root / name
            first[node].write_bytes(data)
            first[node].chmod(mode)

    @property
    def content(self) -> frozenset[tuple[str, bytes | None]]:
        """What is where: states that do not differ in this need not be tried twice."""
        found: dict[str, bytes | None] = dict.fromkeys(self.directories)
        return frozenset((found | {name: data for name, _, data, _ in self.files}).items())


@dataclass(slots=True)
class Disk:
    """A directory as it is seen, and as far as it is durable."""

    seen: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    data: dict[int, bytes | None] = field(default_factory=dict)  # None: a directory
    safe: dict[int, bytes | None] = field(default_factory=dict)
    mode: dict[int, int] = field(default_factory=dict)
    nodes: int = 0

    @classmethod
    def of(cls, root: Path) -> Disk:
        """Return a disk on which everything that stands there is durable."""
        disk = cls()
        for path in sorted(root.rglob("*")):
            data = None if path.is_dir() else path.read_bytes()
            disk.add(str(path.relative_to(root)), data, path.stat().st_mode & 0o7777)
        disk.kept, disk.pending, disk.safe = dict(disk.seen), [], dict(disk.data)
        return disk

    def add(self, name: str, data: bytes | None, mode: int) -> None:
        """Let something new stand there."""
        self.nodes += 1
        self.data[self.nodes], self.mode[self.nodes] = data, mode
        self.safe[self.nodes] = None if data is None else b""
        self._point(name, self.nodes)

    def do(self, step: Step) -> None:
        """Do what was recorded."""
        match step.kind:
            case Kind.CREATE:
                self.add(step.path, b"", step.mode)
            case Kind.MKDIR:
                self.add(step.path, None, 0o755)
            case Kind.WRITE:
                node = self.seen[step.path]
                self.data[node] = (self.data[node] or b"") + step.data
            case Kind.CHMOD:
                self.mode[self.seen[step.path]] = step.mode
            case Kind.LINK:
                self._point(step.target, self.seen[step.path])
            case Kind.RENAME:
                self._point(step.target, self.seen[step.path])
                self._point(step.path, None)
            case Kind.UNLINK | Kind.RMDIR:
                self._point(step.path, None)
            case Kind.SYNC:
                self._sync(step.path)
            case Kind.ATTEMPT | Kind.ACKNOWLEDGE:
                pass

    def now(self) -> State:
        """Return what is seen: what a kill leaves."""
        return self._state(self.seen, self.data)

    def after_a_cut(self) -> Iterator[State]:
        """Return what a power cut may leave here."""
        count = len(self.pending)
        told = [i for i in range(count) if not self.pending[i][0].startswith(TEMPORARY)]
        every = set(range(count))
        choices = [set(), every, *({i} for i in told), *(every - {i} for i in told)]
        choices += [set(range(i)) for i in told]
        for chosen in choices:
            names = dict(self.kept)
            for index in sorted(chosen):
                name, node = self.pending[index]
                if node is None:
                    names.pop(name, None)
                else:
                    names[name] = node
            yield self._state(names, self.safe)

    def _point(self, name: str, node: int | None) -> None:
        if node is None:
            del self.seen[name]
        else:
            self.seen[name] = node
        self.pending.append((name, node))

    def _sync(self, name: str) -> None:
        if name != ROOT and self.data[self.seen[name]] is not None:
            self.safe[self.seen[name]] = self.data[self.seen[name]]
            return
        here = [change for change in self.pending if change[0].rpartition("/")[0] == name]
        for path, node in here:
            if node is None:
                self.kept.pop(path, None)
            else:
                self.kept[path] = node
        self.pending = [change for change in self.pending if change not in here]

    def _state(self, names: dict[str, int], data: dict[int, bytes | None]) -> State:
        """Return names and bytes as a state; what stands in no directory is not there."""
        directories = {ROOT}
        files = []
        for name in sorted(names, key=lambda one: one.split("/")):
            if name.rpartition("/")[0] not in directories:
                continue
            node = names[name]
            content = data[node]
            if content is None:
                directories.add(name)
            else:
                files.append((name, node, content, self.mode[node]))
        return State(tuple(sorted(directories - {ROOT})), tuple(files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What may be on the disk after a cut, and how far the workload had come."""

    step: int
    attempted: int
    acknowledged: int
    state: State


def cuts(disk: Disk, steps: list[Step]) -> Iterator[Cut]:
    """Return every state that a cut may leave, before the first step and after each, once each."""
    tried = set()
    at = Cut(step=0, attempted=0, acknowledged=0, state=disk.now())
    for number, step in enumerate((None, *steps)):
        if step is not None:
            disk.do(step)
            at = replace(
                at,
                attempted=at.attempted + (step.kind is Kind.ATTEMPT),
                acknowledged=at.acknowledged + (step.kind is Kind.ACKNOWLEDGE),
            )
        for state in disk.after_a_cut():
            known = (at.attempted, at.acknowledged, state.content)
            if known not in tried:
                tried.add(known)
                yield replace(at, step=number, state=state)
