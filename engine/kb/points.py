"""The catalogue of the knowledge base: every durable step, declared once.

A mutation stages, saves what it will change, begins its journal, changes, commits and discards; a
drain undoes or discards what dead mutations left. It never says what happens at a point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.kb import layout
from engine.storage import (
    clone_effect,
    create_effect,
    delete_all_effect,
    delete_effect,
    fence_effect,
    list_effect,
    put_effect,
    read_effect,
    rename_effect,
    settle_effect,
)

if TYPE_CHECKING:
    from killpoint.failpoints import Effect

UNTOLD = "the operation: its caller has not been told"
DRAINING = "the drain: the exclusive lock has not been given"
INIT_UNTOLD = "the init: its caller has not been told"
BODY = "the journal, active, with every backup that it names"

# Making a knowledge base.
FENCE_MAKE = fence_effect("kb.init.fence", durable="nothing of it", pending=INIT_UNTOLD)
KB_CREATE = create_effect("kb.init.file", durable="the fence", pending=INIT_UNTOLD)

# Before the journal: nothing visible is touched.
DOWNLOAD_PUT = put_effect("kb.download.put", durable="the old state", pending=UNTOLD)
STAGE_PUT = put_effect("kb.stage.put", durable="the old state", pending=UNTOLD)
BACKUP_CLONE = clone_effect(
    "kb.backup.clone", durable="the old state; backups are no one's yet", pending=UNTOLD
)
JOURNAL_BEGIN = put_effect(
    "kb.journal.begin", durable="the old state, with a backup of all that will change",
    pending=UNTOLD,
)  # fmt: skip

# Under an active journal: dying here means the old state.
PUBLISH_RENAME = rename_effect("kb.publish.rename", durable=BODY, pending=UNTOLD)
PUBLISH_COPY = put_effect("kb.publish.copy", durable=BODY, pending=UNTOLD)
JOURNAL_TRACK = put_effect("kb.journal.track", durable=BODY, pending=UNTOLD)
BLOB_PUT = put_effect("kb.blob.put", durable=BODY, pending=UNTOLD)
INDEX_PUT = put_effect("kb.index.put", durable=BODY, pending=UNTOLD)
PAGE_PUT = put_effect("kb.page.put", durable=BODY, pending=UNTOLD)
HASH_PUT = put_effect("kb.hash.put", durable=BODY, pending=UNTOLD)
DOCUMENT_PUT = put_effect("kb.document.put", durable=BODY, pending=UNTOLD)
AUDIT_PUT = put_effect("kb.audit.put", durable=BODY, pending=UNTOLD)
BODY_DELETE = delete_all_effect("kb.body.delete", durable=BODY, pending=UNTOLD)
JOURNAL_COMMIT = put_effect(
    "kb.journal.commit",
    durable="the new state under an active journal; the rename decides",
    pending=UNTOLD,
)

# After the decision: dying here changes nothing that is visible.
DOWNLOAD_DELETE = delete_effect(
    "kb.download.delete", durable="the decision", pending="the operation or its recovery"
)
DISCARD_DELETE = delete_all_effect(
    "kb.discard.delete", durable="the decision", pending="the operation or its recovery"
)
JOURNAL_DELETE = delete_effect(
    "kb.discard.journal",
    durable="the decision; no backup is left",
    pending="the operation or its recovery",
)

# Undoing, by the operation itself or by a drain.
JOURNAL_UNDO = put_effect(
    "kb.journal.undo", durable="the old state in its backups", pending=DRAINING
)
RESTORE_CLONE = clone_effect(
    "kb.restore.clone", durable="the journal, rolling back, and every backup", pending=DRAINING
)
UNDO_DELETE = delete_all_effect(
    "kb.undo.delete", durable="the journal, rolling back, and every backup", pending=DRAINING
)
JOURNAL_UNDONE = put_effect(
    "kb.journal.undone", durable="the old state; the journal does not say so yet", pending=DRAINING
)

# The drain.
TEMPORARY_LIST = list_effect("kb.temporary.list", durable="whatever dead writers left")
TEMPORARY_DELETE = delete_effect(
    "kb.temporary.delete", durable="everything that has a name", pending=DRAINING
)
DRAIN_SETTLE = settle_effect(
    "kb.drain.settle", durable="what the dead owner synced", pending=DRAINING
)
REAP_DELETE = delete_all_effect(
    "kb.reap.delete", durable="files of mutations that never began", pending=DRAINING
)
QUARANTINE_MOVE = rename_effect(
    "kb.quarantine.move", durable="the journal where it was", pending=DRAINING
)

# Reading.
KB_READ = read_effect("kb.file.read", durable="the knowledge base")
WORK_LIST = list_effect("kb.work.list", durable="the knowledge base")
JOURNAL_READ = read_effect("kb.journal.read", durable="the knowledge base")
BACKUP_READ = read_effect("kb.backup.read", durable="the knowledge base")
DOWNLOAD_READ = read_effect("kb.download.read", durable="the knowledge base")
CONTENT_READ = read_effect("kb.content.read", durable="the knowledge base")
CONTENT_LIST = list_effect("kb.content.list", durable="the knowledge base")


def write_effect(path: str) -> Effect:
    """Return the effect that writes a file of this path inside a mutation."""
    top = path.split("/", maxsplit=1)[0]
    return {
        "wiki": PAGE_PUT,
        "hashes": HASH_PUT,
        "documents": DOCUMENT_PUT,
        "audit": AUDIT_PUT,
        "files": BLOB_PUT,
        "index": INDEX_PUT,
    }[top]


assert set(layout.VISIBLE) - {"raw"} == {
    "wiki", "hashes", "documents", "audit", "files", "index",
}  # fmt: skip
