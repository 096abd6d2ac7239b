"""A table ahead of the manifest: refused before anything is written, with the right advice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.graph import DamagedFileError, DriftAdvice, DriftError
from engine.graph.table import TableVersion
from engine.tests.stores import ADA_BOB, BOTH, CYD, EMPTY, KNOWS, PERSON, SCHEMA, image, open_store
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph


def _drift(root: Path) -> None:
    """Commit a version that no operation accounts for."""
    directory = root / SCHEMA.table(PERSON).directory / "versions"
    newest = max(directory.iterdir())
    version = TableVersion.from_bytes(newest.name, newest.read_bytes())
    foreign = replace(version, version=version.version + 1, operation_id="foreign")
    (directory / f"{foreign.version:020d}.json").write_bytes(foreign.to_bytes())


def _refused(store: Graph) -> DriftError:
    with pytest.raises(DriftError) as told:
        store.insert({PERSON: [CYD]})
    return told.value


def test_drift_that_a_sidecar_covers_is_for_recovery(root: Path) -> None:
    """The kept handle of an operation that failed between its tables says to reopen."""
    store = open_store(root, 1)
    with arm("phase_b.after_commit=raise(OSError, EIO)@1"), pytest.raises(OSError, match="5"):
        store.insert(BOTH)
    with pytest.raises(DriftError) as refusal:
        store.insert({KNOWS: [{**ADA_BOB, "id": "again"}]})
    told = refusal.value
    assert (DriftAdvice.COVERED, 0, 1) == (told.advice, told.pinned, told.head)
    work = "operation 000001-w-000001, insert, edge:Knows 0 to 1, node:Person 0 to 1"
    assert f"{work}, is waiting for recovery: reopen" in str(told)
    assert EMPTY == open_store(root, 2).rows()
    store.insert({KNOWS: [ADA_BOB]})


def test_drift_that_nothing_covers_is_for_repair(root: Path) -> None:
    """Nothing moves, and tables without drift can be written."""
    store = open_store(root, 1)
    store.insert(BOTH)
    _drift(root)
    before = image(root)
    told = _refused(store)
    assert (DriftAdvice.UNCOVERED, 1, 2) == (told.advice, told.pinned, told.head)
    assert "run repair" in str(told)
    assert before == image(root)
    store.insert({KNOWS: [{**ADA_BOB, "id": "again"}]})


def test_drift_that_cannot_be_told_gives_both_ways_in_order(root: Path) -> None:
    """The sidecars cannot be listed again: the cause is named, then recovery, then repair."""
    store = open_store(root, 1)
    store.insert(BOTH)
    _drift(root)
    with arm("sidecar.list.before=1*off->raise(OSError, EIO)"):
        told = str(_refused(store))
    assert "Input/output error" in told
    assert told.index("reopen the store read_write first") < told.index("run repair if")


def test_a_table_behind_the_manifest_is_damage(root: Path) -> None:
    """The missing file is named."""
    open_store(root, 1).insert(BOTH)
    lost = root / "tables/node.Person/versions" / f"{1:020d}.json"
    lost.unlink()
    with pytest.raises(DamagedFileError, match=lost.name):
        open_store(root, 2).insert({PERSON: [CYD]})
