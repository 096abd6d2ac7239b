"""A clone is a hard link where it can be, a durable copy where not, and never half of either."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.storage import Cloned, Cloning, Local, UnsafePathError
from engine.tests.storage import effects
from killpoint.failpoints import arm

REFUSALS = ["EXDEV", "EPERM", "EACCES", "EMLINK", "ENOSYS", "ENOTSUP"]


def test_a_clone_is_the_same_file_where_links_are_allowed(local: Local, tmp_path: Path) -> None:
    """It costs no copy."""
    local.put(effects.PUT, "a", b"old")
    assert Cloned.LINKED == local.clone(effects.CLONE, "a", "kept/a").how
    assert (tmp_path / "store/a").samefile(tmp_path / "store/kept/a")


def test_a_target_that_is_the_same_already_is_left_alone(local: Local, tmp_path: Path) -> None:
    """It keeps its inode, whether it is the same file or only has the same content and mode."""
    local.put(effects.PUT, "a", b"same")
    local.put(effects.PUT, "b", b"same")
    inode = (tmp_path / "store/b").stat().st_ino
    assert Cloned.SAME == local.clone(effects.CLONE, "a", "b").how
    assert inode == (tmp_path / "store/b").stat().st_ino


@pytest.mark.parametrize("refusal", REFUSALS)
def test_any_refusal_to_link_leads_to_a_copy(local: Local, tmp_path: Path, refusal: str) -> None:
    """Content and mode are the source's, the file is another one, nothing is left in `tmp/`."""
    local.put(effects.PUT, "a", b"content")
    (tmp_path / "store/a").chmod(0o640)
    with arm(f"trial.clone.linking=raise(OSError, {refusal})"):
        assert Cloned.COPIED == local.clone(effects.CLONE, "a", "b").how
    copy = (tmp_path / "store/b").stat()
    assert (b"content", 0o640) == (local.get(effects.READ, "b"), copy.st_mode & 0o777)
    assert (tmp_path / "store/a").stat().st_ino != copy.st_ino
    assert [] == list((tmp_path / "store/tmp").iterdir())


@pytest.mark.parametrize("how", Cloning)
@pytest.mark.parametrize("stage", ["linked", "created", "written", "synced"])
def test_a_clone_that_fails_leaves_the_target_and_no_temporary(
    local: Local, tmp_path: Path, how: Cloning, stage: str
) -> None:
    """An error before the rename is as if nothing had been tried."""
    local.put(effects.PUT, "a", b"new")
    local.put(effects.PUT, "b", b"old")
    with arm(f"trial.clone.{stage}=raise(OSError, EIO)") as armed:
        try:
            local.clone(effects.CLONE, "a", "b", how)
        except Exception:  # noqa: BLE001 -- whether it is raised depends on the way that was taken
            assert armed.fired
            assert b"old" == local.get(effects.READ, "b")
    assert [] == list((tmp_path / "store/tmp").iterdir())


def test_a_symbolic_link_is_never_followed(local: Local, tmp_path: Path) -> None:
    """Neither on the way to a source or a target, nor in their place."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    local.put(effects.PUT, "a", b"inside")
    (tmp_path / "store/door").symlink_to(outside)
    (tmp_path / "store/pane").symlink_to(outside / "secret")
    for source, target in [("door/secret", "b"), ("pane", "b"), ("a", "door/b"), ("a", "pane")]:
        with pytest.raises(UnsafePathError, match="passes a link"):
            local.clone(effects.CLONE, source, target)
    assert ["secret"] == [path.name for path in outside.iterdir()]


def test_no_empty_directory_is_left_by_deleting_many(local: Local, tmp_path: Path) -> None:
    """Not even one whose last file had gone before."""
    local.put(effects.PUT, "t/a/b", b"")
    (tmp_path / "store/t/a/b").unlink()
    local.delete_all(effects.DELETE_ALL, ["t/a/b"])
    assert not (tmp_path / "store/t").exists()
