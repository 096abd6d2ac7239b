"""Cloning one file under another name: a hard link where the file system has them, else a copy.

The clone is made as a temporary file and renamed into its place by the caller, so that a target is
always its old self or the new one. Any refusal of link(2) leads to a copy, because the reasons
differ by file system and none of them is worth failing for. It never follows a symbolic link.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from engine.storage.calls import discard, read_whole, write_temporary
from engine.storage.errors import UnsafePathError
from engine.storage.verbs import Cloned, Cloning
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.failpoints import Effect

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainFile:
    """A regular file that no symbolic link leads to, as it was when it was looked at."""

    file: Path
    data: bytes
    mode: int
    inode: tuple[int, int]

    @property
    def digest(self) -> str:
        """Return the hash that stands for the bytes."""
        return blake2b(self.data, digest_size=DIGEST_BYTES).hexdigest()

    def same_as(self, other: PlainFile) -> bool:
        """Whether nothing would change if one took the other's place, but perhaps the inode."""
        return self.inode == other.inode or (self.data, self.mode) == (other.data, other.mode)


def plain_file(root: Path, path: str) -> PlainFile | None:
    """Return the file at the path; None when nothing is there.

    Raises `UnsafePathError` for anything that is no plain file or is reached through a link.
    """
    file = root
    parts = path.split("/")
    for depth, part in enumerate(parts, start=1):
        file /= part
        try:
            found = os.lstat(file)
        except FileNotFoundError:
            return None
        fits = stat.S_ISREG if depth == len(parts) else stat.S_ISDIR
        if not fits(found.st_mode):
            raise UnsafePathError(path, "passes a link, or is no plain file")
    found = os.lstat(file)
    return PlainFile(
        file=file,
        data=read_whole(file),
        mode=stat.S_IMODE(found.st_mode),
        inode=(found.st_dev, found.st_ino),
    )


def clone_to(
    effect: Effect,
    path: str,
    found: PlainFile,
    temporary: Path,
    how: Cloning,
    *,
    durable: bool,
) -> Cloned:
    """Make the temporary file a clone of what was found; on failure remove it again."""
    if how is Cloning.LINK_OR_COPY and _linked(effect, path, found, temporary, durable=durable):
        return Cloned.LINKED
    write_temporary(effect, path, temporary, found.data, durable=durable)
    try:
        if stat.S_IMODE(os.lstat(temporary).st_mode) != found.mode:
            os.chmod(temporary, found.mode)
            reach(effect["mode_set"], path)
            _sync_file(temporary, durable=durable)
            reach(effect["mode_synced"], path)
    except BaseException:
        discard(temporary)
        raise
    return Cloned.COPIED


def _linked(effect: Effect, path: str, found: PlainFile, temporary: Path, *, durable: bool) -> bool:
    """Link; False means that the system would not, and left nothing."""
    try:
        reach(effect["linking"], path)
        os.link(found.file, temporary, follow_symlinks=False)
    except OSError:
        return False
    try:
        reach(effect["linked"], path)
        # Whoever wrote it may not have synced it, and from here on we rely on it.
        _sync_file(temporary, durable=durable)
        reach(effect["synced"], path)
    except BaseException:
        discard(temporary)
        raise
    return True


def _sync_file(file: Path, *, durable: bool) -> None:
    """Make the bytes and the mode of a file durable."""
    if durable:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
