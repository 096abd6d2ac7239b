"""What a bucket can do: whole values under names, with conditions, and nothing in between.

The one in memory is here; `s3` has the other. A tag stands for the bytes that were read: a
conditional write goes through only while they stand. It never knows directories: a name that
another name continues after a slash is a name like any other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from engine.storage.errors import NotFoundError

TAG_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """Bytes, and the tag that a conditional write must name."""

    data: bytes
    tag: str


class Bucket(Protocol):
    """Every call takes effect whole and at once, or raises an `OSError` that leaves it unknown."""

    def get(self, name: str) -> Tagged:
        """Return the value, or raise `NotFoundError`."""

    def has(self, name: str) -> bool:
        """Whether there is such a value."""

    def put(self, name: str, data: bytes) -> None:
        """Set the value, whatever was there."""

    def put_new(self, name: str, data: bytes) -> bool:
        """Set the value if there is none; False means that there is one."""

    def put_over(self, name: str, data: bytes, tag: str) -> bool:
        """Set the value if the tag still stands; False means that it does not."""

    def delete(self, name: str) -> None:
        """Take the value away; gone already is as good."""

    def names_under(self, directory: str) -> list[str]:
        """Return the names that continue this one after a slash, or all if it is empty."""


class MemoryBucket:
    """A bucket in the memory of one process; its threads may share it."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Tagged:
        """See `Bucket`."""
        with self._lock:
            data = self._values.get(name)
        if data is None:
            raise NotFoundError(name)
        return Tagged(data=data, tag=_tag(data))

    def has(self, name: str) -> bool:
        """See `Bucket`."""
        with self._lock:
            return name in self._values

    def put(self, name: str, data: bytes) -> None:
        """See `Bucket`."""
        with self._lock:
            self._values[name] = data

    def put_new(self, name: str, data: bytes) -> bool:
        """See `Bucket`."""
        with self._lock:
            if name in self._values:
                return False
            self._values[name] = data
            return True

    def put_over(self, name: str, data: bytes, tag: str) -> bool:
        """See `Bucket`."""
        with self._lock:
            found = self._values.get(name)
            if found is None or _tag(found) != tag:
                return False
            self._values[name] = data
            return True

    def delete(self, name: str) -> None:
        """See `Bucket`."""
        with self._lock:
            self._values.pop(name, None)

    def names_under(self, directory: str) -> list[str]:
        """See `Bucket`."""
        prefix = f"{directory}/" if directory else ""
        with self._lock:
            return [name for name in self._values if name.startswith(prefix)]


def _tag(data: bytes) -> str:
    """Return a hash of the bytes, as other buckets do: it is no generation."""
    return blake2b(data, digest_size=TAG_BYTES).hexdigest()
