"""Which documents there are: one file a document, and one a content that says whose it is.

Names are unique because a name is a file; contents are, because a content is. Looking one up costs
the same however many there are. An entry lists every file that is the document's own, so that a
removal needs no search. It never lists shared pages as its own, only as pages that mention it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.kb import layout
from engine.kb.converter import Kind, clean_stem, distinct_stem
from engine.kb.errors import DamagedFileError, UnknownDocumentError
from engine.kb.record import decode, encode, parsing

Read = Callable[[str], bytes | None]  # a visible file's content, None when there is none

NO_INDEX = ""  # in the place of an id: the document is kept as one text


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An entry of the registry.

    `origin` is what the source was called, `source` its text; `digests` are the hashes of its own
    `files` as they were written.
    """

    name: str
    origin: str
    content: str
    kind: Kind
    source: str
    index_id: str
    files: tuple[str, ...]
    pages: tuple[str, ...]
    digests: Mapping[str, str]

    def records(self) -> dict[str, bytes]:
        """Return the registry's files for this entry, the lookup by content first."""
        fields = {
            "name": self.name,
            "origin": self.origin,
            "content": self.content,
            "kind": str(self.kind),
            "source": self.source,
            "index_id": self.index_id,
            "files": list(self.files),
            "pages": list(self.pages),
            "digests": dict(self.digests),
        }
        return {
            layout.hash_path(self.content): encode({"document": self.name}),
            layout.document_path(self.name): encode(fields),
        }


def read_document(read: Read, name: str) -> Document | None:
    """Return the entry of that name, or None when there is none."""
    path = layout.document_path(name)
    data = read(path)
    if data is None:
        return None
    fields = decode(path, data)
    with parsing(path):
        found = Document(
            name=fields["name"],
            origin=fields["origin"],
            content=fields["content"],
            kind=Kind(fields["kind"]),
            source=fields["source"],
            index_id=fields["index_id"],
            files=tuple(fields["files"]),
            pages=tuple(fields["pages"]),
            # An entry from before there were any has none, and its files are not checked.
            digests=dict(fields.get("digests", {})),
        )
    if found.name != name:
        raise DamagedFileError(path, f"it is the entry of {found.name!r}")
    return found


def known_document(read: Read, name: str) -> Document:
    """Return the entry of that name, or raise `UnknownDocumentError`."""
    found = read_document(read, name) if layout.is_mutable(layout.document_path(name)) else None
    if found is None:
        raise UnknownDocumentError(name)
    return found


def holder_of(read: Read, content: str) -> str | None:
    """Return the name of the document that has this content."""
    path = layout.hash_path(content)
    data = read(path)
    if data is None:
        return None
    holder = holder_in(path, data)
    document = read_document(read, holder)
    if document is None or document.content != content:
        raise DamagedFileError(path, f"{holder!r} does not have this content")
    return holder


def holder_in(path: str, data: bytes) -> str:
    """Return which document a lookup by content names."""
    with parsing(path):
        return str(decode(path, data)["document"])


def place_for(read: Read, origin: str) -> tuple[str, Document | None]:
    """Return the name for a source, and the entry that it replaces if it was added before."""
    for name in (clean_stem(origin), distinct_stem(origin)):
        found = read_document(read, name)
        if found is None or found.origin == origin:
            return name, found
    raise DamagedFileError(
        layout.document_path(distinct_stem(origin)), f"it should be the entry of {origin!r}"
    )
