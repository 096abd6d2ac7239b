"""Directories of a local store: made when needed, and durable before they are relied on.

A directory counts as durable only when this handle has synced its parent: a dead process may have
made it and never come to its sync. It never removes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.storage.calls import make_directory, sync_directory
from engine.storage.paths import parent_of
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.failpoints import Effect


class Directories:
    """The directories under one root, and which of them this handle is sure of."""

    __slots__ = ("_certain", "_durable", "_root")

    def __init__(self, root: Path, *, durable: bool) -> None:
        self._root = root
        self._durable = durable
        self._certain: set[str] = set()

    def ensure(self, effect: Effect, directory: str) -> None:
        """Make what is missing on the way down, and sync the parent of all we cannot be sure of."""
        if directory in self._certain and (self._root / directory).is_dir():
            return
        parts = directory.split("/") if directory else []
        for depth in range(1, len(parts) + 1):
            step = "/".join(parts[:depth])
            if make_directory(self._root / step):
                reach(effect["made_dir"], step)
            elif step in self._certain:
                continue
            if self._durable:
                self.sync(parent_of(step))
                reach(effect["synced_dir"], step)
            self._certain.add(step)

    def sync(self, directory: str) -> None:
        """Sync one directory, if this handle is durable."""
        if self._durable:
            sync_directory(self._root / directory)

    def sync_if_there(self, directory: str) -> bool:
        """Sync one directory; False means that it is gone, or never was."""
        if not (self._root / directory).is_dir():
            return False
        self.sync(directory)
        return True

    def forget(self, directory: str) -> None:
        """Be sure of this one no longer: it was removed."""
        self._certain.discard(directory)
