"""A handle on a knowledge base: what its users call.

Every change takes the exclusive lock, which first settles what dead operations left. Every read
takes the shared lock and sees whole states only. Opening for writing settles what it can; opening
for reading writes nothing. A handle never keeps the lock between calls, unless its user holds a
section.
"""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from engine.kb import drain, layout, operations, points
from engine.kb.check import Finding, audit_row, check, check_document, names
from engine.kb.compiler import first_words
from engine.kb.converter import Source
from engine.kb.errors import AlreadyAKbError, ClosedError, NotAKbError, ReadOnlyError
from engine.kb.journal import Operation
from engine.kb.operations import OnFailure, Result
from engine.kb.planning import read_pages
from engine.kb.record import decode, encode, parsing
from engine.kb.registry import Document, known_document
from engine.kb.section import Section, drain_if_free, exclusive, shared, undrained
from engine.kb.store import WAIT_S, Store
from engine.storage import FenceMissingError, Local, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.kb.compiler import Compiler
    from engine.kb.planning import CloudDocument
    from engine.storage import Clock, Ids, Storage


class Mode(StrEnum):
    """What a handle may do."""

    READ_WRITE = "read_write"
    READ_ONLY = "read_only"
    REPAIR = "repair"  # as READ_WRITE, but opening settles nothing: to call retry or accept


def init(where: Storage | PurePath, ids: Ids) -> None:
    """Make an empty knowledge base; an init that was cut short is finished by calling this again.

    Raises `AlreadyAKbError` if a complete one is there.
    """
    storage = _storage(where, ids)
    try:
        storage.make_fence(points.FENCE_MAKE)
        body = encode({"kb": ids.mint()})
        if not storage.put_if_absent(points.KB_CREATE, layout.KB_FILE, body):
            raise AlreadyAKbError
    finally:
        storage.close()


def open_kb(
    where: Storage | PurePath,
    clock: Clock,
    ids: Ids,
    *,
    mode: Mode = Mode.READ_WRITE,
    compiler: Compiler = first_words,
    wait_s: float = WAIT_S,
) -> Kb:
    """Open a knowledge base. In `READ_WRITE`, dead operations are settled before it returns.

    Raises `NotAKbError`, `FutureFormatError`, `DamagedFileError`, `DrainFailedError` or
    `QuarantinedError`. `READ_ONLY` and `REPAIR` are never refused for what the dead have left:
    the one shows the old state, with the other `retry` or `accept` is called.
    """
    storage = _storage(where, ids)
    store = Store(
        storage=storage,
        clock=clock,
        ids=ids,
        kb=_identity(storage),
        compiler=compiler,
        wait_s=wait_s,
    )
    if mode is Mode.READ_WRITE:
        try:
            drain_if_free(store)
        except BaseException:
            storage.close()
            raise
    return Kb(store, mode)


class Kb:
    """An open knowledge base. Threads may share it; each call takes a lock of its own."""

    def __init__(self, store: Store, mode: Mode) -> None:
        """Called by `open_kb` only."""
        self._store = store
        self._mode = mode
        self._closed = False

    def add(self, name: str, data: bytes) -> Result:
        """Add a source, or replace what the same name had held; a known content is skipped."""
        with self.exclusive() as section:
            return operations.add(section, Source(name=name, data=data))

    def add_url(self, url: str, fetch: Callable[[str], bytes]) -> Result:
        """Download and add. The next try uses a download whose add failed.

        A download that cannot be converted is not kept.
        """
        path, data = operations.download(self._writable(), url, fetch)
        with self.exclusive() as section:
            return operations.add(section, Source(name=url, data=data), Operation.URL, path)

    def add_all(
        self, sources: Iterable[Source], on_failure: OnFailure = OnFailure.STOP
    ) -> tuple[Result, ...]:
        """Add sources one after the other under one lock."""
        with self.exclusive() as section:
            return operations.add_all(section, sources, on_failure)

    def import_cloud(self, cloud_id: str, fetch: Callable[[str], CloudDocument]) -> Result:
        """Fetch a cloud document's pages, which may be slow, then import them."""
        self._writable()
        fetched = fetch(cloud_id)
        with self.exclusive() as section:
            return operations.import_cloud(section, cloud_id, fetched)

    def remove(self, name: str) -> None:
        """Remove a document and everything that is its own."""
        with self.exclusive() as section:
            operations.remove(section, name)

    def recompile(self, name: str, compiler: Compiler | None = None) -> None:
        """Compile a document anew, from its kept text; None: with this handle's compiler."""
        with self.exclusive() as section:
            operations.recompile(section, name, compiler or self._store.compiler)

    @contextmanager
    def exclusive(self) -> Iterator[Section]:
        """Hold the knowledge base alone; `engine.kb.operations` work in the section."""
        with exclusive(self._writable()) as section:
            yield section

    def documents(self) -> list[Document]:
        """Return every entry of the registry, sorted by name."""
        with shared(self._readable()) as view:
            return [known_document(view.read, name) for name in names(view)]

    def names(self) -> list[str]:
        """Return the name of every document, sorted, also of one whose entry cannot be read."""
        with shared(self._readable()) as view:
            return names(view)

    def pages(self, name: str) -> list[str]:
        """Return the text of a document, page by page."""
        with shared(self._readable()) as view:
            return read_pages(view.read, name)

    def files(self) -> dict[str, bytes]:
        """Return every visible file, all of one and the same state."""
        with shared(self._readable()) as view:
            paths = (path for top in layout.VISIBLE for path in view.list(top))
            return {path: view.read(path) or b"" for path in paths}

    def audit(self) -> list[dict[str, Any]]:
        """Return one row per committed mutation, sorted by its id."""
        with shared(self._readable()) as view:
            return [audit_row(path, view.read(path) or b"") for path in view.list("audit")]

    def check(self) -> tuple[Finding, ...]:
        """Return every visible file that is not what was written, edited ones too."""
        with shared(self._readable()) as view:
            return check(view)

    def check_document(self, name: str) -> None:
        """Raise `UnsoundError` unless every file that is a document's own is as it was written."""
        with shared(self._readable()) as view:
            check_document(view, name)

    def quarantined(self) -> list[str]:
        """Return the journals that wait for a decision: `retry` or `accept`."""
        with shared(self._readable()) as view:
            pending = drain.look(view.store)
            return [layout.quarantined_path(one.path) for one in pending.quarantined]

    def retry(self, journal: str) -> None:
        """Let a quarantined journal be undone again, after mending what stood in the way."""
        with undrained(self._writable()):
            drain.retry(self._store, journal)

    def accept(self, journal: str) -> None:
        """Keep the present state instead of what a quarantined journal would restore."""
        with undrained(self._writable()):
            drain.accept(self._store, journal)

    def close(self) -> None:
        """Let go of it; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._store.storage.close()

    def _readable(self) -> Store:
        """Return the store, or refuse a handle that was closed."""
        if self._closed:
            raise ClosedError
        return self._store

    def _writable(self) -> Store:
        """Return the store, or refuse a handle that is for reading."""
        if self._mode is Mode.READ_ONLY:
            raise ReadOnlyError
        return self._readable()


def _identity(storage: Storage) -> str:
    """Return which knowledge base this is."""
    try:
        fields = decode(layout.KB_FILE, storage.get(points.KB_READ, layout.KB_FILE))
    except (NotFoundError, FenceMissingError) as missing:
        raise NotAKbError from missing
    with parsing(layout.KB_FILE):
        return str(fields["kb"])


def _storage(where: Storage | PurePath, ids: Ids) -> Storage:
    """Return a backend for a path, or the one that was given."""
    return Local(str(where), ids=ids) if isinstance(where, PurePath) else where
