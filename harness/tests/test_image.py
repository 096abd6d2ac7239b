"""Images: what they keep, what makes two equal, and that a restored one is the same."""

import os
from pathlib import Path

from killpoint import image


def _store(root: Path) -> Path:
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "empty").mkdir()
    (root / "a").write_bytes(b"one")
    os.link(root / "a", root / "sub" / "b")
    (root / "link").symlink_to("a")
    (root / "a").chmod(0o640)
    return root


def test_a_restored_image_has_the_same_id(tmp_path: Path) -> None:
    """Kinds, bits, bytes, targets and shared inodes all come back."""
    taken = image.capture(_store(tmp_path / "store"))

    image.restore(taken, tmp_path / "copy")

    assert taken.id == image.capture(tmp_path / "copy").id
    assert (tmp_path / "copy" / "a").stat().st_ino == (
        tmp_path / "copy" / "sub" / "b"
    ).stat().st_ino


def test_what_is_equal_is_held_once(tmp_path: Path) -> None:
    """A hundred images of a store that grows share the files that have not changed."""
    root = _store(tmp_path / "store")
    before = image.capture(root)
    (root / "c").write_bytes(b"new")
    (root / "a").write_bytes(b"two")

    after = image.capture(root, before)

    shared = [entry.path for entry in after.entries if any(entry is old for old in before.entries)]
    assert ["link", "sub", "sub/b", "sub/empty"] == shared
    assert image.capture(root) == after


def test_two_names_of_one_inode_are_not_two_equal_files(tmp_path: Path) -> None:
    """A store whose hard link became a copy has another image."""
    root = _store(tmp_path / "store")
    linked = image.capture(root)
    (root / "sub" / "b").unlink()
    (root / "sub" / "b").write_bytes(b"one")
    (root / "sub" / "b").chmod(0o640)

    assert linked.id != image.capture(root).id


def test_times_do_not_count(tmp_path: Path) -> None:
    """Touching a file leaves the image as it was."""
    root = _store(tmp_path / "store")
    before = image.capture(root)
    os.utime(root / "a", (1, 1))

    assert before.id == image.capture(root).id


def test_restoring_removes_what_stood_there(tmp_path: Path) -> None:
    """Also below a directory that nobody may write to."""
    taken = image.capture(_store(tmp_path / "store"))
    target = tmp_path / "other"
    (target / "locked").mkdir(parents=True)
    (target / "locked" / "file").write_text("old")
    (target / "locked").chmod(0o500)

    image.restore(taken, target)

    assert taken.id == image.capture(target).id


def test_a_difference_names_what_came_went_and_changed(tmp_path: Path) -> None:
    """Each sort by itself, and none is falsy."""
    root = _store(tmp_path / "store")
    before = image.capture(root)
    (root / "new").write_text("x")
    (root / "link").unlink()
    (root / "sub" / "empty").chmod(0o700)

    found = image.difference(before, image.capture(root))

    assert (("new",), ("link",), ("sub/empty",)) == (found.added, found.removed, found.changed)
    assert not image.difference(before, before)
    assert found.describe() == "added new; removed link; changed sub/empty"


def test_a_morphed_directory_is_the_other_one_and_keeps_open_files(tmp_path: Path) -> None:
    """What changes appears by rename: a file that somebody holds open stays as it was."""
    root = _store(tmp_path / "store")
    before = image.capture(root)
    other = _store(tmp_path / "other")
    (other / "a").write_bytes(b"two")
    (other / "sub" / "empty").rmdir()
    (other / "new" / "deep").mkdir(parents=True)
    (other / "link").unlink()
    (other / "link").mkdir()
    after = image.capture(other)

    with (root / "a").open("rb") as held:
        image.morph(before, after, root)

        assert held.read() == b"one"
    assert after.id == image.capture(root).id
