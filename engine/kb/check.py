"""Looking whether every visible file is what the knowledge base wrote.

An entry of the registry keeps the hash of each file that is the document's own; what a shared page,
a lookup by content or an audit row must say follows from the entries and from the file's name. So
any file that was cut, changed, moved, lost or put there by somebody else is named. A page is its
users' file, too, and may be edited: then it is named all the same, and reading shows it as it is.
It never changes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.kb import layout
from engine.kb.compiler import list_page
from engine.kb.errors import DamagedFileError, FutureFormatError, UnsoundError
from engine.kb.record import Fields, decode, digest, parsing
from engine.kb.registry import Document, holder_in, known_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.kb.view import View

GONE = "is gone: restore it from a copy, or add its document again"
OTHER = (
    "is not what was written: if that was no edit of yours, restore it from a copy or add its "
    "document again"
)
STRANGER = "belongs to no document: move it elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file that is not what the knowledge base wrote, and what to do."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path!r} {self.reason}"


def check(view: View) -> tuple[Finding, ...]:
    """Return every file that is not as it should be, sorted by path; a lock is held."""
    found: list[Finding] = []
    documents: list[Document] = []
    for name in names(view):
        try:
            documents.append(known_document(view.read, name))
        except (DamagedFileError, FutureFormatError) as damage:
            found.append(Finding(path=damage.path, reason=f"cannot be read: {damage}"))
    for document in documents:
        found += _own_files(view, document)
    if not found:
        # They rest on all entries: one that cannot be read would make every page of it wrong.
        found += _pages(view, documents)
        found += _strangers(view, documents)
    found += _rows(view)
    return tuple(sorted(found, key=lambda one: one.path))


def check_document(view: View, name: str) -> None:
    """Raise `UnsoundError` unless every file that is this document's own is as it was written."""
    found = tuple(_own_files(view, known_document(view.read, name)))
    if found:
        raise UnsoundError(tuple(map(str, found)))


def audit_row(path: str, data: bytes) -> Fields:
    """Return an audit row, or raise what names the file."""
    fields = decode(path, data)
    with parsing(path):
        if layout.audit_path(fields["mutation"]) != path:
            raise DamagedFileError(path, f"it is the row of {fields['mutation']!r}")
    return fields


def names(view: View) -> list[str]:
    """Return the name of every document, sorted, also of one whose entry cannot be read."""
    return [path.split("/")[1].removesuffix(".json") for path in view.list("documents")]


def _own_files(view: View, document: Document) -> Iterator[Finding]:
    """Yield the files of one document, and its lookup by content."""
    for path in document.files:
        data = view.read(path)
        if data is None:
            yield Finding(path=path, reason=GONE)
        elif digest(data) != document.digests.get(path, digest(data)):
            yield Finding(path=path, reason=OTHER)
    lookup = layout.hash_path(document.content)
    data = view.read(lookup)
    if data is None:
        yield Finding(path=lookup, reason=GONE)
        return
    try:
        holder = holder_in(lookup, data)
    except (DamagedFileError, FutureFormatError) as damage:
        yield Finding(path=lookup, reason=f"cannot be read: {damage}")
    else:
        if holder != document.name:
            yield Finding(path=lookup, reason=OTHER)


def _pages(view: View, documents: Iterable[Document]) -> Iterator[Finding]:
    """Yield the shared pages that do not list exactly the documents that are on them."""
    listed: dict[str, list[str]] = {}
    for document in documents:
        for path in document.pages:
            listed.setdefault(path, []).append(document.name)
    for path, on_it in listed.items():
        data = view.read(path)
        if data is None:
            yield Finding(path=path, reason=GONE)
        elif not list_page(path, data, on_it):
            yield Finding(path=path, reason=OTHER)


def _strangers(view: View, documents: Iterable[Document]) -> Iterator[Finding]:
    """Yield the visible files that are no document's."""
    owned: set[str] = set()
    for document in documents:
        records: Mapping[str, bytes] = document.records()
        owned |= {*document.files, *document.pages, *records}
    for top in layout.VISIBLE:
        if top == "audit":
            continue
        for path in view.list(top):
            if path not in owned:
                yield Finding(path=path, reason=STRANGER)


def _rows(view: View) -> Iterator[Finding]:
    """Yield the audit rows that cannot be read or stand under another's name."""
    for path in view.list("audit"):
        try:
            audit_row(path, view.read(path) or b"")
        except (DamagedFileError, FutureFormatError) as damage:
            yield Finding(path=path, reason=f"cannot be read: {damage}")
