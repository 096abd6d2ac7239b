"""A handle whose operation failed: it goes on, or says in a bounded way what to do."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.graph import Decision, DriftAdvice, DriftError, OvertakenError, points
from engine.storage import StorageError
from engine.tests.graph.rules import CITY, NOTE, edge, person, ruled_store
from engine.tests.stores import ADA, ADA_BOB, BOTH, EMPTY, KNOWS, PERSON, image, open_store
from killpoint import failpoints
from killpoint.failpoints import arm, counting

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph
    from killpoint.failpoints import Hit

FAILURES = (OSError, StorageError)


class Overtaking:
    """Publishes on another table, each time that somebody is about to publish."""

    def __init__(self, handle: Graph) -> None:
        self.handle = handle
        self.count = 0
        self.busy = False

    def __call__(self, hit: Hit) -> None:
        if hit.point == points.PHASE_C_BEFORE.name and not self.busy:
            self.busy, self.count = True, self.count + 1
            self.handle.insert({KNOWS: [{**ADA_BOB, "id": str(self.count)}]})
            self.busy = False


def _mutate(store: Graph) -> None:
    """Change three tables in one operation."""
    store.insert({PERSON: [person("eve")], KNOWS: [edge("eve", "ada")], CITY: [{"id": "bath"}]})


def _follow(store: Graph) -> None:
    """Rest on what is there, in all tables."""
    store.refresh()
    store.update(PERSON, ["ada"], {"age": 9})
    store.delete(KNOWS, ["ada-bob"], cascade=True)
    store.insert({CITY: [{"id": "hull"}]})


def _goes_on(store: Graph) -> bool:
    """Whether a handle works; if not, it says that an opening has to do something first."""
    try:
        _follow(store)
    except DriftError as refusal:
        if refusal.advice is not DriftAdvice.COVERED:
            raise
        return False
    return True


def _hits(root: Path) -> tuple[Hit, ...]:
    store = ruled_store(root)
    with counting() as tally:
        _mutate(store)
    return tuple(tally.hits)


def test_a_full_disk_at_any_point_leaves_a_handle_that_goes_on(tmp_path: Path) -> None:
    """Refused at most until somebody reopens; all or nothing, and all of it follows."""
    refused = 0
    for number, hit in enumerate(_hits(tmp_path / "traced")):
        root = tmp_path / str(number)
        kept = ruled_store(root)
        full = arm(f"{hit.point}=raise(OSError, ENOSPC)@{hit.occurrence}")
        with full, suppress(*FAILURES):
            _mutate(kept)
        assert 1 == len(full.fired), hit
        if not _goes_on(kept):
            refused += 1
            open_store(root, 2).close()
            _follow(kept)
        rows = kept.rows()
        assert ("eve" in str(rows[PERSON])) == ("eve" in str(rows[KNOWS])) == ("bath" in str(rows))
        assert ([], person("ada", 9)) == (rows[NOTE], rows[PERSON][0]), hit
        assert ((), kept.pins(), rows) == (kept.pending(), kept.heads(), open_store(root, 3).rows())
    assert refused > 0, "no failure left anything to roll back: this has tried nothing"


@pytest.mark.parametrize(
    "plan",
    [
        "sidecar.put.renamed=raise(OSError, EIO)",
        "phase_a.after_sidecar=raise(OSError, EIO)",
        "table.commit.written=raise(OSError, EIO)",
        "phase_b.before_commit=raise(OSError, EIO)",
    ],
)
def test_an_operation_that_moved_nothing_takes_its_sidecar_back(root: Path, plan: str) -> None:
    """Nothing is pending and nothing is audited: to the store it has never been."""
    store = open_store(root)
    with arm(plan), pytest.raises(FAILURES):
        store.insert(BOTH)
    assert ((), (), EMPTY) == (store.pending(), store.audit(), store.rows())
    before = image(root / "recovery")
    store.insert(BOTH)
    assert ({}, 0, BOTH) == (before, store.reloads_count, open_store(root, 10).rows())


def test_a_sidecar_that_could_not_be_taken_back_is_closed_by_the_next_write(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller is told what went wrong first; the log names what stayed."""
    store = open_store(root)
    faults = arm(
        "phase_b.before_commit=raise(OSError, EIO); sidecar.delete.before=raise(OSError, EIO)"
    )
    with caplog.at_level(logging.WARNING), faults, pytest.raises(FAILURES):
        store.insert(BOTH)
    assert "recovery/000009-w-000001.json stays until the next write" in caplog.text
    store.insert(BOTH)
    assert ((), 1, BOTH) == (store.pending(), len(store.audit()), store.rows())


def test_a_publish_that_always_loses_gives_up_and_is_healed(root: Path) -> None:
    """Its table has moved: the next write publishes that, under its name."""
    store, other = open_store(root, 1), open_store(root, 2)
    overtaking = Overtaking(other)
    seam = failpoints.push(failpoints.Seam(observe=overtaking))
    with pytest.raises(OvertakenError, match="published 6 times"):
        store.insert({PERSON: [ADA]})
    failpoints.remove(seam)
    assert (6, []) == (overtaking.count, store.read(PERSON))
    store.load({KNOWS: []})
    assert ([ADA], 1) == (store.read(PERSON), store.reloads_count)
    assert [Decision.ROLLED_FORWARD] == [row.decision for row in store.audit()]
