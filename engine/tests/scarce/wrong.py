"""Steps that are wrong when something is short, to see the sweep notice each.

Each replaces one step of an engine, in the process of one sweep only. `FINDS` says for each by
which sweep it is seen, and what that says of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.kb import mutation
from engine.kb.rollback import discard
from engine.storage import IoFailedError, Local
from engine.storage.directories import Directories
from engine.storage.fence import Fence
from killpoint.failpoints import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A sweep (store, change, resource), and what it must say."""

    sweep: tuple[str, str, str]
    said: str


def deaf() -> None:
    """A creation that failed says that it won."""
    right = Local.put_if_absent

    def put_if_absent(self: Local, effect: Effect, path: str, data: bytes) -> bool:
        try:
            return right(self, effect, path, data)
        except IoFailedError:
            return True

    Local.put_if_absent = put_if_absent  # type: ignore[method-assign]


def in_place() -> None:
    """A put writes over the file that readers see."""

    def replaced(self: Local, effect: Effect, path: str, data: bytes) -> None:
        del effect
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            (self._root / path).write_bytes(data)
        except OSError as refusal:
            raise IoFailedError("put", path, refusal) from refusal

    Local._replace = replaced  # type: ignore[method-assign]


def bare() -> None:
    """A lock that cannot be opened is told in the system's words only."""

    def opened(self: Fence, access: int = os.O_RDWR) -> int:
        return os.open(self._file, access | os.O_CLOEXEC)

    Fence._open = opened  # type: ignore[method-assign]


def credulous() -> None:
    """A store that is gone is a store in which nothing stands."""
    Local._must_stand = lambda self: None  # type: ignore[method-assign]  # noqa: ARG005


def builder() -> None:
    """A directory is made with all its parents, the store's own too."""
    right = Directories.ensure

    def ensure(self: Directories, effect: Effect, directory: str) -> None:
        (self._root / directory).mkdir(parents=True, exist_ok=True)
        right(self, effect, directory)

    Directories.ensure = ensure  # type: ignore[method-assign]


def half_hearted() -> None:
    """A change that failed is cleared away, and not undone."""

    def undo(store: Any, journal: Any, plan: Any) -> None:  # noqa: ANN401 -- as it is called
        discard(store, journal, mutation._own_files(journal, plan))

    mutation._undo = undo


def writing_to_read() -> None:
    """The lock of a reader is opened as that of a writer."""
    right = Fence._open

    def opened(self: Fence, access: int = os.O_RDWR) -> int:
        del access
        return right(self, os.O_RDWR)

    Fence._open = opened  # type: ignore[method-assign]


WRONG: dict[str, Callable[[], None]] = {
    "deaf": deaf,
    "in place": in_place,
    "bare": bare,
    "credulous": credulous,
    "builder": builder,
    "half-hearted": half_hearted,
    "writing to read": writing_to_read,
}
FINDS = {
    "deaf": Find(sweep=("graph", "load", "pages"), said="reopened it is neither before nor after"),
    "in place": Find(sweep=("kb", "edit", "pages"), said="shows a half"),
    "bare": Find(sweep=("kb", "add", "descriptors"), said="raised OSError"),
    "credulous": Find(sweep=("graph", "load", "directory"), said="no word of 'bring it back'"),
    "builder": Find(sweep=("graph", "load", "directory"), said="where the store had been"),
    "half-hearted": Find(sweep=("kb", "add", "pages"), said="a half"),
    "writing to read": Find(sweep=("kb", "edit", "writing"), said="opened to read cannot read"),
}
