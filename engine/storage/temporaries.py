"""Temporary files: whose they are, and which of them nobody will ever come back for.

One is called `<writer>.<n>` and stands in `tmp/`. The writer holds a lock of its name for as long
as it lives, so what a dead one left can be told from work in progress. It never removes a file
whose writer lives.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from engine.storage.paths import TEMPORARY_DIRECTORY
from engine.storage.tree import names_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.storage.fence import Fence, Held
    from engine.storage.ports import Ids


class Temporaries:
    """The names in `tmp/` under one root: those of this writer, and those of the dead."""

    __slots__ = ("_count", "_fence", "_ids", "_lock", "_root", "_writer")

    def __init__(self, root: Path, fence: Fence, ids: Ids) -> None:
        """Take no identity yet; the first name does."""
        self._root = root
        self._fence = fence
        self._ids = ids
        self._lock = threading.Lock()
        self._writer: tuple[str, Held] | None = None
        self._count = itertools.count(1)

    def name(self) -> Path:
        """Return a new name in `tmp/`; the first call makes the writer known as living."""
        with self._lock:
            while self._writer is None:  # another handle that counts alike may be alive: next id
                writer = self._ids.mint()
                held = self._fence.try_hold(_lock_of(writer))
                self._writer = None if held is None else (writer, held)
            writer = self._writer[0]
        return self._root / TEMPORARY_DIRECTORY / f"{writer}.{next(self._count)}"

    def names(self) -> tuple[str, ...]:
        """Return all names in `tmp/`, sorted, whoever they belong to."""
        return names_in(self._root / TEMPORARY_DIRECTORY)

    def of_the_dead(self, names: tuple[str, ...]) -> Iterator[tuple[Held, tuple[str, ...]]]:
        """Yield the names of each dead writer with its lock, which the caller must release."""
        for writer, group in itertools.groupby(names, lambda name: name.rpartition(".")[0]):
            held = self._fence.try_hold(_lock_of(writer))
            if held is not None:
                yield held, tuple(group)

    def close(self) -> None:
        """Let go of the writer's lock; the next name takes a new identity."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer[1].release()


def _lock_of(writer: str) -> str:
    """Return the lock that says that a writer lives."""
    return f"writer:{writer}"
