"""An error at any point, and a death at any point of undoing one: all or nothing, every time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import kb
from engine.kb import Kb, mutation
from engine.kb.journal import State
from engine.storage import StorageError
from engine.tests.kb.bases import (
    Work,
    add_book,
    edit,
    image,
    kill_at,
    leftovers,
    make_base,
    open_base,
    tree,
)
from killpoint.failpoints import arm, counting
from killpoint.failpoints.seam import Hit

ONCE, FROM_NOW_ON = "1*raise(OSError, EIO)", "raise(OSError, EIO)"
NEVER = "kb.init.file.before=off"
TRIES_MIN = 40
THIRD_RECOVERIES_MIN = 150


def remove(base: Kb) -> None:
    """Remove the long document."""
    base.remove("atlas")


def _deaths(crashed: Path, place: Path) -> list[Path]:
    """Return a copy of each distinct state that a death in the recovery of a base would leave."""
    place.mkdir()
    root = place / "root"
    found: list[Path] = []
    seen: set[str] = set()
    shutil.copytree(crashed, root)

    def look(_: Hit) -> None:
        now = repr(image(root))
        if now not in seen:
            seen.add(now)
            found.append(Path(shutil.copytree(root, place / str(len(found)))))

    with arm(NEVER, observe=look):
        open_base(root, 2).close()
    return found


def _at(point: str, occurrence: int, fault: str) -> str:
    return f"{point}={f'{occurrence - 1}*off->' if occurrence > 1 else ''}{fault}"


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a directory in memory, if there is one: this opens hundreds of bases."""
    memory = Path("/dev/shm")  # noqa: S108 -- a directory of our own below it
    where = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield where
    shutil.rmtree(where)


class Trial:
    """A base that each try starts from, what the work makes of it, and the points on the way."""

    def __init__(self, place: Path, work: Work) -> None:
        """Do the work once without a fault."""
        self._place = place
        self._work = work
        make_base(place / "base")
        base = self.fresh()
        self.before = tree(self.root)
        with counting() as tally:
            work(base)
        base.close()
        self.after = tree(self.root)
        self.counts = tally.counts

    @property
    def root(self) -> Path:
        """Where the present try is."""
        return self._place / "try"

    def fresh(self) -> Kb:
        """Begin a try."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self._place / "base", self.root)
        return open_base(self.root, 1)

    def wrong(self, plan: str) -> str:
        """Try under a plan; return what is wrong afterwards, or nothing."""
        base = self.fresh()
        told = "done"
        with arm(plan) as armed:
            try:
                self._work(base)
            except (OSError, kb.KbError, StorageError):
                told = "failed"
        base.close()
        open_base(self.root, 10).close()
        wanted = self.after if told == "done" else self.before
        if not armed.fired:
            return f"{plan}: nothing fired"
        return "" if (wanted, []) == (tree(self.root), leftovers(self.root)) else f"{plan}: {told}"

    def hits_after(self, fault: str) -> list[Hit]:
        """Return what is passed after a fault has fired, while it is undone."""
        hits: list[Hit] = []
        fired: list[int] = []
        with arm(fault, observe=hits.append, on_fire=lambda *_: fired.append(len(hits))):
            base = self.fresh()
            with pytest.raises((OSError, kb.KbError, StorageError)):
                self._work(base)
        base.close()
        return hits[fired[0] + 1 :]

    def wrong_when_killed(self, fault: str, hit: Hit) -> str:
        """Fail, die at a hit while that is undone, reopen; return what is wrong, or nothing."""
        self.fresh().close()
        plan = _at(hit.point, hit.occurrence, "kill")
        kill_at(self.root, self._work, f"{fault};{plan}")
        open_base(self.root, 10).close()
        whole = tree(self.root) in (self.before, self.after)
        return "" if whole and not leftovers(self.root) else plan


@pytest.mark.parametrize("how", [ONCE, FROM_NOW_ON], ids=["once", "from now on"])
@pytest.mark.parametrize("work", [edit, add_book, remove])
def test_an_error_at_any_point_leaves_what_was_told(place: Path, work: Work, how: str) -> None:
    """Before and after every call that changes something: done and there, or failed and not.

    An error after a call is a lost acknowledgement. The first and the last time of each point.
    """
    trial = Trial(place, work)
    tries = [(point, n) for point, count in trial.counts.items() for n in {1, count}]
    wrong = [trial.wrong(_at(point, n, how)) for point, n in tries]
    assert [] == [one for one in wrong if one]
    assert len(tries) > TRIES_MIN


@pytest.mark.parametrize("point", ["kb.audit.put.after", "kb.journal.commit.renamed"])
def test_a_death_at_any_point_of_undoing_an_error_is_made_good(place: Path, point: str) -> None:
    """Also where the decision had reached the disk and its writer was told that it had not."""
    trial, fault = Trial(place, edit), f"{point}={ONCE}"
    hits = [hit for hit in trial.hits_after(fault) if hit.point != point]
    wrong = [trial.wrong_when_killed(fault, hit) for hit in hits]
    assert [] == [one for one in wrong if one]
    assert len(hits) > TRIES_MIN


def test_a_recovery_killed_anywhere_and_again_anywhere_is_right_the_third_time(
    place: Path,
) -> None:
    """Every two deaths in the recoveries of a mutation that died just before its decision.

    States are copied at the points; the campaign makes the same deaths by SIGKILL.
    """
    trial = Trial(place, edit)
    trial.fresh().close()
    kill_at(trial.root, edit, "kb.journal.commit.created")
    wrong = []
    for number, once in enumerate(_deaths(trial.root, place / "first")):
        for twice in _deaths(once, place / f"second-{number}"):
            open_base(twice, 10).close()
            wrong.append((trial.before, []) != (tree(twice), leftovers(twice)))
    assert not any(wrong)
    assert len(wrong) > THIRD_RECOVERIES_MIN


def test_an_undoing_that_restores_nothing_is_noticed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tries above can fail."""
    trial = Trial(place, edit)
    monkeypatch.setattr(
        mutation, "roll_back", lambda _, journal: replace(journal, state=State.ROLLED_BACK)
    )
    assert "" != trial.wrong(f"kb.audit.put.after={ONCE}")
