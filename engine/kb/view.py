"""What a reader sees: whole states only, also while a dead mutation waits to be undone.

Where an undecided journal covers a path, the reader sees its old content, from the backup; what
the mutation made is not there. So reading needs no drain, writes nothing, and shows what the next
drain will restore. It never looks past the journals that stood when the view was made; the shared
lock keeps them standing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.kb import layout, points
from engine.kb.drain import look
from engine.kb.errors import BackupDamagedError
from engine.kb.journal import NEW
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.kb.store import Store

ABSENT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The visible files. `overlay` says where a path's content is instead; `ABSENT`: nowhere."""

    store: Store
    overlay: Mapping[str, str]

    def read(self, path: str) -> bytes | None:
        """Return the content of a visible file, or None when there is none."""
        place = self.overlay.get(path, path)
        if place == ABSENT:
            return None
        try:
            return self.store.storage.get(points.CONTENT_READ, place)
        except NotFoundError as gone:
            if place != path:
                raise BackupDamagedError(path, place, "is gone") from gone
            return None

    def list(self, prefix: str) -> list[str]:
        """Return the visible files under a directory, sorted."""
        live = set(self.store.storage.list(points.CONTENT_LIST, prefix))
        for path, place in self.overlay.items():
            if path.startswith(f"{prefix}/"):
                (live.discard if place == ABSENT else live.add)(path)
        return sorted(live)


def view(store: Store) -> View:
    """Return what a reader may see now; a lock is held, shared or exclusive."""
    pending = look(store)
    undecided = [one for one in pending.journals if one.state.undecided]
    undecided += pending.quarantined
    overlay: dict[str, str] = {}
    # Newest first, as undoing goes: the oldest backup of a path has the last word.
    for journal in sorted(undecided, key=lambda one: one.sequence, reverse=True):
        for number, entry in enumerate(journal.entries):
            saved = layout.backup_path(journal.mutation, number)
            overlay[entry.path] = ABSENT if entry.digest == NEW else saved
    return View(store=store, overlay=overlay)
