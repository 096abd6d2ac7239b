"""Which paths a store may name: relative, plain, inside the root, and not the backend's own.

It never resolves a path against the disk.
"""

from __future__ import annotations

from engine.storage.errors import UnsafePathError
from engine.storage.fence import FENCE_NAME

TEMPORARY_DIRECTORY = "tmp"
RESERVED = frozenset({TEMPORARY_DIRECTORY, FENCE_NAME})


def check_path(path: str) -> str:
    """Return the path of an object, or raise `UnsafePathError`."""
    if not path:
        raise UnsafePathError(path, "names no object")
    if any(character < " " or character in "\\\x7f" for character in path):
        raise UnsafePathError(path, "holds a character that paths must not hold")
    parts = path.split("/")
    if not parts[0]:
        raise UnsafePathError(path, "is absolute")
    if any(part in {"", ".", ".."} for part in parts):
        raise UnsafePathError(path, "has an empty or dotted part")
    if parts[0] in RESERVED:
        raise UnsafePathError(path, "belongs to the backend")
    return path


def check_prefix(prefix: str) -> str:
    """Return the path of a directory; the empty one is the root."""
    return check_path(prefix) if prefix else prefix


def parent_of(path: str) -> str:
    """Return the directory of a path, empty for the root."""
    return path.rpartition("/")[0]
