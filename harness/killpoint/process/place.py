"""The directory in which every case of a scenario plays: always the same path, always made anew.

It is the one place that puts images on disk and reads them back for the runner. It never keeps
more than the knowledge of what stands there now.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from killpoint import image

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.image import Image


class Place:
    """A case directory with the store's root in it, and nothing beside the root."""

    def __init__(self, directory: Path) -> None:
        """Play below `directory`."""
        self._directory = directory / "case"
        self.root = self._directory / "store"
        self._standing: Image | None = None
        self._looked: Image | None = None

    def fresh(self) -> None:
        """Make the directory empty, without a root."""
        self._standing = None
        image.clear(self._directory)
        self._directory.mkdir(parents=True)

    def forget(self) -> None:
        """Know nothing of what stands here: another scenario has played in this directory."""
        self._standing = None
        self._looked = None

    def beside(self) -> tuple[str, ...]:
        """Return what stands beside the root and should not."""
        return tuple(sorted(set(os.listdir(self._directory)) - {self.root.name}))

    def capture(self) -> Image:
        """Read the store; until something runs there, restoring this image costs nothing."""
        taken = image.capture(self.root)
        self._standing = None if self.beside() else taken
        return taken

    def leave(self) -> Image:
        """Read the store, and take it that something runs there next which nobody restores for."""
        taken, self._standing = self.capture(), None
        return taken

    def look(self) -> Image:
        """Read the store while a child has stopped in it: it will run on."""
        self._standing = None
        self._looked = image.capture(self.root, self._looked)
        return self._looked

    def restore(self, content: Image) -> None:
        """Make the directory hold exactly this, for the one child that runs there next."""
        standing, self._standing = self._standing, None
        if content is standing:
            return
        for name in self.beside():
            path = self._directory / name
            image.clear(path) if path.is_dir() else path.unlink()
        image.restore(content, self.root)
