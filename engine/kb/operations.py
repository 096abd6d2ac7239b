"""Adding, importing, removing and recompiling: what may be done in an exclusive section.

Each is one mutation, or none when there is nothing to do. What is slow (a download, a fetch from
a cloud) comes before the section, and what it was decided by is looked at again inside. It never
holds more than one mutation open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from engine.kb import layout, points
from engine.kb.errors import BadSourceError, RollbackFailedError
from engine.kb.journal import Operation
from engine.kb.mutation import Plan, mutate
from engine.kb.planning import (
    CloudDocument,
    cloud_content,
    plan_add,
    plan_cloud,
    plan_recompile,
    plan_remove,
)
from engine.kb.registry import holder_of, known_document
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.kb.compiler import Compiler
    from engine.kb.converter import Source
    from engine.kb.section import Section
    from engine.kb.store import Store

NO_DOWNLOAD = ""


class Status(StrEnum):
    """What an operation came to."""

    ADDED = "added"
    SKIPPED = "skipped"  # the content is there already
    FAILED = "failed"  # in a batch that goes on


class OnFailure(StrEnum):
    """What a batch does when one of its documents cannot be added."""

    STOP = "stop"
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one source. `reason` says why, where it failed."""

    status: Status
    document: str
    reason: str = ""


def add(
    section: Section,
    source: Source,
    operation: Operation = Operation.ADD,
    download: str = NO_DOWNLOAD,
) -> Result:
    """Add a source, or replace what the same origin had held; a known content is skipped."""
    section.check()
    store = section.store
    holder = holder_of(store.read, source.content)
    if holder is not None:
        if download != NO_DOWNLOAD:
            store.storage.delete(points.DOWNLOAD_DELETE, download)
        return Result(status=Status.SKIPPED, document=holder)
    spent = () if download == NO_DOWNLOAD else (download,)
    try:
        plan = plan_add(store, source, operation, spent)
    except BadSourceError:
        # It would fail every further try, and nobody could mend it: let the next one fetch anew.
        for kept in spent:
            store.storage.delete(points.DOWNLOAD_DELETE, kept)
        raise
    return _done(section, plan)


def add_all(
    section: Section, sources: Iterable[Source], on_failure: OnFailure
) -> tuple[Result, ...]:
    """Add sources one after the other, each whole or not at all.

    Whatever `on_failure` says, a failure that could not be undone ends the batch at once: what
    was done after it would be undone with it.
    """
    results: list[Result] = []
    for source in sources:
        try:
            results.append(add(section, source))
        except RollbackFailedError:
            raise
        except Exception as failure:
            match on_failure:
                case OnFailure.STOP:
                    raise
                case OnFailure.GO_ON:
                    failed = Result(status=Status.FAILED, document=source.name, reason=str(failure))
                    results.append(failed)
    return tuple(results)


def import_cloud(section: Section, cloud_id: str, fetched: CloudDocument) -> Result:
    """Import what was fetched, unless somebody has done so meanwhile."""
    section.check()
    holder = holder_of(section.store.read, cloud_content(cloud_id))
    if holder is not None:
        return Result(status=Status.SKIPPED, document=holder)
    return _done(section, plan_cloud(section.store, cloud_id, fetched))


def remove(section: Section, name: str) -> None:
    """Remove a document and everything that is its own."""
    section.check()
    document = known_document(section.store.read, name)
    mutate(section, plan_remove(section.store, document))


def recompile(section: Section, name: str, compiler: Compiler) -> None:
    """Compile a document anew, from its kept text."""
    section.check()
    document = known_document(section.store.read, name)
    mutate(section, plan_recompile(section.store, document, compiler))


def download(store: Store, url: str, fetch: Callable[[str], bytes]) -> tuple[str, bytes]:
    """Return where a download is kept and its bytes; fetched only if no earlier try has kept it."""
    path = f"{layout.DOWNLOADS}/{sha256(url.encode()).hexdigest()}"
    try:
        return path, store.storage.get(points.DOWNLOAD_READ, path)
    except NotFoundError:
        data = fetch(url)
        store.storage.put(points.DOWNLOAD_PUT, path, data)
        return path, data


def _done(section: Section, plan: Plan) -> Result:
    """Carry a plan out and say so."""
    mutate(section, plan)
    return Result(status=Status.ADDED, document=plan.document)
