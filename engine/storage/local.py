"""A store's objects as files under one root directory.

New content is written to a file in `tmp/`, synced, then renamed or linked to its name, and the
directory of that name is synced: readers see whole content or none, and what a verb has returned
from survives a power loss. A temporary file is called `<writer>.<n>`; the writer holds a lock of
that name for as long as it lives, so what a dead one left can be told from work in progress.

A directory counts as durable only when this handle has synced its parent: a dead process may have
made it and never come to its sync. It never follows a path out of the root.
"""

from __future__ import annotations

import itertools
import os
import threading
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from engine.storage.calls import (
    FILE_MODE,
    discard,
    make_directory,
    mode_of,
    naming,
    read_whole,
    sync_directory,
    write_temporary,
)
from engine.storage.cloning import clone_to, plain_file
from engine.storage.errors import NotFoundError, StaleTokenError, TruncatedObjectError
from engine.storage.fence import FENCE_NAME, Fence, Held
from engine.storage.paths import TEMPORARY_DIRECTORY, check_path, check_prefix, parent_of
from engine.storage.tree import ancestors, names_in, remove_empty, walk
from engine.storage.verbs import ABSENT, Clone, Cloned, Cloning, Versioned
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.storage.ports import Ids
    from killpoint.failpoints import Effect

GENERATION_PREFIX = b"generation "
TOKEN_BYTES = 16
SWAP_WAIT_S = 10.0


class Durability(StrEnum):
    """What a verb has reached when it returns."""

    FSYNC = "fsync"  # the disk
    NONE = "none"  # the page cache: survives a kill, not a power loss


class Local:
    """Objects as files under `root`; safe for threads, and for processes beside each other."""

    def __init__(
        self, root: Path | str, *, ids: Ids, durability: Durability = Durability.FSYNC
    ) -> None:
        """Touch nothing yet; the root and its fence are made by `make_fence`."""
        self._root = Path(root)
        self._ids = ids
        self._durable = durability is Durability.FSYNC
        self._fence = Fence(self._root)
        self._certain: set[str] = set()
        self._writer_lock = threading.Lock()
        self._writer: tuple[str, Held] | None = None
        self._count = itertools.count(1)

    @property
    def fence(self) -> Fence:
        """The locks of this store."""
        return self._fence

    def make_fence(self, effect: Effect) -> None:
        """Make the root, if its parent exists, the place of temporary files, and the lock file."""
        reach(effect["before"], FENCE_NAME)
        with naming("make_fence", FENCE_NAME):
            if make_directory(self._root):
                reach(effect["made_root"], FENCE_NAME)
            if self._durable:
                sync_directory(self._root.parent)
            reach(effect["synced_root"], FENCE_NAME)
            if make_directory(self._root / TEMPORARY_DIRECTORY):
                reach(effect["made_tmp"], FENCE_NAME)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            os.close(os.open(self._root / FENCE_NAME, flags, FILE_MODE))
            reach(effect["created"], FENCE_NAME)
            self._sync("")
        reach(effect["after"], FENCE_NAME)

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Replace the object by rename."""
        check_path(path)
        reach(effect["before"], path)
        self._replace(effect, path, data)
        reach(effect["after"], path)

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Create the object by link, which fails if the name is taken."""
        check_path(path)
        reach(effect["before"], path)
        with naming("put_if_absent", path):
            target = self._root / path
            won = False
            if not target.exists():
                self._ensure_directory(effect, parent_of(path))
                temporary = self._temporary()
                write_temporary(effect, path, temporary, data, durable=self._durable)
                won = self._link(effect, path, temporary)
            # Also for the loser: it will act on the winner's object, whose owner may have died
            # between its link and its sync.
            self._sync(parent_of(path))
        reach(effect["after"], path)
        return won

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Replace the object under a lock of its name, if its token is still the same."""
        check_path(path)
        reach(effect["before"], path)
        with self._fence.hold_all((f"swap:{path}",), SWAP_WAIT_S):
            found, generation = self._current(path)
            if found != token:
                raise StaleTokenError(path, token, found)
            body = GENERATION_PREFIX + b"%d\n" % (generation + 1) + data
            self._replace(effect, path, body)
        reach(effect["after"], path)
        return _token(generation + 1, data)

    def get(self, effect: Effect, path: str) -> bytes:
        """Return the content."""
        check_path(path)
        reach(effect["before"], path)
        with naming("get", path):
            data = read_whole(self._root / path)
        return reach(effect["after"], path, data)

    def get_versioned(self, effect: Effect, path: str) -> Versioned:
        """Return content and token of an object that `put_if_match` wrote."""
        generation, data = _parse(path, self.get(effect, path))
        return Versioned(data=data, token=_token(generation, data))

    def exists(self, effect: Effect, path: str) -> bool:
        """Whether a file stands at the path."""
        check_path(path)
        reach(effect["before"], path)
        found = (self._root / path).is_file()
        reach(effect["after"], path)
        return found

    def list(self, effect: Effect, prefix: str) -> list[str]:
        """Return the paths of all files under the directory, sorted."""
        check_prefix(prefix)
        reach(effect["before"], prefix)
        with naming("list", prefix):
            files = walk(self._root, prefix).files
        reach(effect["after"], prefix)
        return [*files]

    def delete(self, effect: Effect, path: str) -> None:
        """Unlink the file; gone already is as good."""
        check_path(path)
        reach(effect["before"], path)
        with naming("delete", path):
            if self._unlink(path):
                reach(effect["removed"], path)
                self._sync(parent_of(path))
        reach(effect["after"], path)

    def delete_prefix(self, effect: Effect, prefix: str) -> None:
        """Unlink every file under the directory, then the directories from the deepest up."""
        check_path(prefix)
        reach(effect["before"], prefix)
        with naming("delete_prefix", prefix):
            found = walk(self._root, prefix)
            for path in found.files:
                if self._unlink(path):
                    reach(effect["removed"], path)
            for directory in reversed(found.directories):
                self._certain.discard(directory)
                try:
                    os.rmdir(self._root / directory)
                except FileNotFoundError:
                    continue
                reach(effect["removed_dir"], directory)
            if found.directories:
                self._sync(parent_of(prefix))
        reach(effect["after"], prefix)

    def delete_all(self, effect: Effect, paths: Sequence[str]) -> None:
        """Unlink the files, then the directories above them that are empty, deepest first."""
        for path in paths:
            check_path(path)
        reach(effect["before"], paths[0] if paths else "")
        with naming("delete_all", paths[0] if paths else ""):
            for path in paths:
                if self._unlink(path):
                    reach(effect["removed"], path)
            changed = {parent_of(path) for path in paths}
            for directory in ancestors(paths):
                if remove_empty(self._root / directory):
                    self._certain.discard(directory)
                    changed.add(parent_of(directory))
                    reach(effect["removed_dir"], directory)
            for directory in sorted(changed):
                if (self._root / directory).is_dir():
                    self._sync(directory)
                    reach(effect["synced_dir"], directory)
        reach(effect["after"], paths[0] if paths else "")

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Link the source to a new name and rename that over the target, or copy it there."""
        check_path(source)
        check_path(target)
        reach(effect["before"], target)
        with naming("clone", target):
            found = plain_file(self._root, source)
            standing = plain_file(self._root, target)
            if found is None:
                made = Clone(how=Cloned.ABSENT, digest="")
            elif standing is not None and found.same_as(standing):
                self._sync(parent_of(target))
                made = Clone(how=Cloned.SAME, digest=found.digest)
            else:
                self._ensure_directory(effect, parent_of(target))
                temporary = self._temporary()
                outcome = clone_to(effect, target, found, temporary, how, durable=self._durable)
                self._over(effect, temporary, target)
                made = Clone(how=outcome, digest=found.digest)
        reach(effect["after"], target)
        return made

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Move the file; the target is durable before the source is durably gone."""
        check_path(source)
        check_path(target)
        reach(effect["before"], source)
        with naming("rename", source):
            if not (self._root / source).is_file():
                raise NotFoundError(source)
            self._ensure_directory(effect, parent_of(target))
            os.rename(self._root / source, self._root / target)
            reach(effect["renamed"], target)
            self._sync(parent_of(target))
            reach(effect["synced_target"], target)
            self._sync(parent_of(source))
        reach(effect["after"], source)

    def settle(self, effect: Effect, prefix: str) -> None:
        """Sync the directory, if it is there."""
        check_prefix(prefix)
        reach(effect["before"], prefix)
        with naming("settle", prefix):
            if (self._root / prefix).is_dir():
                self._sync(prefix)
        reach(effect["after"], prefix)

    def sweep(self, listing: Effect, deletion: Effect) -> tuple[str, ...]:
        """Unlink the temporary files of writers that are dead; the living hold their lock."""
        reach(listing["before"], TEMPORARY_DIRECTORY)
        with naming("list", TEMPORARY_DIRECTORY):
            names = names_in(self._root / TEMPORARY_DIRECTORY)
        reach(listing["after"], TEMPORARY_DIRECTORY)
        removed: list[str] = []
        for writer, group in itertools.groupby(names, lambda name: name.rpartition(".")[0]):
            held = self._fence.try_hold(_writer_lock_name(writer))
            if held is None:
                continue
            with held:
                for name in group:
                    self._remove_temporary(deletion, f"{TEMPORARY_DIRECTORY}/{name}")
                    removed.append(name)
        return tuple(removed)

    def close(self) -> None:
        """Let go of the writer's lock; the next write takes a new identity."""
        with self._writer_lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer[1].release()

    def _replace(self, effect: Effect, path: str, data: bytes) -> None:
        """Write aside, rename over the object, sync the directory."""
        with naming("put", path):
            self._ensure_directory(effect, parent_of(path))
            temporary = self._temporary()
            mode = mode_of(self._root / path)
            write_temporary(effect, path, temporary, data, durable=self._durable, mode=mode)
            self._over(effect, temporary, path)

    def _over(self, effect: Effect, temporary: Path, path: str) -> None:
        """Rename a finished temporary file over the object, and sync the directory."""
        try:
            os.rename(temporary, self._root / path)
        except BaseException:
            discard(temporary)
            raise
        reach(effect["renamed"], path)
        self._sync(parent_of(path))

    def _link(self, effect: Effect, path: str, temporary: Path) -> bool:
        """Give the temporary file its name unless that is taken, then drop the first name."""
        try:
            try:
                os.link(temporary, self._root / path)
                won = True
            except FileExistsError:
                won = False
            if won:
                reach(effect["linked"], path)
        except BaseException:
            discard(temporary)
            raise
        os.unlink(temporary)
        reach(effect["unlinked"], path)
        return won

    def _ensure_directory(self, effect: Effect, directory: str) -> None:
        """Make what is missing on the way down, and sync the parent of all we cannot be sure of."""
        if directory in self._certain and (self._root / directory).is_dir():
            return
        parts = directory.split("/") if directory else []
        for depth in range(1, len(parts) + 1):
            step = "/".join(parts[:depth])
            if make_directory(self._root / step):
                reach(effect["made_dir"], step)
            elif step in self._certain:
                continue
            if self._durable:
                self._sync(parent_of(step))
                reach(effect["synced_dir"], step)
            self._certain.add(step)

    def _sync(self, directory: str) -> None:
        """Sync one directory of the store, if this handle is durable."""
        if self._durable:
            sync_directory(self._root / directory)

    def _temporary(self) -> Path:
        """Return a new name in `tmp/`; the first call makes the writer known as living."""
        with self._writer_lock:
            while self._writer is None:  # another handle that counts alike may be alive: next id
                writer = self._ids.mint()
                held = self._fence.try_hold(_writer_lock_name(writer))
                self._writer = None if held is None else (writer, held)
            writer = self._writer[0]
        return self._root / TEMPORARY_DIRECTORY / f"{writer}.{next(self._count)}"

    def _remove_temporary(self, effect: Effect, path: str) -> None:
        """Unlink one leftover. Its loss needs no sync: back from the dead, it is swept again."""
        reach(effect["before"], path)
        with naming("delete", path):
            if self._unlink(path):
                reach(effect["removed"], path)
        reach(effect["after"], path)

    def _unlink(self, path: str) -> bool:
        """Unlink one file; False means that it was gone."""
        try:
            os.unlink(self._root / path)
        except FileNotFoundError:
            return False
        return True

    def _current(self, path: str) -> tuple[str, int]:
        """Return token and generation of a versioned object, `ABSENT` and 0 if there is none."""
        try:
            with naming("get", path):
                generation, data = _parse(path, read_whole(self._root / path))
        except NotFoundError:
            return ABSENT, 0
        return _token(generation, data), generation


def _parse(path: str, body: bytes) -> tuple[int, bytes]:
    """Split a versioned object into generation and data."""
    line, newline, data = body.partition(b"\n")
    number = line.removeprefix(GENERATION_PREFIX)
    if not newline or not line.startswith(GENERATION_PREFIX) or not number.isdigit():
        raise TruncatedObjectError(path)
    return int(number), data


def _token(generation: int, data: bytes) -> str:
    """Return what a swap must name: the generation, so that equal content is no match, and more."""
    return f"{generation}:{blake2b(data, digest_size=TOKEN_BYTES).hexdigest()}"


def _writer_lock_name(writer: str) -> str:
    """Return the lock that says that a writer lives."""
    return f"writer:{writer}"
