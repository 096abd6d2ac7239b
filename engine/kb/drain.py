"""Settling what dead mutations left, before anybody may change anything.

Whoever gets the exclusive lock knows that no other mutation lives. So every journal in `work/` is
a dead one's: decided ones are discarded, undecided ones are undone, the newest first. An undoing
that fails keeps its journal and refuses the lock; after a few attempts the journal goes into
quarantine, its backups stay, and the lock is refused until somebody decides. A journal that cannot
be read goes there at once, and since nobody can tell what it meant, it stops nobody.

It never deletes a backup of an undecided mutation, and never acts on a path of a foreign journal.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from engine.kb import layout, points
from engine.kb.errors import DamagedFileError, DrainFailedError, QuarantinedError
from engine.kb.journal import ATTEMPTS_MAX, Journal, parse_journal, put_journal
from engine.kb.rollback import discard, roll_back
from engine.storage import NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.kb.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What stands in `work/`: readable journals, newest first, and paths of the rest."""

    standing: tuple[str, ...]
    journals: tuple[Journal, ...]
    quarantined: tuple[Journal, ...]
    unreadable: tuple[str, ...]


def look(store: Store) -> Pending:
    """Read all journals; call this under a lock, shared or exclusive."""
    standing = tuple(store.storage.list(points.WORK_LIST, layout.WORK))
    journals: list[Journal] = []
    quarantined: list[Journal] = []
    unreadable: list[str] = []
    for path in standing:
        place = path.rpartition("/")[0]
        if place not in {layout.JOURNALS, layout.QUARANTINE} or not path.endswith(".json"):
            continue
        try:
            found = parse_journal(path, _read_journal(store, path), store.kb)
        except DamagedFileError:
            if place == layout.JOURNALS:
                unreadable.append(path)
            continue
        (journals if place == layout.JOURNALS else quarantined).append(found)
    return Pending(
        standing=standing,
        journals=_newest_first(journals),
        quarantined=_newest_first(quarantined),
        unreadable=tuple(unreadable),
    )


def drain(store: Store) -> tuple[str, ...]:
    """Settle every dead mutation and reap what never began; the exclusive lock is held.

    Returns the files that still stand in `work/`, for the next sequence number. Raises
    `DrainFailedError` or `QuarantinedError`: then nothing may be changed.
    """
    store.storage.sweep(points.TEMPORARY_LIST, points.TEMPORARY_DELETE)
    pending = look(store)
    if pending.quarantined:
        # Nothing is settled meanwhile: of two that wait, the newer must be undone first.
        raise QuarantinedError(
            tuple(layout.quarantined_path(one.path) for one in pending.quarantined)
        )
    if pending.journals or pending.unreadable:
        # A decision must not outlive its reason: the dead may never have come to their sync.
        store.storage.settle(points.DRAIN_SETTLE, layout.JOURNALS)
    for path in pending.unreadable:
        target = _free(layout.quarantined_path(path), pending.standing)
        _log.warning("%s cannot be read; it was moved to %s with its backups kept", path, target)
        store.storage.rename(points.QUARANTINE_MOVE, path, target)
    for journal in pending.journals:
        _settle(store, journal, pending)
    kept = tuple(path for path in pending.standing if path.startswith(f"{layout.QUARANTINE}/"))
    _reap(store, pending, (*kept, *pending.unreadable))
    return (*kept, *(layout.quarantined_path(path) for path in pending.unreadable))


def retry(store: Store, quarantined: str) -> None:
    """Take a journal out of quarantine, to be undone by the next exclusive lock."""
    journal = parse_journal(quarantined, _read_journal(store, quarantined), store.kb)
    # Renamed first: dying in between only leaves it with attempts that are used up.
    store.storage.rename(points.QUARANTINE_MOVE, quarantined, journal.path)
    put_journal(store, points.JOURNAL_UNDO, replace(journal, attempts=0))


def accept(store: Store, quarantined: str) -> None:
    """Decide for the present state; the journal's content and its backups are kept for ever."""
    journal = parse_journal(quarantined, _read_journal(store, quarantined), store.kb)
    for directory in sorted({entry.path.rpartition("/")[0] for entry in journal.entries}):
        # Whoever died may never have come to its sync, and now this state is to stand.
        store.storage.settle(points.DRAIN_SETTLE, directory)
    target = f"{layout.quarantined_path(journal.path)}.accepted"
    store.storage.rename(points.QUARANTINE_MOVE, quarantined, target)


def _settle(store: Store, journal: Journal, pending: Pending) -> None:
    """Bring one dead mutation to its end."""
    if journal.state.undecided:
        try:
            journal = roll_back(store, journal)
        except Exception as cause:  # noqa: BLE001 -- whatever it was, nobody may change anything
            _fail(store, journal, cause)
        _log.warning("%s was cut short and has been undone", journal.name)
    discard(store, journal, pending.standing)


def _fail(store: Store, journal: Journal, cause: Exception) -> NoReturn:
    """Count the attempt, or give up and keep everything; raise in any case."""
    attempts = journal.attempts + 1
    if attempts >= ATTEMPTS_MAX:
        target = layout.quarantined_path(journal.path)
        store.storage.rename(points.QUARANTINE_MOVE, journal.path, target)
        raise QuarantinedError((target,)) from cause
    try:
        put_journal(store, points.JOURNAL_UNDO, replace(journal, attempts=attempts))
    except StorageError:
        _log.warning("attempt %s at %s could not be counted", attempts, journal.path)
    raise DrainFailedError(journal.path, attempts, ATTEMPTS_MAX, cause) from cause


def _free(target: str, standing: Sequence[str]) -> str:
    """Return a name in quarantine that nothing has yet."""
    again = (f"{target}.{number}" for number in range(1, len(standing) + 1))
    return next(name for name in (target, *again) if name not in standing)


def _reap(store: Store, pending: Pending, kept: Sequence[str]) -> None:
    """Delete backups and staged files whose mutation never began, or is settled."""
    mutations = {layout.mutation_of(path) for path in kept}
    settled = {journal.mutation for journal in pending.journals}
    orphans = tuple(
        path
        for path in pending.standing
        if path.count("/") == 1 and layout.mutation_of(path) not in mutations | settled
    )
    if orphans:
        store.storage.delete_all(points.REAP_DELETE, orphans)


def _read_journal(store: Store, path: str) -> bytes:
    """Return a journal's bytes; one that has gone is damaged for whoever asked for it."""
    try:
        return store.storage.get(points.JOURNAL_READ, path)
    except NotFoundError as gone:
        raise DamagedFileError(path, "it is gone") from gone


def _newest_first(journals: Sequence[Journal]) -> tuple[Journal, ...]:
    """Order journals by sequence: a later mutation began on what an earlier one had made."""
    return tuple(sorted(journals, key=lambda one: one.sequence, reverse=True))
