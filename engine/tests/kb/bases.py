"""What the tests of the knowledge base share: ports, a small base, dying children, its tree."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from engine import kb
from engine.kb import Kb
from engine.storage import CountedClock, CountedIds
from killpoint import failpoints

ALMANAC = ("notes/almanac.md", b"Tides follow the [[Moon]], says @Ada.")
ATLAS = ("maps/atlas.txt", b"The [[Moon]]\n!image globe round\n\fits [[Sea]]\fand @Ada")
EDITED = (ALMANAC[0], b"No [[Star]] moves the tides.")
BOOK = ("book.txt", b"one [[Star]]\n!image cover red\n\ftwo\fthree")
WORK = ("tmp", "work")

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
    """Let a forked process open the base, work, and die of the plan; that it did is checked."""
    child = os.fork()
    if child == 0:
        failpoints.arm(f"{plan}=kill")
        work(open_base(root, incarnation))
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert -signal.SIGKILL == os.waitstatus_to_exitcode(status), f"{plan} killed nobody"


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


def inodes(root: Path) -> dict[str, int]:
    """Return the inode of every visible file."""
    return {name: (root / name).stat().st_ino for name in tree(root) if (root / name).is_file()}


def leftovers(root: Path) -> list[str]:
    """Return the files in `work/` and `tmp/`."""
    found = (path for top in WORK for path in (root / top).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(root)) for path in found)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
