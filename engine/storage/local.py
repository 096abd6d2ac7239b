"""A store's objects as files under one root directory.

New content is written to a file in `tmp/`, synced, then renamed or linked to its name, and the
directory of that name is synced: readers see whole content or none, and what a verb has returned
from survives a power loss. It never follows a path out of the root.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from engine.storage.calls import (
    FILE_MODE,
    around,
    discard,
    make_directory,
    mode_of,
    naming,
    read_whole,
    sync_directory,
    write_temporary,
)
from engine.storage.cloning import clone_to, plain_file
from engine.storage.directories import Directories
from engine.storage.errors import FenceMissingError, NotFoundError, StaleTokenError
from engine.storage.fence import FENCE_NAME, Fence
from engine.storage.paths import TEMPORARY_DIRECTORY, check_path, check_prefix, parent_of
from engine.storage.temporaries import Temporaries
from engine.storage.tree import ancestors, refuse_links, remove_empty, walk
from engine.storage.verbs import ABSENT, Clone, Cloned, Cloning, Versioned
from engine.storage.versioned import opened, sealed, token_of
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.storage.ports import Ids
    from killpoint.failpoints import Effect

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
        self._root = Path(root).absolute()  # the store stays where it is when its process moves
        self._durable = durability is Durability.FSYNC
        self._fence = Fence(self._root)
        self._directories = Directories(self._root, durable=self._durable)
        self._temporaries = Temporaries(self._root, self._fence, ids)

    @property
    def fence(self) -> Fence:
        """The locks of this store."""
        return self._fence

    def make_fence(self, effect: Effect) -> None:
        """Make the root, if its parent exists, the place of temporary files, and the lock file."""
        with around(effect, "make_fence", FENCE_NAME):
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
            self._directories.sync("")

    def put(self, effect: Effect, path: str, data: bytes) -> None:
        """Replace the object by rename."""
        check_path(path)
        with around(effect, "put", path):
            self._replace(effect, path, data)

    def put_if_absent(self, effect: Effect, path: str, data: bytes) -> bool:
        """Create the object by link, which fails if the name is taken."""
        check_path(path)
        with around(effect, "put_if_absent", path):
            target = self._root / path
            won = False
            if not target.exists():
                self._directories.ensure(effect, parent_of(path))
                temporary = self._temporaries.name()
                write_temporary(effect, path, temporary, data, durable=self._durable)
                won = self._link(effect, path, temporary)
            # Also for the loser: it will act on the winner's object, whose owner may have died
            # between its link and its sync.
            self._directories.sync(parent_of(path))
        return won

    def put_if_match(self, effect: Effect, path: str, data: bytes, token: str) -> str:
        """Replace the object under a lock of its name, if its token is still the same."""
        check_path(path)
        swap = f"swap:{path}"
        with (
            around(effect, "put_if_match", path),
            self._fence.hold_all((swap,), SWAP_WAIT_S),
        ):
            found, generation = self._current(path)
            if found != token:
                raise StaleTokenError(path, token, found)
            self._replace(effect, path, sealed(generation + 1, data))
        return token_of(generation + 1, data)

    def get(self, effect: Effect, path: str) -> bytes:
        """Return the content."""
        check_path(path)
        try:
            with naming("get", path):
                reach(effect["before"], path)
                return reach(effect["after"], path, read_whole(self._root / path))
        except NotFoundError:
            self._must_stand()
            raise

    def get_versioned(self, effect: Effect, path: str) -> Versioned:
        """Return content and token of an object that `put_if_match` wrote."""
        return opened(path, self.get(effect, path))[1]

    def exists(self, effect: Effect, path: str) -> bool:
        """Whether a file stands at the path."""
        check_path(path)
        with around(effect, "exists", path):
            found = (self._root / path).is_file()
            if not found:
                self._must_stand()
            return found

    def list(self, effect: Effect, prefix: str) -> list[str]:
        """Return the paths of all files under the directory, sorted."""
        check_prefix(prefix)
        with around(effect, "list", prefix):
            found = walk(self._root, prefix).files
            if not found:
                self._must_stand()
            return [*found]

    def delete(self, effect: Effect, path: str) -> None:
        """Unlink the file; gone already is as good."""
        check_path(path)
        with around(effect, "delete", path):
            if self._unlink(path):
                reach(effect["removed"], path)
                self._directories.sync(parent_of(path))

    def delete_prefix(self, effect: Effect, prefix: str) -> None:
        """Unlink every file under the directory, then the directories from the deepest up."""
        check_path(prefix)
        with around(effect, "delete_prefix", prefix):
            found = walk(self._root, prefix)
            for path in found.files:
                if self._unlink(path):
                    reach(effect["removed"], path)
            for directory in reversed(found.directories):
                self._directories.forget(directory)
                try:
                    os.rmdir(self._root / directory)
                except FileNotFoundError:
                    continue
                reach(effect["removed_dir"], directory)
            if found.directories:
                self._directories.sync(parent_of(prefix))

    def delete_all(self, effect: Effect, paths: Sequence[str]) -> None:
        """Unlink the files, then the directories above them that are empty, deepest first."""
        for path in paths:
            check_path(path)
        with around(effect, "delete_all", paths[0] if paths else ""):
            for path in paths:
                if self._unlink(path):
                    reach(effect["removed"], path)
            changed = {parent_of(path) for path in paths}
            for directory in ancestors(paths):
                if remove_empty(self._root / directory):
                    self._directories.forget(directory)
                    changed.add(parent_of(directory))
                    reach(effect["removed_dir"], directory)
            for directory in sorted(changed):
                if self._directories.sync_if_there(directory):
                    reach(effect["synced_dir"], directory)

    def clone(
        self, effect: Effect, source: str, target: str, how: Cloning = Cloning.LINK_OR_COPY
    ) -> Clone:
        """Link the source to a new name and rename that over the target, or copy it there."""
        check_path(source)
        check_path(target)
        with around(effect, "clone", target):
            found = plain_file(self._root, source)
            standing = plain_file(self._root, target)
            if found is None:
                made = Clone(how=Cloned.ABSENT, digest="")
            elif standing is not None and found.same_as(standing):
                self._directories.sync(parent_of(target))
                made = Clone(how=Cloned.SAME, digest=found.digest)
            else:
                self._directories.ensure(effect, parent_of(target))
                temporary = self._temporaries.name()
                outcome = clone_to(effect, target, found, temporary, how, durable=self._durable)
                self._over(effect, temporary, target)
                made = Clone(how=outcome, digest=found.digest)
        return made

    def rename(self, effect: Effect, source: str, target: str) -> None:
        """Move the file; the target is durable before the source is durably gone."""
        check_path(source)
        check_path(target)
        with around(effect, "rename", source):
            if not (self._root / source).is_file():
                raise NotFoundError(source)
            self._directories.ensure(effect, parent_of(target))
            os.rename(self._root / source, self._root / target)
            reach(effect["renamed"], target)
            self._directories.sync(parent_of(target))
            reach(effect["synced_target"], target)
            self._directories.sync(parent_of(source))

    def settle(self, effect: Effect, prefix: str) -> None:
        """Sync the directory, if it is there."""
        check_prefix(prefix)
        with around(effect, "settle", prefix):
            self._directories.sync_if_there(prefix)

    def sweep(self, listing: Effect, deletion: Effect) -> tuple[str, ...]:
        """Unlink the temporary files of writers that are dead; the living hold their lock."""
        with around(listing, "list", TEMPORARY_DIRECTORY):
            names = self._temporaries.names()
        removed: list[str] = []
        for held, left in self._temporaries.of_the_dead(names):
            with held:
                for name in left:
                    self._remove_temporary(deletion, f"{TEMPORARY_DIRECTORY}/{name}")
                    removed.append(name)
        return tuple(removed)

    def close(self) -> None:
        """Let go of the writer's lock; the next write takes a new identity."""
        self._temporaries.close()

    def _must_stand(self) -> None:
        """Refuse to say that something is not there when it is the store that is not."""
        if not self._fence.stands():
            raise FenceMissingError

    def _replace(self, effect: Effect, path: str, data: bytes) -> None:
        """Write aside, rename over the object, sync the directory."""
        with naming("put", path):
            self._directories.ensure(effect, parent_of(path))
            temporary = self._temporaries.name()
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
        self._directories.sync(parent_of(path))

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

    def _remove_temporary(self, effect: Effect, path: str) -> None:
        """Unlink one leftover. Its loss needs no sync: back from the dead, it is swept again."""
        with around(effect, "delete", path):
            if self._unlink(path):
                reach(effect["removed"], path)

    def _unlink(self, path: str) -> bool:
        """Unlink one file; False means that it was gone. What a link leads to is not ours."""
        refuse_links(self._root, parent_of(path))
        try:
            os.unlink(self._root / path)
        except FileNotFoundError:
            return False
        return True

    def _current(self, path: str) -> tuple[str, int]:
        """Return token and generation of a versioned object, `ABSENT` and 0 if there is none."""
        try:
            with naming("get", path):
                generation, found = opened(path, read_whole(self._root / path))
        except NotFoundError:
            return ABSENT, 0
        return found.token, generation
