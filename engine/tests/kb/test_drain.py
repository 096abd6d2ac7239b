"""What a dead mutation left is undone or cleared before anybody changes anything."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import kb
from engine.kb.journal import ATTEMPTS_MAX
from engine.kb.record import decode, encode
from engine.storage import UnsafePathError
from engine.tests.kb.bases import (
    add_book,
    edit,
    inodes,
    kill_at,
    leftovers,
    make_base,
    open_base,
    tree,
)
from killpoint.failpoints import arm

_STATES = {"raw": "active", "tmp": "active", "downloads": "committed"}
NEVER = "kb.restore.clone.before=raise(OSError, EIO)"


def _journal(root: Path) -> Path:
    return next((root / "work/journal").iterdir())


def _rewrite(path: Path, **fields: object) -> None:
    body = decode(path.name, path.read_bytes())
    path.write_bytes(encode({**body, **fields}))


def test_an_active_journal_is_undone_before_the_next_body_sees_anything(root: Path) -> None:
    """Changed files come back with their inodes, new ones go, and the journal with its backups."""
    before, numbers = tree(root), inodes(root)
    kill_at(root, edit, "kb.journal.commit.created")
    assert before != tree(root)
    with open_base(root, mode=kb.Mode.READ_WRITE).exclusive():
        assert (before, numbers, []) == (tree(root), inodes(root), leftovers(root))


def test_a_restored_file_has_its_mode_again(root: Path) -> None:
    """What was closed to others stays closed."""
    (root / "wiki/concepts/moon.md").chmod(0o600)
    before = tree(root)
    kill_at(root, edit, "kb.journal.commit.created")
    open_base(root).close()
    assert before == tree(root)


def test_a_committed_journal_is_only_cleared_away(root: Path) -> None:
    """Dying right after the decision changes nothing: it was one."""
    kill_at(root, edit, "kb.journal.commit.renamed")
    after = tree(root)
    base = open_base(root)
    assert (after, []) == (tree(root), leftovers(root))
    assert ["add", "add", "add"] == [row["operation"] for row in base.audit()]


def test_a_recovery_that_is_killed_twice_is_right_the_third_time(root: Path) -> None:
    """In the middle of restoring, then in the middle of deleting."""
    before = tree(root)
    kill_at(root, add_book, "kb.journal.commit.created")
    for number, point in enumerate(("kb.restore.clone.renamed", "kb.undo.delete.removed")):
        kill_at(root, lambda _: None, point, 2 + number)
    open_base(root).close()
    assert (before, []) == (tree(root), leftovers(root))


def test_the_newest_is_undone_first(root: Path) -> None:
    """Two journals on one page: the older one's backup has the last word."""
    page = root / "wiki/index.md"
    before = page.read_bytes()
    kill_at(root, lambda base: base.add("one.md", b"1"), "kb.journal.commit.created")
    first = root / "first"
    shutil.move(root / "work", first)
    kill_at(root, lambda base: base.add("two.md", b"2"), "kb.journal.commit.created", 2)
    second = _journal(root)
    _rewrite(second, sequence=2)
    second.rename(second.with_name(second.name.replace("000001-", "000002-", 1)))
    shutil.copytree(first, root / "work", dirs_exist_ok=True)
    shutil.rmtree(first)
    open_base(root).close()
    assert (before, []) == (page.read_bytes(), leftovers(root))


def test_a_drain_that_keeps_failing_gives_up_and_keeps_everything(root: Path) -> None:
    """Every attempt refuses the lock and says what to do; after the last, somebody must decide."""
    before = tree(root)
    kill_at(root, edit, "kb.journal.commit.created")
    with arm(NEVER):
        for attempt in range(1, ATTEMPTS_MAX):
            with pytest.raises(kb.DrainFailedError, match=rf"attempt {attempt} of 5; all of the"):
                open_base(root)
        with pytest.raises(kb.QuarantinedError, match="call retry"):
            open_base(root)
    with pytest.raises(kb.QuarantinedError):
        open_base(root)
    reader = open_base(root, mode=kb.Mode.READ_ONLY)
    assert {name: data for name, (data, _) in before.items() if name in reader.files()} == (
        reader.files()
    )
    assert 1 == len(reader.quarantined())


@pytest.mark.parametrize("decision", ["retry", "accept"])
def test_a_quarantine_ends_by_a_decision(root: Path, decision: str) -> None:
    """Retry restores the old state; accept keeps the present one, and the saved bytes too."""
    before = tree(root)
    base = open_base(root)
    with arm(NEVER + ";kb.audit.put.after=raise(OSError, EIO)"):
        with pytest.raises(kb.RollbackFailedError):
            edit(base)
        for _ in range(ATTEMPTS_MAX):
            with pytest.raises((kb.DrainFailedError, kb.QuarantinedError)):
                base.remove("atlas")
    present = tree(root)
    (journal,) = base.quarantined()
    getattr(base, decision)(journal)
    with base.exclusive():
        pass
    assert (before if decision == "retry" else present) == tree(root)
    assert (decision == "retry") == (leftovers(root) == [])
    base.remove("atlas")


@pytest.mark.parametrize("decision", ["retry", "accept"])
def test_a_fresh_process_can_decide_about_a_quarantine(root: Path, decision: str) -> None:
    """Opening to change things is refused; opening to repair settles nothing, and decides."""
    before = tree(root)
    kill_at(root, edit, "kb.journal.commit.created")
    crashed = tree(root)
    with arm(NEVER):
        for _ in range(ATTEMPTS_MAX):
            with pytest.raises((kb.DrainFailedError, kb.QuarantinedError)):
                open_base(root)
    with pytest.raises(kb.QuarantinedError, match="open it to repair"):
        open_base(root)
    base = open_base(root, mode=kb.Mode.REPAIR)
    with pytest.raises(kb.QuarantinedError):
        base.remove("atlas")
    assert crashed == tree(root)
    (journal,) = base.quarantined()
    getattr(base, decision)(journal)
    base.close()
    open_base(root, 10).close()
    assert (before if decision == "retry" else crashed) == tree(root)


def test_what_was_quarantined_is_not_overwritten(root: Path) -> None:
    """Two strays of one name: each may be all that is left of something."""
    for incarnation, content in enumerate((b"one", b"two", b"three"), start=2):
        (root / "work/journal/000001-x.json").write_bytes(content)
        open_base(root, incarnation).close()
    kept = sorted(path.read_bytes() for path in (root / "work/quarantine").iterdir())
    assert [b"one", b"three", b"two"] == kept


@pytest.mark.parametrize("harm", ["gone", "other"])
def test_without_its_backups_nothing_is_touched(root: Path, harm: str) -> None:
    """All backups are checked before the first file is: what stands stays, and is named."""
    kill_at(root, edit, "kb.journal.commit.created")
    backup = max((root / "work").glob("*.backup.*"))
    backup.unlink() if harm == "gone" else backup.write_bytes(b"other")
    crashed = tree(root)
    with pytest.raises(kb.DrainFailedError, match=backup.name):
        open_base(root)
    assert crashed == tree(root)


def test_a_backup_that_somebody_wrote_through_is_noticed(root: Path) -> None:
    """It is a link: a program that edits the live file in place would change it too."""
    kill_at(root, edit, "kb.journal.begin.after")
    with (root / "wiki/sources/almanac.md").open("r+b") as page:
        page.write(b"in place")
    with pytest.raises(kb.DrainFailedError, match="is not what was saved"):
        open_base(root)


@pytest.mark.parametrize("content", [b"", b'{"status": "act', b"[]", b'{"format": 1}', b"\xff\xfe"])
def test_a_journal_that_cannot_be_read_stops_nobody_and_is_kept(root: Path, content: bytes) -> None:
    """It goes into quarantine as it is; the lock works, and works again."""
    before = tree(root)
    (root / "work/journal/000001-x.json").write_bytes(content)
    (root / "work/x.backup.0").write_bytes(b"perhaps the only copy")
    for incarnation in (2, 3):
        open_base(root, incarnation).close()
    assert before == tree(root)
    assert content == (root / "work/quarantine/000001-x.json").read_bytes()
    assert b"perhaps the only copy" == (root / "work/x.backup.0").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["../outside", "/outside", "kb.json", "fence", "work/journal/x", "tmp/x", "raw", "raw/../x"],
)
def test_a_journal_that_reaches_out_of_its_place_is_refused_whole(
    root: Path, tmp_path: Path, path: str
) -> None:
    """Not one of its entries is acted on, and nothing outside is touched."""
    (tmp_path / "outside").write_bytes(b"outside")
    kill_at(root, edit, "kb.journal.commit.created")
    body = decode("", _journal(root).read_bytes())
    _rewrite(_journal(root), entries=[*body["entries"], {"path": path, "digest": ""}])
    crashed = tree(root)
    open_base(root).close()
    assert (crashed, b"outside") == (tree(root), (tmp_path / "outside").read_bytes())
    assert 1 == len(list((root / "work/quarantine").iterdir()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"spent": ["downloads/.."]},
        {"spent": ["raw/atlas.txt"]},
        {"spent": [1]},
        {"sequence": float("inf")},
        {"sequence": "1"},
        {"attempts": -9},
        {"attempts": True},
        {"mutation": 7},
        {"entries": [{"path": "raw/x", "digest": None}]},
        {"entries": [{"path": "raw/x", "digest": ""}, {"path": "raw/x", "digest": ""}]},
        {"state": "done"},
        {"operation": "format"},
    ],
)
def test_a_journal_with_a_field_that_we_never_write_is_refused_whole(
    root: Path, wrong: dict[str, object]
) -> None:
    """Its check is right: somebody made it. It is moved aside, and stops nobody."""
    kill_at(root, edit, "kb.journal.commit.created")
    crashed = tree(root)
    _rewrite(_journal(root), **wrong)
    open_base(root).close()
    assert (crashed, 1) == (tree(root), len(list((root / "work/quarantine").iterdir())))


def test_nothing_is_settled_while_a_newer_mutation_waits_for_a_decision(root: Path) -> None:
    """The newest is undone first: an older one must wait for it, wherever it stands."""
    kill_at(root, edit, "kb.journal.commit.created")
    (root / "work/quarantine").mkdir()
    older = _journal(root)
    newer = root / "work/quarantine" / older.name.replace("000001-", "000002-", 1)
    shutil.copy(older, newer)
    _rewrite(newer, sequence=2)
    crashed = tree(root)
    with pytest.raises(kb.QuarantinedError, match="000002"):
        open_base(root)
    assert (crashed, True) == (tree(root), older.exists())


def test_a_journal_of_another_base_is_not_acted_on(root: Path, tmp_path: Path) -> None:
    """It names its own; here it is quarantined."""
    other = make_base(tmp_path / "other")
    _rewrite(other / "kb.json", kb="another")
    kill_at(other, edit, "kb.journal.commit.created")
    before = tree(root)
    shutil.copytree(other / "work", root / "work", dirs_exist_ok=True)
    open_base(root).close()
    assert before == tree(root)
    assert [] != [name for name in leftovers(root) if "quarantine" in name]


def test_undoing_goes_through_no_symbolic_link(root: Path, tmp_path: Path) -> None:
    """A directory that was replaced by a link stays one, and what it leads to is untouched."""
    kill_at(root, edit, "kb.journal.commit.created")
    elsewhere = tmp_path / "elsewhere"
    shutil.move(root / "wiki/sources", elsewhere)
    (root / "wiki/sources").symlink_to(elsewhere)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir() if path.is_file()}
    with pytest.raises(kb.DrainFailedError, match="passes a link"):
        open_base(root)
    assert before == {p.name: p.read_bytes() for p in elsewhere.iterdir() if p.is_file()}


@pytest.mark.parametrize(
    ("link", "victim"), [("raw", "raw/book.txt"), ("tmp", "keep.me"), ("downloads", "keep.me")]
)
def test_nothing_is_deleted_through_a_symbolic_link(
    root: Path, tmp_path: Path, link: str, victim: str
) -> None:
    """A journal says what to delete, a link says where: together they must not reach outside."""
    kill_at(root, add_book, "kb.journal.commit.created")
    elsewhere = tmp_path / "elsewhere"
    if (root / link).exists():
        shutil.move(root / link, elsewhere)
    elsewhere.mkdir(exist_ok=True)
    (root / link).symlink_to(elsewhere)
    kept = elsewhere / victim.rpartition("/")[2]
    kept.write_bytes(b"outside")
    _rewrite(_journal(root), spent=["downloads/keep.me"], state=_STATES[link])
    with pytest.raises((kb.DrainFailedError, UnsafePathError), match="passes a link"):
        open_base(root)
    assert b"outside" == kept.read_bytes()


def test_a_copy_of_a_crashed_base_recovers_without_the_original(root: Path, tmp_path: Path) -> None:
    """Nothing on disk holds a place: the copy is undone, the original is not even looked at."""
    before = tree(root)
    kill_at(root, edit, "kb.journal.commit.created")
    crashed, copy = tree(root), tmp_path / "copy"
    shutil.copytree(root, copy)
    open_base(copy).close()
    assert (before, crashed) == (tree(copy), tree(root))


def test_a_newer_engines_journal_is_left_alone(root: Path) -> None:
    """It may mean anything: neither undone nor moved, and the next step is to upgrade."""
    path = root / "work/journal/000001-x.json"
    path.write_bytes(b'{"format": 2}')
    with pytest.raises(kb.FutureFormatError, match="upgrade the engine"):
        open_base(root)
    assert path.exists()


def test_staged_files_of_a_mutation_that_never_began_are_reaped(root: Path) -> None:
    """By whoever next takes the lock, along with half-written files."""
    before = tree(root)
    for point in ("kb.stage.put.after", "kb.backup.clone.after", "kb.journal.begin.synced"):
        kill_at(root, add_book, point)
        assert [] != leftovers(root)
        open_base(root).close()
        assert (before, []) == (tree(root), leftovers(root))
