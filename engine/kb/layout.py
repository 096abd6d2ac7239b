"""Where everything stands: paths inside the knowledge base, and which of them a mutation may touch.

    kb.json                           identity
    raw/<document><ext>               originals
    wiki/sources/<document>.md|.json  converted text; .json holds pages
    wiki/sources/images/<document>/   images found while converting
    wiki/summaries/<document>.md      compiled
    wiki/concepts/ wiki/entities/ wiki/index.md     compiled, shared by documents
    documents/<document>.json         the registry, one file an entry
    hashes/<sha-256>.json             which document has this content
    files/<id><ext>, files/<id>/      the blob store of long documents
    index/<id>.sqlite                 the page index of a long document
    audit/<mutation>.json             one row per committed mutation
    downloads/                        fetched, not yet added; kept for a retry
    work/                             journals, backups, staged files, quarantine

It never looks at the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.storage import UnsafePathError
from engine.storage.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Iterable

KB_FILE = "kb.json"
WORK = "work"
JOURNALS = "work/journal"
QUARANTINE = "work/quarantine"
DOWNLOADS = "downloads"
VISIBLE = ("audit", "documents", "files", "hashes", "index", "raw", "wiki")
WIKI_INDEX = "wiki/index.md"
SIDE_FILES = ("-wal", "-shm", "-journal")  # what SQLite leaves beside a database


def is_mutable(path: str) -> bool:
    """Whether a journal may name the path: a plain one, in the visible part."""
    return _is_plain(path) and path.split("/", maxsplit=1)[0] in VISIBLE and "/" in path


def is_download(path: str) -> bool:
    """Whether a journal may name the path as a download that it used up."""
    return _is_plain(path) and path.count("/") == 1 and path.startswith(f"{DOWNLOADS}/")


def document_path(document: str) -> str:
    """Return the registry's entry of a document."""
    return f"documents/{document}.json"


def hash_path(content: str) -> str:
    """Return the file that says which document has this content."""
    return f"hashes/{content}.json"


def audit_path(mutation: str) -> str:
    """Return the audit row of a mutation."""
    return f"audit/{mutation}.json"


def index_path(document_id: str) -> str:
    """Return the page index of a long document."""
    return f"index/{document_id}.sqlite"


def side_files(index: str) -> tuple[str, ...]:
    """Return what SQLite may have left beside an index."""
    return tuple(index + suffix for suffix in SIDE_FILES)


def journal_path(sequence: int, mutation: str) -> str:
    """Return the journal of a mutation; names sort by sequence."""
    return f"{JOURNALS}/{sequence:06d}-{mutation}.json"


def quarantined_path(journal: str) -> str:
    """Return where a journal goes that cannot be undone or read."""
    return f"{QUARANTINE}/{journal.rpartition('/')[2]}"


def backup_path(mutation: str, number: int) -> str:
    """Return where the n-th entry of a mutation keeps its old content."""
    return f"{WORK}/{mutation}.backup.{number}"


def staged_path(mutation: str, number: int) -> str:
    """Return where the n-th converted file of a mutation waits."""
    return f"{WORK}/{mutation}.staged.{number}"


def mutation_of(path: str) -> str:
    """Return the mutation that a file in `work/` belongs to."""
    name = path.rpartition("/")[2]
    if path.startswith((f"{JOURNALS}/", f"{QUARANTINE}/")):
        return name.partition("-")[2].partition(".")[0]
    return name.partition(".")[0]


def belonging_to(mutation: str, standing: Iterable[str]) -> tuple[str, ...]:
    """Return the backups and staged files of a mutation among the files in `work/`."""
    prefix = f"{WORK}/{mutation}."
    return tuple(path for path in standing if path.startswith(prefix))


def _is_plain(path: str) -> bool:
    """Whether storage takes the path."""
    try:
        check_path(path)
    except UnsafePathError:
        return False
    return True
