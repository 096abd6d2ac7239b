"""Walking a directory: what a listing shows, and what a delete of a prefix must take away.

It never shows what belongs to the backend, and never follows a symbolic link.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.storage.errors import UnsafePathError
from engine.storage.paths import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NOT_EMPTY_OR_GONE = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What stands under a directory, as sorted paths inside the store."""

    files: tuple[str, ...]
    directories: tuple[str, ...]  # the directory itself included


def walk(root: Path, prefix: str) -> Tree:
    """Return all that stands under `prefix`; a directory that is not there holds nothing."""
    files: list[str] = []
    directories: list[str] = []
    pending = [prefix] if (root / prefix).is_dir() else []
    while pending:
        directory = pending.pop()
        directories.append(directory)
        for entry in _entries(root / directory):
            path = f"{directory}/{entry.name}" if directory else entry.name
            if path in RESERVED:
                continue
            (pending if entry.is_dir(follow_symlinks=False) else files).append(path)
    return Tree(files=tuple(sorted(files)), directories=tuple(sorted(directories)))


def names_in(directory: Path) -> tuple[str, ...]:
    """Return the names in one directory, sorted."""
    return tuple(sorted(entry.name for entry in _entries(directory)))


def ancestors(paths: Iterable[str]) -> tuple[str, ...]:
    """Return every directory above the paths but the root, deepest first."""
    found: set[str] = set()
    for path in paths:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return tuple(sorted(found, key=lambda directory: (-directory.count("/"), directory)))


def remove_empty(directory: Path) -> bool:
    """Remove a directory if nothing is in it; False means that it stays or was gone.

    The system looks, not we: it costs the same however much is in there.
    """
    try:
        os.rmdir(directory)
    except OSError as refusal:
        if refusal.errno in NOT_EMPTY_OR_GONE:
            return False
        raise
    return True


def refuse_links(root: Path, directory: str) -> None:
    """Raise `UnsafePathError` if the way down to the directory passes a symbolic link."""
    step = root
    for part in directory.split("/"):
        step /= part
        if step.is_symlink():
            raise UnsafePathError(directory, "passes a link, and may lie outside")


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a directory; one that has just gone has none."""
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
