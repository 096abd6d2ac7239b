"""Holding the knowledge base: alone, after a drain, or beside other readers.

The lock is one of storage's: it excludes processes, threads and tasks alike, because it belongs
to whoever opened it and to nobody else, and it dies with its owner. There is no re-entering: who
holds a section passes it on. It never waits longer than the store's bound.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.kb.drain import drain
from engine.kb.errors import BusyError, KbError, NotHeldError
from engine.kb.view import View, view
from engine.storage import LockBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.kb.store import Store

LOCK = "kb"


class Section:
    """The exclusive hold of a drained knowledge base; a mutation needs one."""

    __slots__ = ("_ended", "kept", "store")

    def __init__(self, store: Store, kept: tuple[str, ...]) -> None:
        """Begin; `kept` is what stands in quarantine."""
        self.store = store
        self.kept = kept
        self._ended: KbError | None = None

    def check(self) -> None:
        """Raise unless a mutation may begin: the lock is held, and nothing waits to be undone."""
        if self._ended is not None:
            raise self._ended

    def end(self, reason: KbError) -> None:
        """Let no further mutation begin, for this reason."""
        self._ended = reason

    def settled(self) -> None:
        """Let the next mutation begin: the last one is done, or nothing is left of it."""
        self._ended = None


@contextmanager
def exclusive(store: Store) -> Iterator[Section]:
    """Hold the knowledge base alone, after settling what dead mutations left."""
    try:
        lock = store.storage.fence.hold_all((LOCK,), store.wait_s)
    except LockBusyError as busy:
        raise BusyError(store.wait_s) from busy
    with lock:
        section = Section(store, drain(store))
        try:
            yield section
        finally:
            section.end(NotHeldError())


@contextmanager
def undrained(store: Store) -> Iterator[None]:
    """Hold the knowledge base alone without a drain: to decide about the quarantine."""
    try:
        lock = store.storage.fence.hold_all((LOCK,), store.wait_s)
    except LockBusyError as busy:
        raise BusyError(store.wait_s) from busy
    with lock:
        yield


@contextmanager
def shared(store: Store) -> Iterator[View]:
    """Read beside other readers; no mutation runs meanwhile, and a dead one's half is not seen."""
    try:
        lock = store.storage.fence.hold_shared(LOCK, store.wait_s)
    except LockBusyError as busy:
        raise BusyError(store.wait_s) from busy
    with lock:
        yield view(store)


def drain_if_free(store: Store) -> None:
    """Settle what dead mutations left, unless a live one is at work: it has drained itself."""
    lock = store.storage.fence.try_hold(LOCK)
    if lock is not None:
        with lock:
            drain(store)
