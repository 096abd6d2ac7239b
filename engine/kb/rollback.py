"""Undoing a mutation, and clearing away one that is decided.

    check      every backup is there and is what was saved; else nothing is touched
    say so     the journal becomes rolling_back: from here on no one takes the new state for done
    restore    each changed file gets its old content and mode, by rename over the live file,
               the last one changed first: dying here leaves what dying in the mutation leaves
    delete     what the mutation made, and directories that this leaves empty
    say so     the journal becomes rolled_back
    discard    backups and staged files, then the journal

Each step may be repeated after dying anywhere: a file that is as it was keeps its inode. It never
removes a live file before what replaces it is complete and durable.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.kb import layout, points
from engine.kb.errors import BackupDamagedError
from engine.kb.journal import Journal, State, put_journal
from engine.kb.record import digest
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.kb.store import Store


def roll_back(store: Store, journal: Journal) -> Journal:
    """Restore the old state and return the journal, rolled back. The exclusive lock is held.

    Raises `BackupDamagedError` before anything is touched. After any other error the journal
    still says that the old state must be restored, and its backups are all there.
    """
    _check_backups(store, journal)
    undoing = put_journal(store, points.JOURNAL_UNDO, replace(journal, state=State.ROLLING_BACK))
    for entry, backup in reversed(tuple(undoing.saved())):
        store.storage.clone(points.RESTORE_CLONE, backup, entry.path)
    made = undoing.made()
    if made:
        store.storage.delete_all(points.UNDO_DELETE, made)
    return put_journal(store, points.JOURNAL_UNDONE, replace(undoing, state=State.ROLLED_BACK))


def discard(store: Store, journal: Journal, standing: Iterable[str]) -> None:
    """Clear a decided mutation away: its downloads if it used them up, its files, its journal.

    The journal goes last, so that whoever dies here leaves the next drain what it needs.
    """
    if journal.state is State.COMMITTED:
        for spent in journal.spent:
            store.storage.delete(points.DOWNLOAD_DELETE, spent)
    files = layout.belonging_to(journal.mutation, standing)
    if files:
        store.storage.delete_all(points.DISCARD_DELETE, files)
    store.storage.delete(points.JOURNAL_DELETE, journal.path)


def _check_backups(store: Store, journal: Journal) -> None:
    """Raise unless every backup holds what was saved.

    A backup that is a hard link changes with its file if anybody writes in place; the hash
    notices that too.
    """
    for entry, backup in journal.saved():
        try:
            data = store.storage.get(points.BACKUP_READ, backup)
        except NotFoundError as gone:
            raise BackupDamagedError(entry.path, backup, "is gone") from gone
        if digest(data) != entry.digest:
            raise BackupDamagedError(entry.path, backup, "is not what was saved")
