"""I11: what was acknowledged survives a power cut, whichever calls were never made durable."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.storage import Local, calls, directories, local
from killpoint.failpoints import Effect
from scenarios.kb.cutting import cut_everywhere
from scenarios.planted.sound import sound

CUTS_MIN = 30
WORKLOADS = ["add.long", "add.edited", "cloud.without_links", "remove", "batch", "interrupt"]
DEATHS = [
    ("add.edited", "kb.journal.begin.renamed"),
    ("add.long", "kb.journal.track.renamed"),
    ("remove", "kb.body.delete.removed"),
    ("add.long", "kb.journal.commit.created"),
    ("add.edited", "kb.journal.commit.renamed"),
    ("interrupt", "kb.journal.undone.renamed"),
]
Plant = Callable[[pytest.MonkeyPatch], None]


def _bytes_unsynced(patch: pytest.MonkeyPatch) -> None:
    def write(effect: Effect, path: str, temporary: Path, data: bytes, **rest: int) -> None:
        right(effect, path, temporary, data, durable=False, mode=rest.get("mode", 0o644))

    right = calls.write_temporary
    patch.setattr(local, "write_temporary", write)


def _names_unsynced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(directories, "sync_directory", lambda _: None)


def _parents_unsynced(patch: pytest.MonkeyPatch) -> None:
    def ensure(self: directories.Directories, effect: object, directory: str) -> None:
        del effect
        (self._root / directory).mkdir(parents=True, exist_ok=True)

    patch.setattr(directories.Directories, "ensure", ensure)


def _renames_unsynced(patch: pytest.MonkeyPatch) -> None:
    right = Local.rename

    def rename(self: Local, effect: Effect, source: str, target: str) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(directories, "sync_directory", lambda _: None)
            right(self, effect, source, target)

    patch.setattr(Local, "rename", rename)


def _unsettled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Local, "settle", lambda *_: None)


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a directory in memory, if there is one: every state is recovered with its syncs."""
    memory = Path("/dev/shm")  # noqa: S108 -- a directory of our own below it
    where = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield where
    shutil.rmtree(where)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_cut_after_any_call_leaves_a_state_that_is_made_good(place: Path, name: str) -> None:
    """Every invariant holds of every state that may be left, and acknowledged mutations stand."""
    looked = cut_everywhere(sound(f"kb.{name}"), place)

    assert () == looked.evidence
    assert looked.cuts_count > CUTS_MIN


@pytest.mark.parametrize(("name", "kill"), DEATHS)
def test_a_cut_in_a_recovery_is_made_good(place: Path, name: str, kill: str) -> None:
    """Also of what the dead process had never come to sync, and the recovery relied on."""
    looked = cut_everywhere(sound(f"kb.{name}"), place, kill)

    assert () == looked.evidence
    assert looked.cuts_count > CUTS_MIN


@pytest.mark.parametrize(
    ("plant", "name", "kill", "told"),
    [
        (_bytes_unsynced, "add.short", "", "JSONDecodeError"),
        (_names_unsynced, "add.short", "", "acknowledged and gone"),
        (_parents_unsynced, "add.long", "", "has no wiki/entities/ada.md"),
        (_renames_unsynced, "add.short", "", "has no raw/essay.md"),
        (_unsettled, "add.edited", "kb.journal.commit.renamed", "could not be undone"),
    ],
)
def test_a_sync_that_is_missing_is_seen(
    place: Path, monkeypatch: pytest.MonkeyPatch, plant: Plant, name: str, kill: str, told: str
) -> None:
    """Each of these would survive every kill, and lose something with the power."""
    plant(monkeypatch)

    looked = cut_everywhere(sound(f"kb.{name}"), place, kill)

    assert told in "\n".join(looked.evidence)
