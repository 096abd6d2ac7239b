"""One mutation: all of a plan or nothing of it, whatever dies or fails on the way.

    stage      converted files are written where nobody looks
    save       every path that the plan touches gets a backup, by link or copy, or is noted as new
    begin      the journal, active: from here on, dying means the old state
    publish    staged files are renamed to their places
    index      the blob and page index of a long document, as far as they are new
    write      pages, then the registry, then the audit row; what the plan removes goes
    commit     the journal, committed: from here on, dying means the new state
    discard    downloads that were used up, backups, the journal; failing here changes nothing

Any exception before the commit, Ctrl-C included, undoes it all. What it costs depends on the plan
alone, never on the size of the knowledge base. It never writes to a path that is not in the
journal, and never writes a visible file in place: a backup may be a hard link to it.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.kb import layout, points
from engine.kb.errors import RollbackFailedError, UntrackedError
from engine.kb.journal import (
    NEW,
    Entry,
    Journal,
    Operation,
    State,
    next_sequence,
    put_journal,
)
from engine.kb.record import digest, encode
from engine.kb.rollback import discard, roll_back
from engine.storage import Cloned, IoFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.kb.section import Section
    from engine.kb.store import Store
    from killpoint.failpoints import Effect

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a mutation will do: content by path. It is made before anything is touched.

    `staged` are published by rename, `indexed` only where the same does not stand already;
    `writes` replace what is there; `registry` is written after all pages.
    """

    operation: Operation
    document: str
    staged: Mapping[str, bytes] = field(default_factory=dict)
    indexed: Mapping[str, bytes] = field(default_factory=dict)
    writes: Mapping[str, bytes] = field(default_factory=dict)
    registry: Mapping[str, bytes] = field(default_factory=dict)
    deletes: tuple[str, ...] = ()
    spent: tuple[str, ...] = ()


class Mutation:
    """A mutation that has begun: only what its journal covers may be changed."""

    def __init__(self, store: Store, journal: Journal) -> None:
        """Start with a journal that is not written yet."""
        self._store = store
        self.journal = journal

    def track(self, effect: Effect, paths: Iterable[str]) -> None:
        """Save each path that is not tracked yet, then write the journal if any was new to it."""
        known = {entry.path for entry in self.journal.entries}
        entries = list(self.journal.entries)
        for path in dict.fromkeys(paths):
            if path not in known:
                backup = layout.backup_path(self.journal.mutation, len(entries))
                saved = self._store.storage.clone(points.BACKUP_CLONE, path, backup)
                stood = NEW if saved.how is Cloned.ABSENT else saved.digest
                entries.append(Entry(path=path, digest=stood))
        if len(entries) > len(known):
            self.journal = replace(self.journal, entries=tuple(entries))
            put_journal(self._store, effect, self.journal)

    def write(self, path: str, data: bytes) -> None:
        """Replace a visible file, whole."""
        self._check(path)
        self._store.storage.put(points.write_effect(path), path, data)

    def publish(self, staged: str, path: str, data: bytes) -> None:
        """Move a staged file to its place; across devices, copy it there instead."""
        self._check(path)
        try:
            self._store.storage.rename(points.PUBLISH_RENAME, staged, path)
        except IoFailedError as refusal:
            if refusal.errno != errno.EXDEV:
                raise
            self._store.storage.put(points.PUBLISH_COPY, path, data)

    def delete(self, paths: tuple[str, ...]) -> None:
        """Delete visible files, and directories that this leaves empty."""
        for path in paths:
            self._check(path)
        if paths:
            self._store.storage.delete_all(points.BODY_DELETE, paths)

    def _check(self, path: str) -> None:
        """Refuse what could not be undone."""
        if all(entry.path != path for entry in self.journal.entries):
            raise UntrackedError(path)


def mutate(section: Section, plan: Plan) -> None:
    """Carry the plan out, all of it or nothing, and return when it is durable.

    Raises whatever made it fail, after undoing it; `RollbackFailedError` if that failed too:
    then this section begins nothing more. An interrupt is raised again as it is.
    """
    section.check()
    store = section.store
    mutation = Mutation(store, _journal(section, plan))
    # Whatever leaves this function before all is settled, a second Ctrl-C too, leaves a section
    # that begins nothing more: what it did would be undone along with this.
    section.end(RollbackFailedError(mutation.journal.name, mutation.journal.path))
    begun = False
    try:
        _begin(store, mutation, plan)
        begun = True
        _carry_out(store, mutation, plan)
        committed = put_journal(
            store, points.JOURNAL_COMMIT, replace(mutation.journal, state=State.COMMITTED)
        )
    except BaseException as cause:
        _take_back(section, mutation.journal, plan, cause, _undo if begun else _forget)
        raise
    section.settled()
    try:
        discard(store, committed, _own_files(committed, plan))
    except Exception:  # noqa: BLE001 -- whatever it was, the mutation stands
        _log.warning("%s is done; its journal stays until the next one", committed.name)


def _journal(section: Section, plan: Plan) -> Journal:
    """Return the journal of a plan that has not begun."""
    return Journal(
        kb=section.store.kb,
        mutation=section.store.ids.mint(),
        sequence=next_sequence(section.kept),
        operation=plan.operation,
        document=plan.document,
        state=State.ACTIVE,
        attempts=0,
        entries=(),
        spent=plan.spent,
    )


def _begin(store: Store, mutation: Mutation, plan: Plan) -> None:
    """Stage, save, and write the journal. Nothing visible is touched."""
    for number, data in enumerate(plan.staged.values()):
        staged = layout.staged_path(mutation.journal.mutation, number)
        store.storage.put(points.STAGE_PUT, staged, data)
    audit = layout.audit_path(mutation.journal.mutation)
    covered = (*plan.staged, *plan.writes, *plan.deletes, *plan.registry, audit)
    mutation.track(points.JOURNAL_BEGIN, covered)


def _carry_out(store: Store, mutation: Mutation, plan: Plan) -> None:
    """Change everything that the plan changes; the journal is active."""
    for number, (path, data) in enumerate(plan.staged.items()):
        mutation.publish(layout.staged_path(mutation.journal.mutation, number), path, data)
    if plan.indexed:
        mutation.track(points.JOURNAL_TRACK, plan.indexed)
        stood = {entry.path: entry.digest for entry in mutation.journal.entries}
        for path, data in plan.indexed.items():
            if stood[path] != digest(data):
                mutation.write(path, data)
    for path, data in plan.writes.items():
        mutation.write(path, data)
    mutation.delete(plan.deletes)
    for path, data in plan.registry.items():
        mutation.write(path, data)
    row = {
        "mutation": mutation.journal.mutation,
        "operation": str(plan.operation),
        "document": plan.document,
        "at_us": store.clock.now_us(),
    }
    mutation.write(layout.audit_path(mutation.journal.mutation), encode(row))


def _take_back(
    section: Section,
    journal: Journal,
    plan: Plan,
    cause: BaseException,
    how: Callable[[Store, Journal, Plan], None],
) -> None:
    """Restore the old state after a failure; return so that the cause is raised again."""
    try:
        how(section.store, journal, plan)
    except BaseException as failure:
        dirty = RollbackFailedError(journal.name, journal.path, failure)
        section.end(dirty)
        _log.warning("%s", dirty)
        if isinstance(failure, Exception) and isinstance(cause, Exception):
            raise dirty from cause
        # An interrupt stays an interrupt; the next lock undoes the rest.
        if isinstance(cause, Exception):
            raise
        return
    section.settled()


def _undo(store: Store, journal: Journal, plan: Plan) -> None:
    """Take back a mutation that had begun."""
    undone = roll_back(store, journal)
    try:
        discard(store, undone, _own_files(journal, plan))
    except Exception:  # noqa: BLE001 -- all is undone; what is left is swept up by the next lock
        _log.warning("%s is undone; its journal stays until the next one", journal.name)


def _forget(store: Store, journal: Journal, plan: Plan) -> None:
    """Take back a mutation that did not begin: the journal, if it got there, before its backups.

    Raises if the journal cannot be deleted: it may stand, and would be undone by the next lock.
    """
    store.storage.delete(points.JOURNAL_DELETE, journal.path)
    try:
        store.storage.delete_all(points.DISCARD_DELETE, _own_files(journal, plan))
    except Exception:  # noqa: BLE001 -- they are no one's; the next lock reaps them
        _log.warning("%s did not begin; what it prepared stays until the next one", journal.name)


def _own_files(journal: Journal, plan: Plan) -> tuple[str, ...]:
    """Return every file in `work/` that the mutation may have made."""
    staged = (layout.staged_path(journal.mutation, n) for n in range(len(plan.staged)))
    touched = (*plan.staged, *plan.writes, *plan.deletes, *plan.registry, *plan.indexed)
    saved = (layout.backup_path(journal.mutation, n) for n in range(len(touched) + 1))
    return (*staged, *saved)
