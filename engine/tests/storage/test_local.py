"""What a local storage does beyond the contract: leftovers, refusals, certainty of directories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.storage import IoFailedError, Local, ShortWriteError
from engine.tests.storage import effects
from engine.tests.stores import ports
from killpoint.failpoints import arm, counting

if TYPE_CHECKING:
    from pathlib import Path

PUT_STAGES = ["created", "written", "synced"]


def _temporaries(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "tmp").iterdir())


def test_a_dead_writers_leftovers_are_swept_and_a_living_ones_stay(tmp_path: Path) -> None:
    """The lock of a writer tells them apart; the sweep says what it removed."""
    living, dead, sweeper = (Local(tmp_path / "s", ids=ports(n)[1]) for n in (1, 2, 3))
    living.make_fence(effects.FENCE)
    for writer in (living, dead):
        writer.put(effects.PUT, "a", b"")
        writer._temporaries.name().with_suffix(".9").write_bytes(b"half")
    dead.close()
    assert ("000002-w-000001.9",) == sweeper.sweep(effects.LIST, effects.DELETE)
    assert ["000001-w-000001.9"] == _temporaries(tmp_path / "s")
    living.close()


@pytest.mark.parametrize("stage", PUT_STAGES)
def test_a_put_that_fails_leaves_the_old_object_and_no_temporary(
    local: Local, tmp_path: Path, stage: str
) -> None:
    """An error at any stage before the rename is as if nothing had been tried."""
    local.put(effects.PUT, "a", b"old")
    with arm(f"trial.put.{stage}=raise(OSError, ENOSPC)"), pytest.raises(IoFailedError) as told:
        local.put(effects.PUT, "a", b"new")
    assert "put of 'a' failed" in str(told.value)
    assert b"old" == local.get(effects.READ, "a")
    assert [] == _temporaries(tmp_path / "store")


def test_a_short_write_is_never_published(local: Local, tmp_path: Path) -> None:
    """Fewer bytes in the file than were handed over: refused, with both sizes."""
    told = "got 2 of 7 bytes"
    with arm("trial.create.created=return(b'co')"), pytest.raises(ShortWriteError, match=told):
        local.put_if_absent(effects.CREATE, "a", b"content")
    assert not local.exists(effects.READ, "a")
    assert [] == _temporaries(tmp_path / "store")


def test_a_directory_that_somebody_else_made_is_synced_before_it_is_trusted(
    local: Local, tmp_path: Path
) -> None:
    """Its maker may have died before its own sync; once this handle is sure, it stays sure."""
    (tmp_path / "store/a").mkdir()
    with counting() as tally:
        local.put(effects.PUT, "a/b", b"")
        local.put(effects.PUT, "a/c", b"")
    assert 1 == tally.counts["trial.put.synced_dir"]
    assert "trial.put.made_dir" not in tally.counts


def test_replacing_an_object_keeps_its_permissions(local: Local, tmp_path: Path) -> None:
    """What somebody closed to others does not open again by being written."""
    local.put(effects.PUT, "a", b"old")
    (tmp_path / "store/a").chmod(0o600)
    local.put(effects.PUT, "a", b"new")
    assert 0o600 == (tmp_path / "store/a").stat().st_mode & 0o777


def test_the_stages_of_a_create_come_in_order(local: Local) -> None:
    """One stage per call that changes something, the new directory's included."""
    with counting() as tally:
        local.put_if_absent(effects.CREATE, "a/b", b"")
    stages = [hit.point.removeprefix("trial.create.") for hit in tally.hits]
    assert [
        "before", "made_dir", "synced_dir", "created", "written", "synced", "linked", "unlinked",
        "after",
    ] == stages  # fmt: skip


def test_bytes_that_rot_on_the_way_in_reach_the_reader(local: Local) -> None:
    """Storage does not know what bytes mean: what a fault puts in their place is handed on."""
    local.put(effects.PUT, "a", b"sound")
    with arm("trial.read.after=return(b'rotten')"):
        assert b"rotten" == local.get(effects.READ, "a")


def test_what_the_system_refuses_names_the_verb_and_the_path(local: Local) -> None:
    """A file in the place of a directory, for one."""
    local.put(effects.PUT, "a", b"")
    with pytest.raises(IoFailedError, match=r"put of 'a/b' failed .* then reopen"):
        local.put(effects.PUT, "a/b", b"")
