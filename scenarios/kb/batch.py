"""A batch of several documents under one lock, an operation a document.

A batch is whole document by document: what was reported done stays, whatever becomes of the rest.
So each document here is an operation of its own, in a section that stays open from the first to
the last; while it is open, the handle looks through the section's own eyes, because a reader would
wait for it. It never begins a section before the first document.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.kb import OnFailure, Result, Section, Source, Status, layout, operations
from engine.kb.view import view
from engine.storage import Local
from killpoint import Operation, Ports
from scenarios.kb.system import (
    ALMANAC,
    KbSystem,
    Place,
    State,
    place_at,
    state_from,
    state_of,
)


class NotAddedError(Exception):
    """The document that an operation is about could not be added."""


class Batch:
    """An open knowledge base, and the section of its batch once that has begun."""

    def __init__(self, place: Place) -> None:
        """Hold nothing yet."""
        self.root = place.root
        self.base = place.base
        self.storage = place.storage
        self._open = ExitStack()
        self._section: Section | None = None

    def add(self, *sources: Source) -> str:
        """Go on with the batch, whatever fails but the last; if that does, the batch ends."""
        try:
            if self._section is None:
                self._section = self._open.enter_context(self.base.exclusive())
            return _added(operations.add_all(self._section, sources, OnFailure.GO_ON)[-1])
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Let go of the lock."""
        self._section = None
        self._open.close()

    def seen(self) -> State:
        """Return what is there, as a reader would see it who need not wait."""
        if self._section is None:
            return state_of(self.base)
        now = view(self._section.store)
        paths = [path for top in layout.VISIBLE for path in now.list(top)]
        return state_from({path: now.read(path) or b"" for path in paths})


def _added(result: Result) -> str:
    """Return the name of a document that was added."""
    if result.status is not Status.ADDED:
        raise NotAddedError(result.reason)
    return result.document


@dataclass(frozen=True, slots=True)
class BatchSystem:
    """A knowledge base whose handle may be in the middle of a batch."""

    storage: type[Local] = Local

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the usual two documents."""
        KbSystem().prepare(root, ports)

    def open(self, root: Path, ports: Ports) -> Batch:
        """Open it for writing."""
        return Batch(place_at(root, ports, self.storage))

    def observe(self, handle: Batch) -> State:
        """Return what is there."""
        return handle.seen()

    def close(self, handle: Batch) -> None:
        """End the batch, if there is one, and close the handle."""
        handle.end()
        handle.base.close()


def first(batch: Batch) -> object:
    """Add a document, after one whose content is there already."""
    return batch.add(Source(name="copy.md", data=ALMANAC[1]), Source(name="a.md", data=b"a"))


def second(batch: Batch) -> object:
    """Add another one, after one that cannot be converted."""
    return batch.add(Source(name="bad.md", data=b"\xff"), Source(name="b.md", data=b"b"))


OPERATIONS = (
    Operation("one known, one new", first),
    Operation("one that fails, one new", second),
    Operation("the batch ends", Batch.end),
)
