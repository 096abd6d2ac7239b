"""System calls that more than one verb makes, each with the point that follows it.

It never leaves a descriptor open, and hides no failure: an `OSError` comes out as a
`StorageError` that names the verb and the path.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.storage.errors import IoFailedError, NotFoundError, ShortWriteError
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from killpoint.failpoints import Effect

FILE_MODE = 0o644
DIRECTORY_MODE = 0o755
MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})


@contextmanager
def naming(verb: str, path: str) -> Iterator[None]:
    """Turn the system's refusal inside the block into an error that names verb and path."""
    try:
        yield
    except OSError as refusal:
        if verb == "get" and refusal.errno in MISSING:
            raise NotFoundError(path) from refusal
        raise IoFailedError(verb, path, refusal) from refusal


@contextmanager
def around(effect: Effect, verb: str, path: str) -> Iterator[None]:
    """Reach the points before and after a verb, inside of what names its failures.

    What goes wrong at either is a failure of the verb: before, it has done nothing; after, it was
    done and nobody heard of it.
    """
    with naming(verb, path):
        reach(effect["before"], path)
        yield
        reach(effect["after"], path)


def write_temporary(
    effect: Effect,
    path: str,
    temporary: Path,
    data: bytes,
    *,
    durable: bool,
    mode: int = FILE_MODE,
) -> None:
    """Fill a file that no reader sees, up to the stage `synced`; on failure remove it again.

    The bytes pass the seam before they are written, and the size is checked after, so that a
    short write can never be published.
    """
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        handed = memoryview(reach(effect["created"], path, data))
        while handed:
            handed = handed[os.write(descriptor, handed) :]
        reach(effect["written"], path)
        _check_size(path, len(data), os.fstat(descriptor).st_size)
        if durable:
            os.fsync(descriptor)
        reach(effect["synced"], path)
    except BaseException:
        discard(temporary)
        raise
    finally:
        os.close(descriptor)


def _check_size(path: str, wanted_bytes: int, found_bytes: int) -> None:
    """Refuse to publish what is shorter or longer than what was handed over."""
    if found_bytes != wanted_bytes:
        raise ShortWriteError(path, wanted_bytes, found_bytes)


def mode_of(file: Path) -> int:
    """Return the permissions of what is to be replaced; the umask still applies to the new file."""
    try:
        return stat.S_IMODE(os.lstat(file).st_mode)
    except FileNotFoundError:
        return FILE_MODE


def discard(temporary: Path) -> None:
    """Remove a temporary file on the way out of a failure; a sweep finds it if that fails too."""
    with suppress(OSError):
        os.unlink(temporary)


def make_directory(directory: Path) -> bool:
    """Make one directory; False means that it was there."""
    try:
        os.mkdir(directory, DIRECTORY_MODE)
    except FileExistsError:
        return False
    return True


def sync_directory(directory: Path) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_whole(file: Path) -> bytes:
    """Return all bytes of a file."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        left_bytes = os.fstat(descriptor).st_size
        chunks: list[bytes] = []
        while chunk := os.read(descriptor, max(left_bytes, 1)):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)
