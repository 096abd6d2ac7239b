"""A store's objects as whole values in a bucket.

A bucket makes a value visible at once and keeps it when it says so; there are no directories, no
temporary files and nothing to sync. So a verb has one step that changes something, or one for
each object that it deletes, and the same points around it as a local storage: `created` before
the bytes are handed over, `renamed` or `linked` after they are visible. The stages of files and
directories are never reached here.

A rename is no single step: for a moment the object stands under both names.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from engine.storage.calls import naming
from engine.storage.cloning import DIGEST_BYTES
from engine.storage.errors import NotFoundError, ShortWriteError, StaleTokenError
from engine.storage.fence import FENCE_NAME
from engine.storage.paths import TEMPORARY_DIRECTORY, check_path, check_prefix
from engine.storage.verbs import ABSENT, Clone, Cloned, Cloning, Versioned
from engine.storage.versioned import opened, sealed, token_of
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.storage.bucket import Bucket
    from engine.storage.locks import ProcessLocks
    from killpoint.failpoints import Effect


class Admission(Protocol):
    """Whether this process may write to a place, and one handle's locks there."""

    @property
    def locks(self) -> ProcessLocks:
        """The locks, which exclude the other handles of this process."""

    def make(self) -> None:
        """Make what admission needs, once; again is harmless."""

    def admit(self) -> None:
        """Raise if this process may not write."""

    def leave(self) -> None:
        """Say that this handle writes no more, for now."""


class Objects:
    """Objects as values in a bucket; threads may share it."""

    def __init__(self, bucket: Bucket, admission: Admission) -> None:
        self._bucket = bucket
        self._admission = admission

    @property
    def fence(self) -> ProcessLocks:
        """The locks of this store."""
        return self._admission.locks

    def make_fence(self, effect: Effect) -> None:
        """Make the object that admission is decided by."""
        reach(effect["before"], FENCE_NAME)
        with naming("make_fence", FENCE_NAME):
            self._admission.make()
            reach(effect["created"], FENCE_NAME)
        reach(effect["after"], FENCE_NAME)

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Set the value."""
        check_path(path)
        reach(effect["before"], path)
        with naming("put", path):
            self._bucket.put(path, _handed(effect, path, data))
            reach(effect["renamed"], path)
        reach(effect["after"], path)

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Set the value on condition that there is none."""
        check_path(path)
        reach(effect["before"], path)
        with naming("put_if_absent", path):
            won = self._bucket.put_new(path, _handed(effect, path, data))
            if won:
                reach(effect["linked"], path)
        reach(effect["after"], path)
        return won

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Set the value on condition that what we compared the token with still stands."""
        check_path(path)
        reach(effect["before"], path)
        with naming("put_if_match", path):
            found, generation, tag = self._current(path)
            if found != token:
                raise StaleTokenError(path, token, found)
            body = _handed(effect, path, sealed(generation + 1, data))
            if token == ABSENT:
                swapped = self._bucket.put_new(path, body)
            else:
                swapped = self._bucket.put_over(path, body, tag)
            if not swapped:
                raise StaleTokenError(path, token, self._current(path)[0])
            reach(effect["renamed"], path)
        reach(effect["after"], path)
        return token_of(generation + 1, data)

    def get(self, effect: Effect, path: str) -> bytes:
        """Return the value."""
        check_path(path)
        reach(effect["before"], path)
        with naming("get", path):
            data = self._bucket.get(path).data
        return reach(effect["after"], path, data)

    def get_versioned(self, effect: Effect, path: str) -> Versioned:
        """Return content and token of an object that `put_if_match` wrote."""
        return opened(path, self.get(effect, path))[1]

    def exists(self, effect: Effect, path: str) -> bool:
        """Whether there is a value of exactly that name."""
        check_path(path)
        reach(effect["before"], path)
        with naming("exists", path):
            found = self._bucket.has(path)
        reach(effect["after"], path)
        return found

    def list(self, effect: Effect, prefix: str) -> list[str]:
        """Return the names under the directory, sorted."""
        check_prefix(prefix)
        reach(effect["before"], prefix)
        with naming("list", prefix):
            names = self._bucket.names_under(prefix)
        reach(effect["after"], prefix)
        return sorted(name for name in names if name != FENCE_NAME)

    def delete(self, effect: Effect, path: str) -> None:
        """Take the value away."""
        check_path(path)
        reach(effect["before"], path)
        with naming("delete", path):
            self._bucket.delete(path)
            reach(effect["removed"], path)
        reach(effect["after"], path)

    def delete_prefix(self, effect: Effect, prefix: str) -> None:
        """Take every value under the directory away, in order of their names."""
        check_path(prefix)
        reach(effect["before"], prefix)
        with naming("delete_prefix", prefix):
            for name in sorted(self._bucket.names_under(prefix)):
                self._bucket.delete(name)
                reach(effect["removed"], name)
        reach(effect["after"], prefix)

    def delete_all(self, effect: Effect, paths: Sequence[str]) -> None:
        """Take the values away; a directory goes with the last name that passes it."""
        for path in paths:
            check_path(path)
        first = paths[0] if paths else ""
        reach(effect["before"], first)
        with naming("delete_all", first):
            for path in paths:
                self._bucket.delete(path)
                reach(effect["removed"], path)
        reach(effect["after"], first)

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Copy: there are no links here, and no modes."""
        del how
        check_path(source)
        check_path(target)
        reach(effect["before"], target)
        with naming("clone", target):
            made = self._cloned(effect, source, target)
        reach(effect["after"], target)
        return made

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Copy, then take the source away; dying in between leaves both."""
        check_path(source)
        check_path(target)
        reach(effect["before"], source)
        with naming("rename", source):
            data = self._bucket.get(source).data
            if source != target:
                self._bucket.put(target, data)
                reach(effect["renamed"], target)
                self._bucket.delete(source)
                reach(effect["synced_target"], target)
        reach(effect["after"], source)

    def settle(self, effect: Effect, prefix: str) -> None:
        """Do nothing: what a bucket shows is durable."""
        check_prefix(prefix)
        reach(effect["before"], prefix)
        reach(effect["after"], prefix)

    def sweep(self, listing: Effect, deletion: Effect) -> tuple[str, ...]:
        """Ask for admission, because this begins an opening to write; nothing is half written."""
        del deletion
        reach(listing["before"], TEMPORARY_DIRECTORY)
        self._admission.admit()
        reach(listing["after"], TEMPORARY_DIRECTORY)
        return ()

    def close(self) -> None:
        """Let another process write, if no handle of this one still does."""
        self._admission.leave()

    def _current(self, path: str) -> tuple[str, int, str]:
        """Return token, generation and tag of a versioned object; `ABSENT`, 0, "" without one."""
        try:
            standing = self._bucket.get(path)
        except NotFoundError:
            return ABSENT, 0, ""
        generation, found = opened(path, standing.data)
        return found.token, generation, standing.tag

    def _cloned(self, effect: Effect, source: str, target: str) -> Clone:
        """Give the target the source's content, and say how."""
        try:
            data = self._bucket.get(source).data
        except NotFoundError:
            return Clone(how=Cloned.ABSENT, digest="")
        digest = blake2b(data, digest_size=DIGEST_BYTES).hexdigest()
        if self._bucket.has(target) and self._bucket.get(target).data == data:
            return Clone(how=Cloned.SAME, digest=digest)
        self._bucket.put(target, _handed(effect, target, data))
        reach(effect["renamed"], target)
        return Clone(how=Cloned.COPIED, digest=digest)


def _handed(effect: Effect, path: str, data: bytes) -> bytes:
    """Let the bytes pass the seam; what is shorter or longer then is never handed over."""
    handed = reach(effect["created"], path, data)
    if len(handed) != len(data):
        raise ShortWriteError(path, len(data), len(handed))
    return handed
