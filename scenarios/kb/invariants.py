"""What must hold of every reopened knowledge base, beyond what holds of any store.

I1 to I11 are those of the protocol; `README.md` says where each is held. Facts come from the files
and from the witness that was taken before anything reopened the directory, not from the engine's
opinion. They never change the knowledge base.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable

from killpoint import Invariant, Reopened, invariant
from scenarios.kb import directory

SIDE_FILES = ("-wal", "-shm", "-journal")
FIXED = ("fence", "kb.json", "tmp", "work", "downloads", *directory.VISIBLE)


@invariant("I1 the tree is what a reader sees")
def tree_is_what_a_reader_sees(store: Reopened) -> Iterable[str]:
    """The visible tree holds the files that a reader sees, no other, and no empty directory.

    Verifies: every path and every byte; with "all or nothing" over the same files this is I1.
    Does not verify: files outside the visible directories, which I4 looks at.
    """
    live = {name: path.read_bytes() for name, path in directory.visible(store.root).items()}
    seen = store.handle.base.files()
    for name in sorted(live.keys() | seen.keys()):
        if live.get(name) != seen.get(name):
            yield f"{name} is not what a reader sees"
    for name in directory.empty_directories(store.root):
        yield f"the directory {name} is empty"


@invariant("I2 registry equals documents")
def registry_equals_documents(store: Reopened) -> Iterable[str]:
    """Every entry has all its files, every file has its entry, both ways.

    Verifies: files, shared pages, the lookup by content, and the blob store.
    Does not verify: what is in the files, which "all or nothing" compares.
    """
    owned: set[str] = set()
    for entry in directory.records(store.root, "documents"):
        mine = {
            *entry["files"],
            *entry["pages"],
            f"documents/{entry['name']}.json",
            f"hashes/{entry['content']}.json",
        }
        indexes = [path for path in entry["files"] if path.startswith("index/")]
        for path in sorted(mine):
            if not (store.root / path).is_file():
                yield f"{entry['name']} has no {path}"
        for path in entry["pages"]:
            if (store.root / path).is_file() and f"- [[{entry['name']}]]" not in (
                store.root / path
            ).read_text().split("\n"):
                yield f"{path} does not list {entry['name']}"
        # What SQLite leaves beside an index is its document's too, and need not be there.
        owned |= {*mine, *(path + suffix for path in indexes for suffix in SIDE_FILES)}
    for path in sorted(set(directory.visible(store.root)) - owned):
        if not path.startswith("audit/"):
            yield f"{path} belongs to no document"


@invariant("I3 exactly one audit row")
def exactly_one_audit_row(store: Reopened) -> Iterable[str]:
    """Each committed mutation has one row, and no other mutation has any.

    Verifies: one row for each applied operation, each under its own id, and none for a mutation
    that died undecided. Does not verify: the time in the row.
    """
    rows = directory.records(store.root, "audit")
    ids = [row["mutation"] for row in rows]
    if len(set(ids)) != len(ids):
        yield f"ids repeat: {ids}"
    applied = store.applied_count
    if applied is not None and len(rows) != len(store.references[applied]["audit"]):
        yield f"{len(rows)} rows, expected {len(store.references[applied]['audit'])}"
    for mutation, stood in store.witness["died"].items():
        if stood in directory.UNDECIDED and mutation in ids:
            yield f"{mutation} was never committed, and has a row"


@invariant("I4 nothing is left over")
def nothing_is_left_over(store: Reopened) -> Iterable[str]:
    """After one drain there is no journal, backup, staged or temporary file, and no stranger.

    Verifies: all of `work/` and `tmp/`, and the names at the root. Downloads may stay: they wait
    for another try. So may the quarantine. Does not verify: what those two hold.
    """
    for name in directory.leftovers(store.root):
        yield f"{name} is left over"
    for path in sorted(store.root.iterdir()):
        if path.name not in FIXED:
            yield f"{path.name} is left over"


@invariant("I5 a decision stands")
def a_decision_stands(store: Reopened) -> Iterable[str]:
    """What a journal once called committed is there; what it called undone is not.

    Verifies: every decision that stood in a journal at any death of the case, by audit row.
    Does not verify: decisions whose journal was gone; "nothing acknowledged is lost" does.
    """
    rows = {row["mutation"] for row in directory.records(store.root, "audit")}
    for mutation, stood in store.witness["died"].items():
        if stood in {"rolling_back", "rolled_back"} and mutation in rows:
            yield f"{mutation} was being undone, and is there"
        if stood == "committed" and mutation not in rows:
            yield f"{mutation} was committed, and is not there"


@invariant("I6 a reader before recovery sees what recovery leads to")
def readers_see_whole_states(store: Reopened) -> Iterable[str]:
    """A reader of the crashed directory sees what the drain then restores, to the byte.

    Verifies: everything that `observe` shows, read under the shared lock before any drain.
    Does not verify: readers beside a live mutation; the lock keeps them apart, by test.
    """
    if store.witness["seen"] != store.state:
        changed = [
            key for key in sorted(store.state) if store.witness["seen"].get(key) != store.state[key]
        ]
        yield f"before recovery a reader saw other {', '.join(changed)}"


@invariant("I8 unrelated files are untouched")
def unrelated_files_are_untouched(store: Reopened) -> Iterable[str]:
    """Recovery leaves inode and mode of every file alone that no dead mutation covers.

    Verifies: inode and mode, since the witness in this same directory; bytes by "all or nothing".
    Does not verify: what the workload did before it died.
    """
    now = directory.inodes(store.root)
    for name, before in store.witness["inodes"].items():
        if name not in store.witness["covered"] and now.get(name) != before:
            yield f"{name} was {before} (inode, mode) and is {now.get(name)}"


@invariant("C6 every file has the usual mode")
def every_file_has_the_usual_mode(store: Reopened) -> Iterable[str]:
    """Whoever may read `kb.json` may read every visible file, and nobody else.

    Verifies: the permissions of what was published, written, indexed and restored, under whatever
    umask. Does not verify: those of directories, and of files that somebody had changed.
    """
    usual = stat.S_IMODE((store.root / "kb.json").stat().st_mode)
    for name, (_, mode) in directory.inodes(store.root).items():
        if mode != usual:
            yield f"{name} has mode {mode:o}, expected {usual:o}"


@invariant("C22 what has ended is settled")
def what_has_ended_is_settled(store: Reopened) -> Iterable[str]:
    """An operation that has returned left no mutation undecided, whatever ended it.

    Verifies: every journal that stood at a death while nothing was in flight. It is for workloads
    in which nobody else dies or drops a journal. Does not verify: that of a process that ended.
    """
    if store.history.open_ended is None:
        for mutation, stood in store.witness["died"].items():
            if stood in directory.UNDECIDED:
                yield f"{mutation} was {stood} although its operation had ended"


INVARIANTS: tuple[Invariant, ...] = (
    tree_is_what_a_reader_sees,
    registry_equals_documents,
    exactly_one_audit_row,
    nothing_is_left_over,
    a_decision_stands,
    readers_see_whole_states,
    unrelated_files_are_untouched,
    every_file_has_the_usual_mode,
)
