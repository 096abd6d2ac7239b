"""The content of a store's directory at a moment, and how to put it back.

An image keeps, for every name below the root: its kind, permission bits, bytes or link target,
and which names share an inode. Two directories with equal images are the same to any program
that looks at content, so an image's id stands for the directory in all de-duplication.

It never keeps times, owners or inode numbers, and it does not follow symbolic links.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class EntryKind(StrEnum):
    """What a name in a directory stands for."""

    DIRECTORY = "d"
    FILE = "f"
    HARD_LINK = "h"
    SYMLINK = "l"
    OTHER = "o"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name. `content` is a file's bytes, a link's target, or the first name of the inode."""

    path: str
    kind: EntryKind
    mode: int
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Image:
    """All entries below a root, sorted by path."""

    entries: tuple[Entry, ...]
    id: str

    @property
    def size_bytes(self) -> int:
        """Return the bytes of file content that this image holds."""
        return sum(len(e.content) for e in self.entries if e.kind is EntryKind.FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDifference:
    """The names that came, went or changed between two images."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.added or self.removed or self.changed)

    def describe(self, limit: int = 6) -> str:
        """Return one line that names what differs, at most `limit` names of each sort."""
        parts = []
        for word, names in (
            ("added", self.added),
            ("removed", self.removed),
            ("changed", self.changed),
        ):
            if names:
                more = f" and {len(names) - limit} more" if len(names) > limit else ""
                parts.append(f"{word} {', '.join(names[:limit])}{more}")
        return "; ".join(parts) or "nothing differs"


def capture(root: Path | str, before: Image | None = None) -> Image:
    """Read the directory below `root`; raises `FileNotFoundError` when there is none.

    Every byte is read: times tell nothing of a file that a process has mapped. What is equal in
    `before`, an image of the same directory, is shared with it and not held twice.
    """
    entries: list[Entry] = []
    inodes: dict[tuple[int, int], str] = {}
    base = os.fspath(root)
    _walk(base, "", entries, inodes)
    ordered = tuple(entries)
    if before is not None:
        known = {entry.path: entry for entry in before.entries}
        ordered = tuple(
            same if (same := known.get(entry.path)) == entry else entry for entry in ordered
        )
    return Image(ordered, _identify(ordered))


def image_of(entries: Iterable[Entry]) -> Image:
    """Return the image with these entries."""
    ordered = tuple(sorted(entries, key=lambda entry: entry.path.split("/")))
    return Image(ordered, _identify(ordered))


def _walk(
    directory: str, prefix: str, entries: list[Entry], inodes: dict[tuple[int, int], str]
) -> None:
    with os.scandir(directory) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        path = prefix + child.name
        status = child.stat(follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            entries.append(Entry(path, EntryKind.DIRECTORY, mode))
            _walk(child.path, path + "/", entries, inodes)
        elif stat.S_ISREG(status.st_mode):
            first = path
            if status.st_nlink > 1:
                first = inodes.setdefault((status.st_dev, status.st_ino), path)
            if first is path:
                entries.append(Entry(path, EntryKind.FILE, mode, _read(child.path, status.st_size)))
            else:
                entries.append(Entry(path, EntryKind.HARD_LINK, mode, os.fsencode(first)))
        elif stat.S_ISLNK(status.st_mode):
            target = os.fsencode(os.readlink(child.path))
            entries.append(Entry(path, EntryKind.SYMLINK, mode, target))
        else:
            entries.append(Entry(path, EntryKind.OTHER, mode))


def _read(path: str, size: int) -> bytes:
    # Plain descriptors: an image is read several times a case, and file objects cost double.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        data = os.read(descriptor, size + 1)
        if len(data) <= size:
            return data
        with os.fdopen(os.dup(descriptor), "rb") as rest:
            return data + rest.read()
    finally:
        os.close(descriptor)


def _identify(entries: tuple[Entry, ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for entry in entries:
        head = f"{entry.kind}{entry.mode:o}:{len(entry.path)}:{len(entry.content)}:{entry.path}"
        digest.update(os.fsencode(head))
        digest.update(entry.content)
    return digest.hexdigest()


def restore(image: Image, root: Path | str) -> None:
    """Make `root` a directory with exactly this content; what stood there is removed first."""
    base = os.fspath(root)
    clear(base)
    os.mkdir(base, 0o755)
    late_modes: list[tuple[str, int]] = []
    for entry in image.entries:
        target = f"{base}/{entry.path}"
        match entry.kind:
            case EntryKind.DIRECTORY:
                os.mkdir(target, 0o755)
                if entry.mode != 0o755:  # noqa: PLR2004 -- what mkdir above gave
                    late_modes.append((target, entry.mode))
            case EntryKind.FILE:
                _write(target, entry)
            case EntryKind.HARD_LINK:
                os.link(f"{base}/{os.fsdecode(entry.content)}", target)
            case EntryKind.SYMLINK:
                os.symlink(os.fsdecode(entry.content), target)
            case EntryKind.OTHER:
                os.mkfifo(target, entry.mode)
    # A directory without write permission takes no children: its mode comes last.
    for target, mode in reversed(late_modes):
        os.chmod(target, mode)


def _write(target: str, entry: Entry) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, entry.mode)
    try:
        left = memoryview(entry.content)
        while left:
            left = left[os.write(descriptor, left) :]
        # The umask may have taken bits away at creation.
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != entry.mode:
            os.fchmod(descriptor, entry.mode)
    finally:
        os.close(descriptor)


def morph(before: Image, after: Image, root: Path | str) -> None:
    """Turn a directory that holds `before` into one that holds `after`, keeping what is equal.

    Names change as another process would change them: files appear by rename, so that whoever
    holds a file or a directory open keeps what it has.
    """
    base = os.fspath(root)
    old = {entry.path: entry for entry in before.entries}
    new = {entry.path: entry for entry in after.entries}
    for path in sorted(old, reverse=True):
        stays = path in new and (new[path].kind is EntryKind.DIRECTORY) == (
            old[path].kind is EntryKind.DIRECTORY
        )
        if not stays:
            target = f"{base}/{path}"
            (os.rmdir if old[path].kind is EntryKind.DIRECTORY else os.unlink)(target)
    anew: set[str] = set()
    for entry in after.entries:
        # A name of an inode that was made anew must be linked to it again.
        linked_anew = entry.kind is EntryKind.HARD_LINK and os.fsdecode(entry.content) in anew
        if old.get(entry.path) == entry and not linked_anew:
            continue
        anew.add(entry.path)
        target, fresh = f"{base}/{entry.path}", f"{base}/.morph"
        match entry.kind:
            case EntryKind.DIRECTORY:
                os.makedirs(target, exist_ok=True)
                os.chmod(target, entry.mode)
                continue
            case EntryKind.FILE:
                _write(fresh, entry)
            case EntryKind.HARD_LINK:
                os.link(f"{base}/{os.fsdecode(entry.content)}", fresh)
            case EntryKind.SYMLINK:
                os.symlink(os.fsdecode(entry.content), fresh)
            case EntryKind.OTHER:
                os.mkfifo(fresh, entry.mode)
        os.rename(fresh, target)


def clear(root: Path | str) -> None:
    """Remove `root` and everything below it; nothing there is fine."""
    base = os.fspath(root)
    try:
        with os.scandir(base) as listing:
            children = [(child.path, child.is_dir(follow_symlinks=False)) for child in listing]
    except FileNotFoundError:
        return
    except PermissionError:
        os.chmod(base, 0o700)
        clear(base)
        return
    for path, is_directory in children:
        if is_directory:
            clear(path)
        else:
            os.unlink(path)
    os.rmdir(base)


def difference(before: Image, after: Image) -> ImageDifference:
    """Compare two images by path."""
    if before.id == after.id:
        return ImageDifference(added=(), removed=(), changed=())
    old = {entry.path: entry for entry in before.entries}
    new = {entry.path: entry for entry in after.entries}
    return ImageDifference(
        added=tuple(path for path in new if path not in old),
        removed=tuple(path for path in old if path not in new),
        changed=tuple(path for path in new if path in old and new[path] != old[path]),
    )
