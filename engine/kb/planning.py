"""What each operation will change, worked out in memory before anything is touched.

Planning reads the registry and the shared pages that it changes, never a directory, so that what
it costs does not depend on how many documents there are. It never writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from engine.kb import layout
from engine.kb.compiler import (
    INDEX_TITLE,
    Compiled,
    summary_page,
    with_document,
    without_document,
)
from engine.kb.converter import Converted, Kind, Source, convert, pages_json
from engine.kb.errors import DamagedFileError
from engine.kb.index import build_index, read_index
from engine.kb.journal import Operation
from engine.kb.mutation import Plan
from engine.kb.record import digest
from engine.kb.registry import NO_INDEX, Document, known_document, place_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.kb.compiler import Compiler
    from engine.kb.registry import Read
    from engine.kb.store import Store

INDEX_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDocument:
    """What a cloud service holds of a document: its pages, and no original."""

    name: str
    pages: tuple[str, ...]


def cloud_content(cloud_id: str) -> str:
    """Return what stands for a cloud document's content: it has no bytes of its own here."""
    return sha256(f"cloud:{cloud_id}".encode()).hexdigest()


def plan_add(store: Store, source: Source, operation: Operation, spent: tuple[str, ...]) -> Plan:
    """Plan to add a source, in place of what the same origin had held before."""
    converted = convert(source)
    name, before = place_for(store.read, source.name)
    raw = f"raw/{name}{source.suffix}"
    images = {
        f"wiki/sources/images/{name}/{image}.png": data for image, data in converted.images.items()
    }
    indexed: dict[str, bytes] = {}
    text = f"wiki/sources/{name}.md"
    body, index_id = converted.text.encode(), NO_INDEX
    if converted.kind is Kind.LONG:
        text, body = f"wiki/sources/{name}.json", pages_json(converted.pages)
        index_id = source.content[:INDEX_ID_CHARACTERS]
        indexed = _indexed(index_id, converted, source)
    document = Document(
        name=name,
        origin=source.name,
        content=source.content,
        kind=converted.kind,
        source=text,
        index_id=index_id,
        files=(raw, text, *images, *indexed),
        pages=(),
        digests={},
    )
    plan = Plan(
        operation=operation,
        document=name,
        staged={raw: source.data, text: body, **images},
        indexed=indexed,
        spent=spent,
    )
    return _compiled(store, plan, document, before, store.compiler(converted.text))


def plan_cloud(store: Store, cloud_id: str, fetched: CloudDocument) -> Plan:
    """Plan to import a cloud document: its pages and what is compiled of them, no original."""
    origin = f"cloud:{cloud_id}/{fetched.name}"
    content = cloud_content(cloud_id)
    name, before = place_for(store.read, origin)
    text, index_id = f"wiki/sources/{name}.json", content[:INDEX_ID_CHARACTERS]
    indexed = {layout.index_path(index_id): build_index(fetched.pages)}
    document = Document(
        name=name,
        origin=origin,
        content=content,
        kind=Kind.CLOUD,
        source=text,
        index_id=index_id,
        files=(text, *indexed),
        pages=(),
        digests={},
    )
    plan = Plan(
        operation=Operation.CLOUD,
        document=name,
        staged={text: pages_json(fetched.pages)},
        indexed=indexed,
    )
    return _compiled(store, plan, document, before, store.compiler("\n".join(fetched.pages)))


def plan_remove(store: Store, document: Document) -> Plan:
    """Plan to remove a document, and its line from every shared page."""
    writes, deletes = _pages_without(store, document, document.pages)
    own = (*document.files, *_beside(document), *document.records())
    return Plan(
        operation=Operation.REMOVE,
        document=document.name,
        writes=writes,
        deletes=(*deletes, *own),
    )


def plan_recompile(store: Store, document: Document, compiler: Compiler) -> Plan:
    """Plan to compile a document anew from its kept text."""
    plan = Plan(operation=Operation.RECOMPILE, document=document.name)
    kept = replace(
        document,
        files=tuple(path for path in document.files if path != _summary(document.name)),
    )
    return _compiled(store, plan, kept, document, compiler(_kept_text(store, document)))


def _compiled(
    store: Store, plan: Plan, document: Document, before: Document | None, compiled: Compiled
) -> Plan:
    """Add to a plan what follows from compiling: summary, shared pages, registry, leftovers."""
    summary = _summary(document.name)
    shared = {layout.WIKI_INDEX: INDEX_TITLE, **compiled.pages}
    writes = {summary: summary_page(document.name, compiled)}
    files = (*document.files, summary)
    made = {**plan.staged, **plan.indexed, **writes}
    digests = {path: digest(made[path]) for path in files if path in made}
    kept = {path: document.digests[path] for path in files if path in document.digests}
    document = replace(document, files=files, pages=tuple(shared), digests=kept | digests)
    for path, title in shared.items():
        standing = _page(store, path)
        listed = with_document(standing, title, document.name)
        if listed != standing:
            writes[path] = listed
    deletes: tuple[str, ...] = _beside(document) if plan.indexed else ()
    if before is not None:
        gone = tuple(path for path in before.pages if path not in shared)
        shorter, emptied = _pages_without(store, document, gone)
        writes |= shorter
        owned = (*before.files, *before.records())
        ours = {*document.files, *document.records()}
        deletes = (*deletes, *emptied, *(path for path in owned if path not in ours))
        if before.index_id != document.index_id:
            deletes = (*deletes, *_beside(before))
    return replace(plan, writes=writes, registry=document.records(), deletes=deletes)


def _indexed(index_id: str, converted: Converted, source: Source) -> dict[str, bytes]:
    """Return the blob store's files of a long document, and its page index."""
    return {
        f"files/{index_id}{source.suffix}": source.data,
        **{
            f"files/{index_id}/images/{image}.png": data for image, data in converted.images.items()
        },
        layout.index_path(index_id): build_index(converted.pages),
    }


def _beside(document: Document) -> tuple[str, ...]:
    """Return what another program may have left beside the document's index."""
    if document.index_id == NO_INDEX:
        return ()
    return layout.side_files(layout.index_path(document.index_id))


def _pages_without(
    store: Store, document: Document, paths: Iterable[str]
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return shared pages without the document, and those on which nothing is left."""
    writes: dict[str, bytes] = {}
    emptied: list[str] = []
    for path in paths:
        standing = _page(store, path)
        if standing is None:
            continue
        left = without_document(standing, document.name)
        if left is None:
            emptied.append(path)
        else:
            writes[path] = left
    return writes, tuple(emptied)


def _page(store: Store, path: str) -> bytes | None:
    """Return a shared page, which anybody may have edited; it must still be text."""
    page = store.read(path)
    try:
        (page or b"").decode()
    except UnicodeDecodeError as reason:
        raise DamagedFileError(path, "it is not UTF-8 text") from reason
    return page


def _kept_text(store: Store, document: Document) -> str:
    """Return the text that a document was compiled from."""
    path, data = _text(store.read, document)
    return "\n".join(text_of(document, path, data))


def text_of(document: Document, path: str, data: bytes) -> list[str]:
    """Return the pages of a document's text. An index is nobody's to edit, a text may be."""
    if document.index_id == NO_INDEX:
        try:
            return [data.decode()]
        except UnicodeDecodeError as reason:
            raise DamagedFileError(path, "it is not UTF-8 text") from reason
    if digest(data) != document.digests.get(path, digest(data)):
        raise DamagedFileError(path, "it is not what was written")
    return read_index(path, data)


def read_pages(read: Read, name: str) -> list[str]:
    """Return the text of a document, page by page."""
    document = known_document(read, name)
    path, data = _text(read, document)
    return text_of(document, path, data)


def _text(read: Read, document: Document) -> tuple[str, bytes]:
    """Return where a document's text is, and its bytes."""
    path = document.source
    if document.index_id != NO_INDEX:
        path = layout.index_path(document.index_id)
    data = read(path)
    if data is None:
        raise DamagedFileError(path, "it is gone")
    return path, data


def _summary(name: str) -> str:
    """Return the page of one document."""
    return f"wiki/summaries/{name}.md"
