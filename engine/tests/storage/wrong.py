"""Local storages that are wrong in one verb each, as real ones were, to see the contract notice.

The first six are known defects of a storage layer in use. The others are the shortest ways to
break the rows that those six leave green.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO

from engine.storage import ABSENT, Clone, Cloned, IoFailedError, Local, StaleTokenError, Versioned
from engine.storage.calls import naming
from engine.storage.fence import Fence, Held
from engine.storage.paths import check_path
from engine.storage.versioned import sealed, token_of
from killpoint.failpoints import Effect, reach

BUFFERS: list[IO[bytes]] = []


class AcknowledgedBeforeVisible(Local):
    """A creation returns while its bytes wait in a buffer."""

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Never flush."""
        check_path(path)
        if (self._root / path).exists():
            return False
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        BUFFERS.append((self._root / path).open("xb"))
        BUFFERS[-1].write(reach(effect["created"], path, data))
        reach(effect["linked"], path)
        return True

    def close(self) -> None:
        """Only now are the bytes written."""
        while BUFFERS:
            BUFFERS.pop().close()
        super().close()


class ClaimedBeforeContent(Local):
    """A creation takes the final name first, then fills it."""

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Open exclusively, then write."""
        check_path(path)
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self._root / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        os.write(descriptor, reach(effect["created"], path, data))
        reach(effect["written"], path)
        os.close(descriptor)
        return True


class EverybodyWins(Local):
    """A creation replaces what is there."""

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Never look."""
        check_path(path)
        self._replace(effect, path, data)
        return True


class TruncatedInPlace(Local):
    """A put empties the object and fills it again."""

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Truncate, then write."""
        check_path(path)
        reach(effect["before"], path)
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        with naming("put", path), (self._root / path).open("wb", buffering=0) as file:
            file.write(reach(effect["created"], path, data))
            reach(effect["written"], path)
        reach(effect["after"], path)


class ComparedThenActed(Local):
    """A swap compares, and writes later, under no lock."""

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Anybody may write in between."""
        check_path(path)
        found, generation = self._current(path)
        if found != token:
            raise StaleTokenError(path, token, found)
        self._replace(effect, path, sealed(generation + 1, data))
        return token_of(generation + 1, data)


class TokenOfAnotherKind(Local):
    """The token that is handed out is not what a swap compares with."""

    def get_versioned(self, effect: Effect, path: str) -> Versioned:
        """Hand out the inode, as if it were a tag."""
        found = super().get_versioned(effect, path)
        return Versioned(data=found.data, token=f"{(self._root / path).stat().st_ino}")


class DirectoriesExist(Local):
    """An empty directory is there, and reading a directory is a failure of the disk."""

    def exists(self, effect: Effect, path: str) -> bool:
        """Ask for anything of that name."""
        return super().exists(effect, path) or (self._root / path).is_dir()

    def get(self, effect: Effect, path: str) -> bytes:
        """Report a directory as it comes."""
        if (self._root / path).is_dir():
            verb = "get"
            raise IoFailedError(verb, path, IsADirectoryError(21, "Is a directory"))
        return super().get(effect, path)


class ContentAsToken(Local):
    """A swap compares content: what came back is taken for what never went."""

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Drop the generation from both sides."""
        check_path(path)
        current, _ = self._current(path)
        if token.partition(":")[2] == current.partition(":")[2]:
            token = current
        return super().put_if_match(effect, path, data, token)


class SharedPrefix(Local):
    """A listing and a delete of a prefix take what begins alike."""

    def list(self, effect: Effect, prefix: str) -> list[str]:
        """Compare as text."""
        return [path for path in super().list(effect, "") if path.startswith(prefix)]

    def delete_prefix(self, effect: Effect, prefix: str) -> None:
        """Delete by that listing, and leave the directories."""
        check_path(prefix)
        for path in self.list(effect, prefix):
            (self._root / path).unlink()


class ShowsHalfWritten(Local):
    """What is being written is in the listing, and stays there; the newest comes first."""

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Write beside the object."""
        check_path(path)
        beside = self._root / f"{path}.new"
        beside.parent.mkdir(parents=True, exist_ok=True)
        for stage in ("before", "created", "written", "synced", "after"):
            reach(effect[stage], path)
            beside.write_bytes(data)
        beside.rename(self._root / path)

    def list(self, effect: Effect, prefix: str) -> list[str]:
        """Return the newest first."""
        return super().list(effect, prefix)[::-1]


class DeletesOnce(Local):
    """Deleting what is gone is an error, and directories stay."""

    def delete(self, effect: Effect, path: str) -> None:
        """Unlink, whatever comes of it."""
        check_path(path)
        with naming("delete", path):
            (self._root / path).unlink()
        reach(effect["removed"], path)

    def delete_all(self, effect: Effect, paths: Sequence[str]) -> None:
        """Unlink the files alone."""
        for path in paths:
            self._unlink(check_path(path))
        reach(effect["removed"], "")


class RenamesByHalf(Local):
    """A rename needs the directory, and leaves an empty target when there is no source."""

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Copy what there is, then delete."""
        check_path(source)
        check_path(target)
        with naming("rename", target):
            found = self._root / source
            data = found.read_bytes() if found.is_file() else b""
            (self._root / target).write_bytes(data)
            found.unlink(missing_ok=True)
        reach(effect["renamed"], target)


class ClonesByReference(Local):
    """A clone is a symbolic link, also to nothing."""

    def clone(self, effect: Effect, source: str, target: str, *_: object) -> Clone:
        """Point at the source."""
        check_path(source)
        check_path(target)
        (self._root / target).parent.mkdir(parents=True, exist_ok=True)
        (self._root / target).symlink_to(self._root / source)
        reach(effect["linked"], target)
        return Clone(how=Cloned.LINKED, digest="")


class EncodedNames(Local):
    """Names are percent-decoded on the way in."""

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Decode the name."""
        super().put(effect, path.replace("%20", " "), data)


class MissingIsEmpty(Local):
    """What is not there reads as nothing, and any path may be asked for."""

    def get(self, effect: Effect, path: str) -> bytes:
        """Return nothing for nothing."""
        return super().get(effect, path) if (self._root / path).is_file() else b""


class TakesAnyToken(Local):
    """A swap that lost is silent."""

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Take whatever stands for what was read."""
        del token
        check_path(path)
        current, _ = self._current(path)
        return super().put_if_match(effect, path, data, current or ABSENT)


class KeepsBeginning(Local):
    """A put writes over the first bytes and leaves the rest; after closing it is over."""

    _closed = False

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Keep the tail of what was there."""
        assert not self._closed
        found = self._root / check_path(path)
        tail = found.read_bytes()[len(data) :] if found.is_file() else b""
        super().put(effect, path, data + tail)

    def close(self) -> None:
        """Never open again."""
        super().close()
        self._closed = True


class Unlocked(Local):
    """Everybody gets every lock."""

    @property
    def fence(self) -> Fence:
        """Return what excludes nobody."""
        return NoFence(self._root)


class LockedForEver(Local):
    """What anybody may have held is never free again."""

    @property
    def fence(self) -> Fence:
        """Return what lets nobody in."""
        return NeverFree(self._root)


class NeverFree(Fence):
    """Locks of the dead."""

    def try_hold(self, name: str) -> Held | None:
        """Take it for held."""
        del name
        return None


class NoFence(Fence):
    """Locks of a name that nobody else will ask for."""

    def hold_all(self, names: tuple[str, ...], wait_s: float) -> Held:
        """Hold something else."""
        return super().hold_all(tuple(f"{name}{id(self)}" for name in names), wait_s)

    def hold_shared(self, name: str, wait_s: float) -> Held:
        """Hold something else."""
        return super().hold_shared(f"{name}{id(self)}", wait_s)

    def try_hold(self, name: str) -> Held | None:
        """Hold something else."""
        return super().try_hold(f"{name}{id(self)}")
