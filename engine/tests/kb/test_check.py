"""A check names every file that is not what the knowledge base wrote, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import kb
from engine.kb import check
from engine.kb.layout import VISIBLE
from engine.tests.kb.bases import ALMANAC, add_book, edit, image, open_base

Damage = Callable[[Path], object]

DAMAGES: dict[str, Damage] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "changed": lambda file: file.write_bytes(_flipped(file.read_bytes())),
    "emptied": lambda file: file.write_bytes(b""),
    "lost": lambda file: file.unlink(),
    "moved": lambda file: file.rename(file.with_name(f"x{file.name}")),
}
# Their loss cannot be told from a base in which they never were: nothing else speaks of them.
LOST_IN_SILENCE = {("audit", "lost"), ("documents", "lost")}
# By part of the check: what only that part sees, as the file that is damaged or added, and how.
WRONG: dict[str, tuple[str, Damage]] = {
    "_own_files": ("raw/atlas.txt", DAMAGES["changed"]),
    "_pages": ("wiki/index.md", DAMAGES["cut"]),
    "_strangers": ("wiki/sources/mine.md", lambda file: file.write_bytes(b"my own notes")),
    "_rows": ("audit/000000-t-000001.json", DAMAGES["changed"]),
}


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def _visible(root: Path) -> list[str]:
    return [path for path in image(root) if path.partition("/")[0] in VISIBLE]


@pytest.mark.parametrize("work", [edit, add_book, lambda base: base.remove("atlas")])
def test_what_was_written_is_as_it_should_be(root: Path, work: Callable[[kb.Kb], object]) -> None:
    """After each kind of change, one after the other too; and a check changes nothing."""
    base = open_base(root)
    work(base)
    base.recompile("almanac")
    before = image(root)

    assert () == base.check()
    assert before == image(root)


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_file_that_is_damaged_is_named(root: Path, damage: str) -> None:
    """Whichever it is: the file as it was, or the name that it has now; with what to do."""
    for path in _visible(root):
        whole = image(root)
        DAMAGES[damage](root / path)
        found = open_base(root, mode=kb.Mode.READ_ONLY).check()
        moved = str(Path(path).with_name(f"x{Path(path).name}"))
        named = {one.path for one in found}

        if (path.partition("/")[0], damage) not in LOST_IN_SILENCE:
            assert named & {path, moved}, path
        elif path.startswith("documents"):
            assert named, path  # its files are nobody's then
        assert all(": " in str(one) or "copy" in str(one) for one in found)
        for name, data in whole.items():
            (root / name).write_bytes(data)
        (root / moved).unlink(missing_ok=True)


def test_a_file_that_nobody_wrote_is_named_and_left(root: Path) -> None:
    """It may be anybody's: nothing is removed."""
    stranger = root / "wiki/sources/mine.md"
    stranger.write_bytes(b"my own notes")

    (found,) = open_base(root).check()
    assert "'wiki/sources/mine.md' belongs to no document: move it elsewhere" == str(found)
    assert b"my own notes" == stranger.read_bytes()


@pytest.mark.parametrize("step", WRONG)
def test_a_check_that_leaves_a_part_out_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Each part is what sees one damage, so the test above would go red without it."""
    path, damage = WRONG[step]
    damage(root / path)
    base = open_base(root, mode=kb.Mode.READ_ONLY)
    assert [path] == [one.path for one in base.check()]
    monkeypatch.setattr(check, step, lambda *_: ())
    assert () == base.check()


def test_a_page_that_its_user_has_edited_is_shown_as_it_is(root: Path) -> None:
    """It is named by a check, and neither refused nor put back; other documents are untouched."""
    page = root / "wiki/sources/almanac.md"
    page.write_bytes(b"What I say of tides.")
    base = open_base(root)

    assert ["What I say of tides."] == base.pages("almanac")
    assert ["wiki/sources/almanac.md"] == [one.path for one in base.check()]
    with pytest.raises(kb.UnsoundError, match="if that was no edit of yours"):
        base.check_document("almanac")
    base.check_document("atlas")
    base.recompile("almanac")
    assert b"What I say" in (root / "wiki/summaries/almanac.md").read_bytes()


def test_an_index_is_nobodys_to_edit(root: Path) -> None:
    """Its bytes are checked whenever it is read, also where it is a sound database."""
    (index,) = (root / "index").iterdir()
    index.write_bytes(index.read_bytes().replace(b"Moon", b"Sun!"))
    with pytest.raises(kb.DamagedFileError, match=f"'index/{index.name}' is damaged"):
        open_base(root).pages("atlas")


@pytest.mark.parametrize("page", ["wiki/sources/almanac.md", "wiki/index.md"])
def test_a_page_that_is_no_text_is_named_by_what_needs_it(root: Path, page: str) -> None:
    """Compiling reads it; the error says which file it is, and nothing is changed."""
    (root / page).write_bytes(b"\xff\xfe")
    before = image(root)
    base = open_base(root)
    with pytest.raises(kb.DamagedFileError, match=page):
        base.recompile("almanac")
    assert before == image(root)


def test_a_lookup_that_names_another_document_is_not_believed(root: Path) -> None:
    """Else a known content would be skipped under a wrong name."""
    base = open_base(root)
    almanac, atlas = (root / f"hashes/{one.content}.json" for one in base.documents())
    almanac.write_bytes(atlas.read_bytes())

    with pytest.raises(kb.DamagedFileError, match=f"'hashes/{almanac.name}' is damaged"):
        base.add("copy.md", ALMANAC[1])


def test_one_entry_that_cannot_be_read_leaves_the_others_readable(root: Path) -> None:
    """The names are known without it."""
    (root / "documents/almanac.json").write_bytes(b"")
    base = open_base(root)

    assert ["almanac", "atlas"] == base.names()
    assert 3 == len(base.pages("atlas"))
    with pytest.raises(kb.DamagedFileError, match="documents/almanac"):
        base.pages("almanac")
