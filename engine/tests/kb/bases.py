"""What the tests of the knowledge base share: ports, a small base, dying children, its tree."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine import kb
from engine.kb import Kb
from engine.storage import CountedClock, CountedIds
from killpoint import failpoints
from killpoint.failpoints.seam import Hit, Seam

ALMANAC = ("notes/almanac.md", b"Tides follow the [[Moon]], says @Ada.")
ATLAS = ("maps/atlas.txt", b"The [[Moon]]\n!image globe round\n\fits [[Sea]]\fand @Ada")
EDITED = (ALMANAC[0], b"No [[Star]] moves the tides.")
BOOK = ("book.txt", b"one [[Star]]\n!image cover red\n\ftwo\fthree")
WORK = ("tmp", "work")
INTERRUPTED = 130

Work = Callable[[Kb], object]


def make_base(root: Path) -> Path:
    """Make a knowledge base with a short and a long document, and return where it is."""
    kb.init(root, CountedIds(incarnation=0, actor="init"))
    base = open_base(root, 0)
    for name, data in (ALMANAC, ATLAS):
        base.add(name, data)
    base.close()
    return root


def open_base(root: Path, incarnation: int = 9, **options: object) -> Kb:
    """Open the knowledge base as the n-th process."""
    clock = CountedClock(incarnation=incarnation)
    ids = CountedIds(incarnation=incarnation, actor="t")
    return kb.open(root, clock, ids, **options)  # type: ignore[arg-type]


def kill_at(root: Path, work: Work, plan: str, incarnation: int = 1) -> None:
    """Let a forked process open the base, work, and die of the plan; that it did is checked.

    A plan that names a point only is one that kills there.
    """
    child = os.fork()
    if child == 0:
        try:
            failpoints.arm(plan if "=" in plan else f"{plan}=kill")
            work(open_base(root, incarnation))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert -signal.SIGKILL == os.waitstatus_to_exitcode(status), f"{plan} killed nobody"


class Halt:
    """A plan that lets this process stand still at a point for good, and says when it does."""

    text = "halt"

    def __init__(self, point: str, said: int) -> None:
        """Halt at the first hit of the point."""
        self._point = point
        self._said = said

    def decide(self, hit: Hit) -> Halt | None:
        """Choose every arrival; nobody leaves the first."""
        return self if hit.point == self._point else None

    def act(self, hit: Hit, payload: object) -> object:
        """Wait for a signal."""
        os.write(self._said, hit.point.encode())
        signal.pause()
        return payload


@contextmanager
def standing_at(root: Path, work: Work, point: str) -> Iterator[int]:
    """Yield a process that opened the base, works, and stands at a point; it is ended after all."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        failpoints.install(Seam(plan=Halt(point, say)))
        try:
            work(open_base(root, 1))
        except KeyboardInterrupt:
            os._exit(INTERRUPTED)
        os._exit(1)
    os.close(say)
    try:
        assert point.encode() == os.read(hear, 100)
        yield child
    finally:
        os.close(hear)
        with suppress(ChildProcessError):  # whoever used it may have seen it end
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def edit(base: Kb) -> object:
    """Add the almanac again, with another text: pages change, appear and go."""
    return base.add(*EDITED)


def add_book(base: Kb) -> object:
    """Add a long document, with an image."""
    return base.add(*BOOK)


def tree(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return bytes and mode of every visible file, and every directory as no bytes."""
    return {
        str(path.relative_to(root)): (path.read_bytes() if path.is_file() else b"", _mode(path))
        for path in sorted(root.rglob("*"))
        if path.relative_to(root).parts[0] not in (*WORK, "downloads")
    }


def image(root: Path) -> dict[str, bytes]:
    """Return every file, in `work/` and `tmp/` too."""
    paths = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def inodes(root: Path) -> dict[str, int]:
    """Return the inode of every visible file."""
    return {name: (root / name).stat().st_ino for name in tree(root) if (root / name).is_file()}


def leftovers(root: Path) -> list[str]:
    """Return the files in `work/` and `tmp/`."""
    found = (path for top in WORK for path in (root / top).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(root)) for path in found)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
