"""Wrong knowledge bases, wrong in what they do to files: blobs, modes, links, side files, an index.

Each is a mistake that was once made, as it would look here. A plant replaces a function of the
engine in the process that calls it; it never changes what is on disk by itself.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.kb import layout, mutation, operations, points
from engine.kb.journal import NEW, Entry, Operation, put_journal
from engine.kb.mutation import Mutation
from engine.storage import Local, cloning
from killpoint import invariants
from scenarios.kb import invariants as own
from scenarios.planted.kb import bug
from scenarios.planted.patch import planted, put, right

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.kb.mutation import Plan
    from engine.kb.section import Section
    from engine.kb.store import Store
    from engine.storage.cloning import PlainFile
    from killpoint.failpoints import Effect

PRIVATE_MODE = 0o600  # what mkstemp gives
LINKS_REFUSED = (errno.EXDEV, errno.EPERM, errno.ENOTSUP)


def note_blobs_by_name() -> None:
    """Note every blob of a document's id as new, whether it stood before or not.

    A short document has no id, and every blob begins with that.
    """
    sound = right(mutation, "_carry_out")

    def carry_out(store: Store, begun: Mutation, plan: Plan) -> None:
        own_id = next((path.split("/")[1][:16] for path in plan.indexed), "")
        known = {entry.path for entry in begun.journal.entries}
        found = [
            Entry(path=path, digest=NEW)
            for path in store.storage.list(points.CONTENT_LIST, "files")
            if path.startswith(f"files/{own_id}") and path not in known
        ]
        entries = (*begun.journal.entries, *found)
        begun.journal = replace(begun.journal, entries=entries)
        put_journal(store, points.JOURNAL_TRACK, begun.journal)
        sound(store, begun, plan)

    put(mutation, "_carry_out", carry_out)


def publish_private_copies() -> None:
    """Publish by a copy that keeps the mode of a temporary file."""

    def publish(self: Mutation, staged: str, path: str, data: bytes) -> None:
        del staged
        self._check(path)
        self._store.storage.put(points.PUBLISH_COPY, path, data)
        _file_of(self._store.storage, path).chmod(PRIVATE_MODE)

    put(Mutation, "publish", publish)


def replace_pages_by_private_files() -> None:
    """Write a page into a temporary file and forget the mode of what it replaces."""
    sound = right(Local, "put")

    def put_private(self: Local, effect: Effect, path: str, data: bytes) -> None:
        sound(self, effect, path, data)
        if effect is points.PAGE_PUT:
            _file_of(self, path).chmod(PRIVATE_MODE)

    put(Local, "put", put_private)


def copy_after_few_refusals() -> None:
    """Copy where a link is refused for some reasons, and fail for the others: EACCES is one."""

    def linked(
        effect: Effect, path: str, found: PlainFile, temporary: Path, *, durable: bool
    ) -> bool:
        del effect, path, durable
        try:
            os.link(found.file, temporary, follow_symlinks=False)
        except OSError as refusal:
            if refusal.errno in LINKS_REFUSED:
                return False
            raise
        return True

    put(cloning, "_linked", linked)


def import_without_a_journal() -> None:
    """Write what was fetched from a cloud file by file."""
    sound = right(operations, "mutate")

    def mutate(section: Section, plan: Plan) -> None:
        if plan.operation is not Operation.CLOUD:
            sound(section, plan)
            return
        for part in (plan.staged, plan.indexed, plan.writes, plan.registry):
            for path, data in part.items():
                section.store.storage.put(points.write_effect(path), path, data)

    put(operations, "mutate", mutate)


def index_before_tracking() -> None:
    """Write the blobs and the index of a long document, then tell the journal of them."""
    sound = right(Mutation, "track")

    def track(self: Mutation, effect: Effect, paths: Iterable[str]) -> None:
        if effect is not points.JOURNAL_TRACK or not isinstance(paths, Mapping):
            sound(self, effect, paths)
            return
        for path, data in paths.items():
            self._store.storage.put(points.write_effect(path), path, data)
        made = (Entry(path=path, digest=NEW) for path in paths)
        self.journal = replace(self.journal, entries=(*self.journal.entries, *made))
        put_journal(self._store, effect, self.journal)

    put(Mutation, "track", track)


def remove_the_entry_before_the_index() -> None:
    """Remove a document as one mutation, and its index as a step of its own afterwards."""
    sound = right(operations, "mutate")

    def mutate(section: Section, plan: Plan) -> None:
        later = tuple(path for path in plan.deletes if path.startswith("index/"))
        if plan.operation is not Operation.REMOVE or not later:
            sound(section, plan)
            return
        sooner = tuple(path for path in plan.deletes if path not in later)
        sound(section, replace(plan, deletes=sooner))
        section.store.storage.delete_all(points.BODY_DELETE, later)

    put(operations, "mutate", mutate)


def delete_side_files_unsaved() -> None:
    """Delete what SQLite left beside an index, and save the index only."""
    sound = right(Mutation, "track")

    def track(self: Mutation, effect: Effect, paths: Iterable[str]) -> None:
        sound(self, effect, [path for path in paths if not path.endswith(layout.SIDE_FILES)])

    put(Mutation, "track", track)
    put(Mutation, "_check", lambda *_: None)


def _file_of(storage: object, path: str) -> Path:
    root: Path = storage._root  # type: ignore[attr-defined]  # noqa: SLF001 -- behind its back
    return root / path


BUGS = (
    bug(
        note_blobs_by_name,
        "blobs are noted as new by the look of their names, and undoing deletes older ones",
        own.registry_equals_documents,
        "kb.add.short",
        "B3",
    ),
    bug(
        publish_private_copies,
        "publishing copies, and leaves the copy with the mode of a temporary file",
        own.every_file_has_the_usual_mode,
        "kb.add.short",
        "B11",
    ),
    bug(
        replace_pages_by_private_files,
        "a page that is written anew loses the mode that it had",
        own.every_file_has_the_usual_mode,
        "kb.add.edited",
        "B22",
    ),
    replace(
        bug(
            copy_after_few_refusals,
            "a link that is refused with EACCES fails the add instead of making a copy",
            invariants.FOLLOW_UP_WORKS,
            "kb.cloud.without_links",
            "B13",
        ),
        # The import itself needs a link, and would fail without any fault.
        operations_count=1,
    ),
    bug(
        import_without_a_journal,
        "an import from a cloud writes its files one by one, without a journal",
        invariants.all_or_nothing,
        "kb.cloud.without_links",
        "B15",
    ),
    bug(
        index_before_tracking,
        "a blob is written before the journal tracks it, and is left when a later step fails",
        own.registry_equals_documents,
        "kb.add.long",
        "B19",
    ),
    bug(
        remove_the_entry_before_the_index,
        "a removal takes the entry from the registry and then, as a step of its own, the index",
        own.registry_equals_documents,
        "kb.remove",
        "B24",
    ),
    bug(
        delete_side_files_unsaved,
        "what SQLite left beside an index is deleted and not saved, so undoing loses it",
        invariants.nothing_acknowledged_is_lost,
        "kb.remove.logged",
        "B25",
    ),
)
SCENARIOS = tuple(each for one in BUGS for each in planted(one))
