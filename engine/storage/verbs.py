"""What a store may ask of a backend: the verbs, and what each of them promises.

Every verb takes the declared effect that it carries out, then paths inside the store: relative,
of plain names joined by slashes. One contract suite (`engine/tests/storage`) holds all backends
to this page. A store never learns which backend it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from killpoint.failpoints import Effect

ABSENT = "absent"  # the token of an object that does not exist yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """The content of a versioned object and the token that a swap must name."""

    data: bytes
    token: str


class Cloning(StrEnum):
    """How a clone may be made."""

    LINK_OR_COPY = "link_or_copy"
    COPY = "copy"  # for file systems that pretend to link


class Cloned(StrEnum):
    """What a clone came to."""

    ABSENT = "absent"  # there is no source; nothing was done
    SAME = "same"  # the target had the source's content and mode already
    LINKED = "linked"
    COPIED = "copied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """How a clone was made, and the BLAKE2b-128 of the source's bytes ("" when absent)."""

    how: Cloned
    digest: str


class Lock(Protocol):
    """A lock that is held until it is released or its owner dies."""

    def release(self) -> None:
        """Let go; releasing twice is harmless."""

    def __enter__(self) -> Self:
        """Hold for a block."""

    def __exit__(self, *_: object) -> None:
        """Release at the end of the block."""


class Locks(Protocol):
    """Named locks that exclude threads and processes alike and die with their owner."""

    def try_hold(self, name: str) -> Lock | None:
        """Take the lock, or return None when a live owner has it."""

    def hold_all(self, names: tuple[str, ...], wait_s: float) -> Lock:
        """Take all, in sorted order, waiting at most `wait_s`; else raise `LockBusyError`."""

    def hold_shared(self, name: str, wait_s: float) -> Lock:
        """Take the lock beside other sharers; who holds it alone excludes them all."""


class Storage(Protocol):
    """The verbs of a backend. What a verb returns from is durable, unless it says otherwise."""

    @property
    def fence(self) -> Locks:
        """The locks of this store."""

    def make_fence(self, effect: Effect) -> None:
        """Make the root and what the locks need, once; again is harmless."""

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Replace the object; readers see the old content or the new, whole."""

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Create the object; of all who try one gets True. After False the winner is durable."""

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Replace the object if it is still at `token` and return the new token.

        Raises `StaleTokenError` when it is not. `ABSENT` means: if there is none. Such objects
        are read with `get_versioned` only. Deleting one forgets its generation.
        """

    def get(self, effect: Effect, path: str) -> bytes:
        """Return the content, or raise `NotFoundError`."""

    def get_versioned(self, effect: Effect, path: str) -> Versioned:
        """Return content and token of an object that `put_if_match` wrote."""

    def exists(self, effect: Effect, path: str) -> bool:
        """Whether an object stands at the path; a directory is none."""

    def list(self, effect: Effect, prefix: str) -> list[str]:
        """Return the paths of all objects under the directory, sorted; none is no error."""

    def delete(self, effect: Effect, path: str) -> None:
        """Delete the object; when it is gone already, nothing happens."""

    def delete_prefix(self, effect: Effect, prefix: str) -> None:
        """Delete everything under the directory, and leave no empty directory there."""

    def delete_all(self, effect: Effect, paths: Sequence[str]) -> None:
        """Delete the objects, and every directory above them that is then empty."""

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Give the target the source's content and mode: by hard link, else by a durable copy.

        Any error of link(2) leads to the copy. Raises `UnsafePathError` when a path passes a
        symbolic link or names no plain file: neither is followed.
        """

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Move the object, replacing the target and making its directory.

        Where there is no such step (`objects`), dying in it may leave the object under both names.
        """

    def settle(self, effect: Effect, prefix: str) -> None:
        """Make durable what other writers, dead ones too, made visible in the directory."""

    def sweep(self, listing: Effect, deletion: Effect) -> tuple[str, ...]:
        """Remove what dead writers left half written, and return its names."""

    def close(self) -> None:
        """Let go of what this handle holds; using it again is allowed."""
