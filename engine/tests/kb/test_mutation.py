"""A mutation is done whole or not at all, whatever fails in it, and says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import kb
from engine.kb import operations
from engine.kb.journal import Operation
from engine.kb.mutation import Mutation, Plan, mutate
from engine.kb.section import exclusive
from engine.storage.errors import IoFailedError
from engine.tests.kb.bases import (
    ALMANAC,
    BOOK,
    EDITED,
    add_book,
    edit,
    inodes,
    kill_at,
    leftovers,
    open_base,
    tree,
)
from killpoint.failpoints import InjectedPanic, arm

STEPS = [
    "kb.stage.put.created",
    "kb.backup.clone.before",
    "kb.journal.begin.written",
    "kb.journal.begin.after",
    "kb.publish.rename.before",
    "kb.publish.rename.after",
    "kb.journal.track.created",
    "kb.blob.put.renamed",
    "kb.index.put.synced",
    "kb.page.put.synced",
    "kb.page.put.after",
    "kb.hash.put.created",
    "kb.document.put.renamed",
    "kb.audit.put.after",
    "kb.journal.commit.created",
    "kb.journal.commit.renamed",
    "kb.journal.commit.after",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["raise(OSError, EIO)", "panic"])
def test_what_fails_before_the_decision_leaves_the_old_state(
    root: Path, step: str, fault: str
) -> None:
    """It fails, or it happened and reports failure, or it is interrupted: nothing is left of it.

    A panic stands for Ctrl-C: no `except Exception` sees it.
    """
    base = open_base(root)
    before = tree(root)
    # What was raised is looked at by the next lines.
    with arm(f"{step}={fault}") as armed, pytest.raises(BaseException) as told:  # noqa: PT011
        add_book(base)
    assert armed.fired
    assert (fault == "panic") == (told.type is InjectedPanic)
    assert (before, []) == (tree(root), leftovers(root))
    add_book(base)
    assert "book" in [document.name for document in base.documents()]


@pytest.mark.parametrize(
    "step", ["kb.discard.delete.before", "kb.discard.journal.before", "kb.discard.journal.removed"]
)
def test_what_fails_after_the_decision_changes_nothing(root: Path, step: str) -> None:
    """The caller is told that it is done, it is, and the next lock clears the rest away."""
    base = open_base(root)
    with arm(f"{step}=1*raise(OSError, EIO)") as armed:
        assert kb.Status.ADDED == base.add(*EDITED).status
    assert armed.fired
    after = tree(root)
    base.close()
    open_base(root, 10).close()
    assert (after, []) == (tree(root), leftovers(root))


def test_an_undoing_that_fails_is_told_with_its_journal_and_the_next_lock_does_it(
    root: Path,
) -> None:
    """Nothing is lost in between, and the section begins nothing more."""
    before, base = tree(root), open_base(root)
    plan = "kb.audit.put.before=raise(OSError, EIO);kb.restore.clone.before=raise(OSError, EIO)"
    with arm(plan), pytest.raises(kb.RollbackFailedError, match="could not be undone") as told:
        edit(base)
    assert (root / told.value.journal).exists()
    assert "add of 'almanac'" in str(told.value)
    base.add("other.md", b"goes on, after the undoing")
    base.remove("other")
    documents = {name for name in tree(root) if not name.startswith("audit")}
    assert documents == {name for name in before if not name.startswith("audit")}


def test_a_batch_ends_at_the_first_failure_that_could_not_be_undone(root: Path) -> None:
    """Also when it was told to go on: what came after would be undone with it."""
    base = open_base(root)
    sources = [kb.Source(name=f"{n}.md", data=n.encode()) for n in "abc"]
    plan = (
        "kb.audit.put.before=1*off->raise(OSError, EIO);kb.undo.delete.before=raise(OSError, EIO)"
    )
    with arm(plan), base.exclusive() as section:
        with pytest.raises(kb.RollbackFailedError) as first:
            operations.add_all(section, sources, kb.OnFailure.GO_ON)
        with pytest.raises(kb.RollbackFailedError) as second:
            operations.add(section, sources[2])
    assert str(first.value) == str(second.value)
    names = [document.name for document in open_base(root, 10).documents()]
    assert ["a", "almanac", "atlas"] == names


def test_a_beginning_that_cannot_be_taken_back_ends_the_section(root: Path) -> None:
    """Its journal stands, so the next lock undoes it, and would undo what was done after it.

    The journal is there although writing it reported failure, and then it cannot be deleted.
    """
    base = open_base(root)
    sources = [kb.Source(name=f"{n}.md", data=n.encode()) for n in "ab"]
    plan = (
        "kb.journal.begin.after=1*raise(OSError, EIO);"
        "kb.discard.journal.before=1*raise(OSError, EIO)"
    )
    with arm(plan), base.exclusive() as section:
        with pytest.raises(kb.RollbackFailedError, match=r"add of 'a' failed"):
            operations.add_all(section, sources, kb.OnFailure.GO_ON)
        with pytest.raises(kb.RollbackFailedError):
            operations.add(section, sources[1])
    base.add_all(sources)
    base.close()
    names = [document.name for document in open_base(root, 10).documents()]
    assert ["a", "almanac", "atlas", "b"] == names


def test_what_was_done_after_a_second_interrupt_is_refused(root: Path) -> None:
    """Ctrl-C, and again while the first is undone: whoever catches both may not go on here."""
    base = open_base(root)
    plan = "kb.page.put.before=1*panic;kb.journal.undo.before=1*panic"
    with arm(plan), base.exclusive() as section:
        with pytest.raises(InjectedPanic):
            operations.add(section, kb.Source(name="a.md", data=b"a"))
        with pytest.raises(kb.RollbackFailedError, match="open the knowledge base again"):
            operations.add(section, kb.Source(name="b.md", data=b"b"))


def test_a_batch_goes_on_or_stops_as_it_was_told(root: Path) -> None:
    """A document that cannot be converted is reported, or ends the batch with what was done."""
    base = open_base(root)
    sources = [kb.Source(name="bad.md", data=b"\xff"), kb.Source(name="good.md", data=b"good")]
    results = base.add_all(sources, kb.OnFailure.GO_ON)
    assert [kb.Status.FAILED, kb.Status.ADDED] == [result.status for result in results]
    assert "not UTF-8" in results[0].reason
    with pytest.raises(kb.BadSourceError, match=r"'bad\.md' cannot be added"):
        base.add_all(sources)


def test_only_the_paths_of_the_journal_may_be_changed(root: Path) -> None:
    """A step that forgot to track its path is refused before it writes."""
    base = open_base(root)
    with exclusive(base._store) as section:
        plan = Plan(operation=Operation.ADD, document="x", writes={"wiki/index.md": b"x"})
        right, Mutation.track = Mutation.track, lambda *_: None  # type: ignore[method-assign]
        try:
            with pytest.raises(kb.UntrackedError, match="track it first"):
                mutate(section, plan)
        finally:
            Mutation.track = right  # type: ignore[method-assign]


def test_a_mutation_needs_the_lock(root: Path) -> None:
    """A section that has ended refuses."""
    with open_base(root).exclusive() as section:
        pass
    with pytest.raises(kb.NotHeldError, match="enter a new one"):
        operations.remove(section, "atlas")


def test_backups_are_links_to_what_will_change(root: Path) -> None:
    """A backup costs no copy: it shares the inode of the live file."""
    before = inodes(root)
    kill_at(root, edit, "kb.journal.begin.after")
    kept = {path.stat().st_ino for path in (root / "work").glob("*.backup.*")}
    assert before["wiki/index.md"] not in kept, "the index lists the almanac already"
    assert {before["wiki/sources/almanac.md"], before["wiki/concepts/moon.md"]} <= kept


@pytest.mark.parametrize("refusal", ["EXDEV", "EPERM", "EACCES", "EMLINK", "ENOSYS", "ENOTSUP"])
def test_where_links_are_refused_backups_are_copies(root: Path, refusal: str) -> None:
    """The edit works, and undoing it too, whichever way link(2) says no."""
    before = tree(root)
    base = open_base(root)
    refused = f"kb.*.clone.linking=raise(OSError, {refusal})"
    with (
        arm(f"{refused};kb.audit.put.after=raise(OSError, EIO)"),
        pytest.raises(IoFailedError),
    ):
        edit(base)
    assert before == tree(root)
    with arm(refused):
        edit(base)
    assert [EDITED[1].decode()] == base.pages("almanac")


def test_publishing_across_devices_copies(root: Path) -> None:
    """EXDEV on the rename: the right bytes, the usual mode, and nothing stays in staging."""
    base = open_base(root)
    with arm("kb.publish.rename.before=raise(OSError, EXDEV)"):
        base.add("far.md", b"far away")
    assert b"far away" == (root / "raw/far.md").read_bytes()
    assert 0o644 == (root / "raw/far.md").stat().st_mode & 0o777
    assert [] == leftovers(root)


def test_publishing_on_one_device_moves(root: Path) -> None:
    """The staged file itself becomes the original: same inode, usual mode."""
    base = open_base(root)
    staged: list[int] = []
    with arm("kb.journal.begin.after=print(begun)") as armed:
        base.add("near.md", b"near")
    assert armed.fired
    staged += [(root / "raw/near.md").stat().st_mode & 0o777]
    assert ([0o644], []) == (staged, leftovers(root))


def test_a_blob_that_is_not_what_its_name_says_is_replaced(root: Path) -> None:
    """It may be half of something: the document's pages come from what was added, not from it."""
    book = kb.Source(name=BOOK[0], data=BOOK[1])
    for stray in (f"files/{book.content[:16]}.txt", f"index/{book.content[:16]}.sqlite"):
        (root / stray).write_bytes(b"stood before")
    base = open_base(root)
    add_book(base)
    assert ["two", "three"] == base.pages("book")[1:]
    assert BOOK[1] == (root / f"files/{book.content[:16]}.txt").read_bytes()


@pytest.mark.parametrize("crash", [True, False])
def test_undoing_a_long_add_removes_its_own_blob_only(root: Path, *, crash: bool) -> None:
    """A blob of the same name that stood before belongs to somebody else, and stays."""
    book = kb.Source(name=BOOK[0], data=BOOK[1])
    stray = root / f"files/{book.content[:16]}.txt"
    stray.write_bytes(b"stood before")
    before = tree(root)
    if crash:
        kill_at(root, add_book, "kb.journal.commit.created")
        open_base(root).close()
    else:
        with arm("kb.audit.put.after=raise(OSError, EIO)"), pytest.raises(IoFailedError):
            add_book(open_base(root))
    assert before == tree(root)


def test_a_failing_compiler_leaves_nothing(root: Path) -> None:
    """No original, no source, no entry, no audit row."""

    def broken(_: str) -> kb.Compiled:
        message = "the model is out of reach"
        raise ConnectionError(message)

    before = tree(root)
    base = open_base(root, compiler=broken)
    with pytest.raises(ConnectionError, match="out of reach"):
        base.add(*BOOK)
    assert (before, []) == (tree(root), leftovers(root))
    assert [ALMANAC[1].decode()] == base.pages("almanac")
