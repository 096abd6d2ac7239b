"""Wrong knowledge bases, each wrong in one step; many are mistakes that were once made.

`killpoint run scenarios/planted` finds every one. A plant replaces a function of the engine in the
process that calls it; it never changes what is on disk by itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.kb import drain, mutation, operations, planning, points, rollback, section
from engine.kb import kb as handles
from engine.kb.journal import Entry, Journal, State, put_journal
from engine.kb.mutation import Mutation
from engine.kb.record import digest
from engine.kb.registry import Document
from engine.kb.section import Section
from engine.storage import Cloning, Local
from killpoint import invariants
from scenarios.kb import invariants as own
from scenarios.planted.patch import Bug, planted, put, right

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.kb.mutation import Plan
    from engine.kb.store import Store
    from killpoint import Invariant
    from killpoint.failpoints import Effect


def leave_directories() -> None:
    """Delete files and never the directories that this leaves empty."""

    def delete_all(self: Local, _: Effect, paths: Iterable[str]) -> None:
        for path in paths:
            self.delete(points.JOURNAL_DELETE, path)

    put(Local, "delete_all", delete_all)


def forget_the_lookup() -> None:
    """Register a document and not its content."""
    sound = right(Document, "records")

    def records(self: Document) -> dict[str, bytes]:
        return dict([*sound(self).items()][1:])

    put(Document, "records", records)


def audit_outside_the_journal() -> None:
    """Write the audit row without a journal that covers it."""
    sound = right(Mutation, "track")

    def track(self: Mutation, effect: Effect, paths: Iterable[str]) -> None:
        sound(self, effect, [path for path in paths if not path.startswith("audit/")])

    put(Mutation, "track", track)
    put(Mutation, "_check", lambda *_: None)


def keep_backups() -> None:
    """Discard the journal and forget its backups."""

    def discard(store: Store, journal: Journal, _: object) -> None:
        store.storage.delete(points.JOURNAL_DELETE, journal.path)

    put(mutation, "discard", discard)
    put(drain, "discard", discard)


def undo_what_was_committed() -> None:
    """Take every journal that stands for an undecided one."""
    sound = right(drain, "_settle")

    def settle(store: Store, journal: Journal, pending: object) -> None:
        sound(store, replace(journal, state=State.ACTIVE), pending)

    put(drain, "_settle", settle)


def forget_shared_pages() -> None:
    """Restore everything but the pages."""
    sound = right(Local, "clone")

    def clone(self: Local, effect: Effect, source: str, target: str, *how: Cloning) -> object:
        if effect is points.RESTORE_CLONE and target.startswith("wiki/"):
            return None
        return sound(self, effect, source, target, *how)

    put(Local, "clone", clone)


def leave_a_trace_at_every_drain() -> None:
    """Write a new file whenever the lock is taken."""
    sound = right(drain, "drain")

    def drain_and_note(store: Store) -> Any:  # noqa: ANN401 -- as the engine's
        store.storage.put(points.DOWNLOAD_PUT, "downloads/last", store.ids.mint().encode())
        return sound(store)

    put(section, "drain", drain_and_note)


def restore_everything() -> None:
    """Write files anew that the mutation had not touched."""
    sound = right(rollback, "roll_back")

    def roll_back(store: Store, journal: Journal) -> Any:  # noqa: ANN401 -- as the engine's
        for path in store.storage.list(points.CONTENT_LIST, "raw"):
            store.storage.put(points.PAGE_PUT, path, store.read(path) or b"")
        return sound(store, journal)

    put(drain, "roll_back", roll_back)


def write_outside() -> None:
    """Leave a scratch file beside the root."""
    sound = right(planning, "plan_add")

    def plan_add(store: Store, *rest: Any) -> Any:  # noqa: ANN401 -- as the engine's
        root: Path = store.storage._root  # type: ignore[attr-defined]  # noqa: SLF001
        (root.parent / "scratch").touch()
        return sound(store, *rest)

    put(operations, "plan_add", plan_add)


def begin_before_the_backups() -> None:
    """Write the journal first, then what it says is saved."""
    sound = right(Mutation, "track")

    def track(self: Mutation, effect: Effect, paths: Iterable[str]) -> None:
        listed, before = list(paths), self.journal
        store = self._store
        found = {path: store.read(path) for path in listed}
        entries = tuple(
            Entry(path=path, digest="" if data is None else digest(data))
            for path, data in found.items()
        )
        put_journal(store, effect, replace(before, entries=entries))
        sound(self, effect, listed)

    put(Mutation, "track", track)


def publish_before_the_journal() -> None:
    """Write converted files to their places before anything could undo it."""
    sound = right(mutation, "_begin")

    def begin(store: Store, begun: Mutation, plan: Plan) -> None:
        for path, data in plan.staged.items():
            store.storage.put(points.PUBLISH_COPY, path, data)
        sound(store, begun, plan)

    put(mutation, "_begin", begin)


def write_in_place() -> None:
    """Write into the live file, which a backup may be a link to."""
    sound = right(Local, "put")

    def put_in_place(self: Local, effect: Effect, path: str, data: bytes) -> None:
        file = self._root / path
        if effect is points.PAGE_PUT and file.exists():
            file.write_bytes(data)
        sound(self, effect, path, data)

    put(Local, "put", put_in_place)


def call_the_undone_committed() -> None:
    """Write "committed" over "rolled back" before discarding it."""
    sound = right(mutation, "discard")

    def discard(store: Store, journal: Journal, standing: object) -> None:
        put_journal(store, points.JOURNAL_COMMIT, replace(journal, state=State.COMMITTED))
        sound(store, journal, standing)

    put(mutation, "discard", discard)


def drain_at_opening_only() -> None:
    """Give the lock to a handle that is open without looking at what the dead left."""

    @contextmanager
    def exclusive(store: Store) -> Iterator[Section]:
        with section.undrained(store):
            yield Section(store, ())

    put(handles, "exclusive", exclusive)


def bug(
    plant: Callable[[], None],
    mechanism: str,
    expected: Invariant | str,
    about: str,
    row: str = "",
) -> Bug:
    """Return a bug of the knowledge base, named after its plant."""
    name = expected if isinstance(expected, str) else expected.name
    return Bug(
        name=f"kb_{plant.__name__}",
        mechanism=mechanism,
        expected=name,
        plant=plant,
        about=(about,),
        rows=(row,) if row else (),
    )


BUGS = (
    bug(
        leave_directories,
        "undoing leaves the directories that were made",
        own.tree_is_what_a_reader_sees,
        "kb.add.long",
    ),
    bug(
        forget_the_lookup,
        "the lookup by content is not written",
        own.registry_equals_documents,
        "kb.add.short",
    ),
    bug(
        audit_outside_the_journal,
        "the audit row is not in the journal",
        own.exactly_one_audit_row,
        "kb.add.short",
    ),
    bug(
        keep_backups,
        "a discard forgets the backups",
        own.nothing_is_left_over,
        "kb.add.short",
    ),
    bug(
        undo_what_was_committed,
        "a drain undoes whatever has a journal",
        own.a_decision_stands,
        "kb.add.short",
    ),
    bug(
        forget_shared_pages,
        "undoing forgets the shared pages",
        own.readers_see_whole_states,
        "kb.add.edited",
    ),
    bug(
        leave_a_trace_at_every_drain,
        "every exclusive lock leaves another trace",
        invariants.UNTOUCHED_BY_REOPENING,
        "kb.add.short",
    ),
    bug(
        restore_everything,
        "undoing rewrites files that nobody had touched",
        own.unrelated_files_are_untouched,
        "kb.add.short",
    ),
    bug(
        write_outside,
        "an add leaves a scratch file beside the root",
        invariants.INSIDE_THE_ROOT,
        "kb.add.short",
    ),
    bug(
        begin_before_the_backups,
        "the journal is written before the backups that it names",
        invariants.CRASHED_STATE,
        "kb.add.edited",
    ),
    bug(
        publish_before_the_journal,
        "converted files are published before the journal covers them",
        invariants.all_or_nothing,
        "kb.add.short",
        "B1",
    ),
    bug(
        write_in_place,
        "a page is written in place, through the link that is its backup",
        invariants.CRASHED_STATE,
        "kb.add.edited",
        "B4",
    ),
    bug(
        call_the_undone_committed,
        "what was undone is called committed before it is discarded",
        own.a_decision_stands,
        "kb.interrupt",
        "B10",
    ),
    bug(
        drain_at_opening_only,
        "a handle that is open does not settle what others left",
        invariants.KEPT_HANDLE,
        "kb.add.edited",
    ),
)
SCENARIOS = tuple(each for one in BUGS for each in planted(one))
