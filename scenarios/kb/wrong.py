"""Wrong knowledge bases, each wrong in one step, and the invariant that must say so.

A plant replaces a function of the engine in the process that calls it. They show that the
invariants can fail; the campaign of `planted` is elsewhere. It never changes a file by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.kb import drain, mutation, operations, planning, points, rollback, section
from engine.kb.journal import Entry, Journal, State, put_journal
from engine.kb.mutation import Mutation
from engine.kb.record import digest
from engine.kb.registry import Document
from engine.kb.store import Store
from engine.storage import Local
from killpoint import invariants
from scenarios.kb import invariants as own
from scenarios.planted.patch import Bug

COMMITTING = "kb.journal.commit.created"
COMMITTED = "kb.journal.commit.renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A bug, and the scenario and the kill that show it."""

    scenario: str
    kill: str
    bug: Bug


def _put(step: object, name: str, *places: object) -> None:
    """Put a wrong step in the place of a right one, wherever it is called by that name."""
    for place in places:
        setattr(place, name, step)


def _leave_directories() -> None:
    def delete_all(self: Local, effect: Any, paths: Any) -> None:  # noqa: ANN401 -- as the verb's
        del effect
        for path in paths:
            self.delete(points.JOURNAL_DELETE, path)

    _put(delete_all, "delete_all", Local)


def _forget_the_lookup() -> None:
    right = Document.records

    def records(self: Document) -> dict[str, bytes]:
        return dict([*right(self).items()][1:])

    _put(records, "records", Document)


def _audit_outside_the_journal() -> None:
    right = Mutation.track

    def track(self: Mutation, effect: Any, paths: Any) -> None:  # noqa: ANN401
        right(self, effect, [path for path in paths if not path.startswith("audit/")])

    _put(track, "track", Mutation)
    _put(lambda *_: None, "_check", Mutation)


def _keep_backups() -> None:
    def discard(store: Store, journal: Journal, _: object) -> None:
        store.storage.delete(points.JOURNAL_DELETE, journal.path)

    _put(discard, "discard", mutation, drain)


def _undo_what_was_committed() -> None:
    right = drain._settle  # noqa: SLF001 -- the step to replace

    def settle(store: Store, journal: Journal, pending: Any) -> None:  # noqa: ANN401
        right(store, replace(journal, state=State.ACTIVE), pending)

    _put(settle, "_settle", drain)


def _forget_shared_pages() -> None:
    right = Local.clone

    def clone(self: Local, effect: Any, source: str, target: str, *how: Any) -> Any:  # noqa: ANN401
        if effect is points.RESTORE_CLONE and target.startswith("wiki/"):
            return None
        return right(self, effect, source, target, *how)

    _put(clone, "clone", Local)


def _put_again_at_every_drain() -> None:
    right = drain.drain

    def drain_and_note(store: Store) -> tuple[str, ...]:
        store.storage.put(points.DOWNLOAD_PUT, "downloads/last", store.ids.mint().encode())
        return right(store)

    _put(drain_and_note, "drain", section)


def _restore_everything() -> None:
    right = rollback.roll_back

    def roll_back(store: Store, journal: Journal) -> Journal:
        for path in store.storage.list(points.CONTENT_LIST, "raw"):
            store.storage.put(points.PAGE_PUT, path, store.read(path) or b"")
        return right(store, journal)

    _put(roll_back, "roll_back", drain)


def _write_outside() -> None:
    right: Any = planning.plan_add

    def plan_add(store: Store, *rest: Any) -> Any:  # noqa: ANN401 -- as the engine's
        root: Path = store.storage._root  # type: ignore[attr-defined] # noqa: SLF001
        (root.parent / "scratch").touch()
        return right(store, *rest)

    _put(plan_add, "plan_add", operations)


def _begin_before_the_backups() -> None:
    right = Mutation.track

    def track(self: Mutation, effect: Any, paths: Any) -> None:  # noqa: ANN401
        listed = list(paths)
        before = self.journal
        contents = {path: self._store.read(path) for path in listed}
        entries = tuple(Entry(path=path, digest=_digest(contents, path)) for path in listed)
        put_journal(self._store, effect, replace(before, entries=entries))
        self.journal = before
        right(self, effect, listed)

    _put(track, "track", Mutation)


def _digest(contents: Mapping[str, bytes | None], path: str) -> str:
    data = contents[path]
    return "" if data is None else digest(data)


def _wrong(
    where: tuple[str, str], mechanism: str, expected: str, plant: Callable[[], None]
) -> Wrong:
    name = plant.__name__.strip("_")
    bug = Bug(name=name, mechanism=mechanism, expected=expected, plant=plant)
    scenario, kill = where
    return Wrong(scenario=f"kb.{scenario}", kill=kill, bug=bug)


WRONG = (
    _wrong(
        ("add.long", COMMITTING),
        "undoing leaves the directories that were made",
        own.tree_is_what_a_reader_sees.name,
        _leave_directories,
    ),
    _wrong(
        ("add.short", COMMITTED),
        "the lookup by content is not written",
        own.registry_equals_documents.name,
        _forget_the_lookup,
    ),
    _wrong(
        ("add.short", COMMITTING),
        "the audit row is not in the journal",
        own.exactly_one_audit_row.name,
        _audit_outside_the_journal,
    ),
    _wrong(
        ("add.short", COMMITTING),
        "a discard forgets the backups",
        own.nothing_is_left_over.name,
        _keep_backups,
    ),
    _wrong(
        ("add.short", COMMITTED),
        "a drain undoes whatever has a journal",
        own.a_decision_stands.name,
        _undo_what_was_committed,
    ),
    _wrong(
        ("add.edited", COMMITTING),
        "undoing forgets the shared pages",
        own.readers_see_whole_states.name,
        _forget_shared_pages,
    ),
    _wrong(
        ("add.short", COMMITTING),
        "every exclusive lock leaves another trace",
        invariants.UNTOUCHED_BY_REOPENING,
        _put_again_at_every_drain,
    ),
    _wrong(
        ("add.short", COMMITTING),
        "undoing rewrites files that nobody had touched",
        own.unrelated_files_are_untouched.name,
        _restore_everything,
    ),
    _wrong(
        ("add.short", COMMITTING),
        "an add leaves a scratch file beside the root",
        invariants.INSIDE_THE_ROOT,
        _write_outside,
    ),
    _wrong(
        ("add.edited", "kb.backup.clone.before"),
        "the journal is written before the backups that it names",
        invariants.CRASHED_STATE,
        _begin_before_the_backups,
    ),
)
