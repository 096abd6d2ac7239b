"""From the address of a store to a storage: a path, or a URL whose scheme names the backend.

    data/store, ./store        files below the directory we are in now
    file:///data/a%20store     files; what a URL must not hold is percent-encoded
    s3://bucket/a%20store      objects of a bucket; where its server is, the environment says
    memory:                    a new, empty place in memory each time

It never looks whether a store is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from engine.storage.errors import BackendMissingError, UnsafeUrlError
from engine.storage.local import Durability, Local
from engine.storage.memory import Memory

if TYPE_CHECKING:
    from engine.storage.ports import Ids
    from engine.storage.verbs import Storage

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
THIS_MACHINE = frozenset({"", "localhost"})


def connect(where: str, *, ids: Ids, durability: Durability = Durability.FSYNC) -> Storage:
    """Return a storage on that place.

    `durability` counts for files only. Raises `UnsafeUrlError` for what names no place, and
    `BackendMissingError` where the package that a backend needs is not installed.
    """
    scheme = SCHEME.match(where)
    match scheme and scheme[1].lower():
        case None:
            return Local(_path(where, where), ids=ids, durability=durability)
        case "file":
            return Local(_file_path(where), ids=ids, durability=durability)
        case "s3":
            return _in_bucket(where)
        case "memory":
            return Memory().storage()
        case _:
            raise UnsafeUrlError(where, "has a scheme that no backend knows")


def _file_path(url: str) -> str:
    """Return the path that a file URL names."""
    parts = urlsplit(url)
    if parts.netloc not in THIS_MACHINE:
        raise UnsafeUrlError(url, "names another machine")
    if parts.query or parts.fragment:
        raise UnsafeUrlError(url, "goes on after the path")
    if not parts.path.startswith("/"):
        raise UnsafeUrlError(url, "is relative")
    return _path(unquote(parts.path), url)


def _in_bucket(url: str) -> Storage:
    """Return a storage in the bucket that the URL names."""
    parts = urlsplit(url)
    if not parts.netloc or parts.query or parts.fragment:
        raise UnsafeUrlError(url, "is no bucket and a prefix")
    try:
        from engine.storage.s3 import s3_storage  # noqa: PLC0415 -- obstore need not be there
    except ModuleNotFoundError as missing:
        raise BackendMissingError(url, str(missing.name)) from missing
    return s3_storage(parts.netloc, unquote(parts.path).strip("/"))


def _path(path: str, where: str) -> str:
    """Refuse what no file system can hold."""
    if not path or "\0" in path:
        raise UnsafeUrlError(where, "names no directory")
    return path
