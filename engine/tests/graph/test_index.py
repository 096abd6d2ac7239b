"""Indices: they answer as looking through would, and are made only where they lack something."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest

from engine.graph import BadStatementError, DamagedFileError
from engine.graph.index import _entries
from engine.graph.maintenance_points import INDEX_PUT
from engine.tests.graph.rules import KNOWS, PERSON, edge, person, ruled_store
from engine.tests.stores import image, open_store
from killpoint.failpoints import counting

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph, Row

ROWS_MANY = 100_000
QUICK_S = 5
LOOKUPS = [
    (PERSON, "id", "ada"),
    (PERSON, "id", "nobody"),
    (PERSON, "age", 36),
    (KNOWS, "src", "ada"),
    (KNOWS, "dst", "bob"),
]


def _scanned(store: Graph, table: str, column: str, value: object) -> list[Row]:
    return [row for row in store.read(table) if row[column] == value]


def _check_answers(store: Graph) -> None:
    for table, column, value in LOOKUPS:
        assert _scanned(store, table, column, value) == store.find(table, column, value)


def test_an_index_answers_as_looking_through_would(tmp_path: Path) -> None:
    """Before there is one, with it, with rows that came since, and with rows that went."""
    store = ruled_store(tmp_path / "store")
    _check_answers(store)
    store.ensure_indices()
    _check_answers(store)
    store.insert({PERSON: [person("dan", 36)], KNOWS: [edge("dan", "bob")]})
    _check_answers(store)
    store.delete(PERSON, ["ada"], cascade=True)
    _check_answers(open_store(tmp_path / "store", 2))
    store.ensure_indices()
    _check_answers(open_store(tmp_path / "store", 3))


def test_only_fragments_that_may_hold_a_row_are_read(tmp_path: Path) -> None:
    """Of several covered fragments one, and of a value that is nowhere none."""
    store = ruled_store(tmp_path / "store")
    for name in ("dan", "eve", "fay"):
        store.insert({PERSON: [person(name)]})
    store.ensure_indices()
    for value, expected in (("eve", 1), ("nobody", 0)):
        fresh = open_store(tmp_path / "store", 5)
        with counting() as tally:
            fresh.find(PERSON, "id", value)
        assert expected == tally.counts.get("fragment.read.before", 0)


def test_only_tables_that_lack_one_are_touched(tmp_path: Path) -> None:
    """Each moves by one version; a table without rows, or with all covered, stays."""
    store = ruled_store(tmp_path / "store")
    first = store.ensure_indices()
    filled = [key for key, rows in store.rows().items() if rows]
    assert (sorted(filled), {}) == (sorted(first.moved), first.skipped)
    store.insert({PERSON: [person("dan")]})
    pins = store.pins()
    assert (PERSON,) == store.ensure_indices().moved
    assert {**pins, PERSON: pins[PERSON] + 1} == store.pins() == store.heads()


def test_a_store_that_lacks_none_is_not_written_to(tmp_path: Path) -> None:
    """No sidecar, no version, no byte."""
    store = ruled_store(tmp_path / "store")
    store.ensure_indices()
    before = image(tmp_path)
    with counting() as tally:
        cared = store.ensure_indices()
    assert ((), store.version()) == (cared.moved, cared.graph_version)
    assert before == image(tmp_path)
    assert not [name for name in tally.counts if "put" in name or "commit" in name]


def test_making_an_index_again_reads_what_is_new_only(tmp_path: Path) -> None:
    """The entries of covered fragments come from the index before."""
    store = ruled_store(tmp_path / "store")
    store.ensure_indices()
    store.insert({PERSON: [person("dan")]})
    fresh = open_store(tmp_path / "store", 5)
    with counting() as tally:
        fresh.ensure_indices()
    assert (1, 1) == (tally.counts["fragment.read.before"], tally.counts[f"{INDEX_PUT.name}.after"])


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    """It is derived, yet nothing is guessed from bytes that nobody committed."""
    store = ruled_store(tmp_path / "store")
    store.ensure_indices()
    (path,) = (tmp_path / "store/tables/node.Person/index").iterdir()
    path.write_bytes(path.read_bytes().replace(b"ada", b"bda"))
    with pytest.raises(DamagedFileError, match=path.name):
        open_store(tmp_path / "store", 2).find(PERSON, "id", "ada")


def test_a_column_that_is_none_is_refused(tmp_path: Path) -> None:
    """Like any statement that no content could make right."""
    with pytest.raises(BadStatementError, match="'nose'"):
        ruled_store(tmp_path / "store").find(PERSON, "nose", 1)


@pytest.mark.parametrize("value", [["ada"], ("ada", ["bob"])])
def test_a_value_that_no_column_can_hold_is_refused(tmp_path: Path, value: object) -> None:
    """With an index or without one, and not by an error of Python's."""
    store = ruled_store(tmp_path / "store")
    for _ in range(2):
        with pytest.raises(BadStatementError, match="which no column can hold"):
            store.find(PERSON, "id", value)
        store.ensure_indices()


def test_many_rows_of_one_value_cost_what_as_many_of_different_ones_do() -> None:
    """Not the square of it, which would be minutes here."""
    begun_s = process_time()
    entries = _entries(("city",), [{"city": "york"}] * ROWS_MANY)
    assert {"city": {"york": tuple(range(ROWS_MANY))}} == entries
    assert process_time() - begun_s < QUICK_S
