"""Whether a path is inside of a store, and what it is called there.

A store's root may be reached through symbolic links, so both the spelling given and the real
path count, and a path outside of both is tried again with its directory resolved. It never
follows the last component: that may be the very link that a call makes or removes.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """The spellings of one store's root, as absolute paths without a trailing slash."""

    spellings: tuple[str, ...]


def roots_of(root: Path) -> Roots:
    """Return the spellings of `root`: as given, and with all links resolved."""
    given = os.path.abspath(root)
    return Roots(spellings=tuple(dict.fromkeys((given, os.path.realpath(given)))))


def inside(roots: Roots, path: str) -> str | None:
    """Return `path` relative to the root, `.` for the root itself, None when it is outside."""
    plain = os.path.normpath(path)
    if (found := _below(roots, plain)) is not None:
        return found
    directory, name = os.path.split(plain)
    return _below(roots, str(Path(_real(directory)) / name))


def _below(roots: Roots, path: str) -> str | None:
    for root in roots.spellings:
        if path == root:
            return "."
        if path.startswith(root + "/"):
            return path[len(root) + 1 :]
    return None


@functools.lru_cache(maxsize=4096)
def _real(directory: str) -> str:
    return os.path.realpath(directory)


def path_of(argument: object, directory: object = None) -> str | None:
    """Return the absolute path that an argument of an `os` call of this process means now.

    A number is an open file. The answer is None for a file without a name, for one that is no
    file, and for an argument of a wrong type, which the call itself will refuse.
    """
    if isinstance(argument, int):
        return _path_of_open(argument)
    if not isinstance(argument, (str, bytes, os.PathLike)):
        return None
    base = _path_of_open(directory) if isinstance(directory, int) and directory >= 0 else "."
    text = os.fsdecode(argument)
    return None if base is None else os.path.abspath(Path(base, text))


def _path_of_open(number: int) -> str | None:
    try:
        path = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return None
    return path if path.startswith("/") and not path.endswith(" (deleted)") else None
