"""A storage in the memory of one process: for models and for tests of what stands on a storage.

It keeps every promise of the verbs except to outlive its process; so nothing can be killed on it
and reopened, and no other process can look. It never touches a file.
"""

from __future__ import annotations

from engine.storage.bucket import Bucket, MemoryBucket
from engine.storage.errors import FenceMissingError
from engine.storage.fence import FENCE_NAME
from engine.storage.locks import Holders, ProcessLocks
from engine.storage.objects import Objects


class Memory:
    """A place in memory, on which any number of storages may be opened."""

    def __init__(self) -> None:
        self._bucket = MemoryBucket()
        self._admission = Anyone(self._bucket)

    def storage(self) -> Objects:
        """Return a storage that sees what all others of this place see."""
        return Objects(self._bucket, self._admission)


class Anyone:
    """Admits every handle, once the fence has been made: there is no other process."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._locks = ProcessLocks(Holders(), self.admit)

    @property
    def locks(self) -> ProcessLocks:
        """The locks of this place."""
        return self._locks

    def make(self) -> None:
        """Make the fence."""
        self._bucket.put_new(FENCE_NAME, b"")

    def admit(self) -> None:
        """Raise if there is no fence."""
        if not self._bucket.has(FENCE_NAME):
            raise FenceMissingError

    def leave(self) -> None:
        """Do nothing: nobody waits to be admitted."""
