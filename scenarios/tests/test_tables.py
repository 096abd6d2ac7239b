"""The pages about the stores say what is so, and name only what exists."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import pytest

from engine.graph import maintenance_points
from engine.graph import points as graph_points
from killpoint.failpoints import declare_effect, effects
from scenarios.graph import contracts as graph_contracts
from scenarios.graph import failpoint_rows, recovery_rows
from scenarios.graph import table as graph_table
from scenarios.kb import contracts as kb_contracts
from scenarios.kb import table as kb_table
from scenarios.planted.catalogue import SHOWN
from scenarios.table import Held, Lack, declared_in

ROOT = Path(__file__).parents[2]
KB = (*kb_contracts.CONTRACTS, *kb_contracts.INVARIANTS)
GRAPH = (*failpoint_rows.ROWS, *recovery_rows.ROWS)
EVERY = {kb_contracts.EVERY, graph_contracts.EVERY_INVARIANT}


def _is_collected(holder: str) -> bool:
    """Whether pytest would find a test there: a function of a test module's own."""
    path, _, name = holder.partition("::")
    if not (Path(path).name.startswith("test_") and (ROOT / path).is_file()):
        return False
    found = ast.parse((ROOT / path).read_text()).body
    names = {node.name for node in found if isinstance(node, ast.FunctionDef)}
    return name.startswith("test_") and name in names


@pytest.mark.parametrize("table", [kb_table, graph_table], ids=["kb", "graph"])
def test_the_page_is_current(table: ModuleType) -> None:
    """Running the module that writes it would change nothing."""
    assert table.page() == table.PAGE.read_text()


def test_a_page_lists_no_effect_of_anybody_else() -> None:
    """Whatever this process has declared before: another store's effects, or those of a test."""
    foreign = declare_effect("elsewhere.put", "put", ("before",), durable="-", pending="-")
    assert "elsewhere.put" in effects()
    listed = declared_in(graph_points, maintenance_points)
    assert foreign not in listed
    assert not [one.name for one in listed if one.name.startswith("kb.")]
    assert {one.name for one in listed} >= {"sidecar.put", "table.commit", "horizon.put"}


@pytest.mark.parametrize(
    ("statements", "table"), [(KB, kb_table), (GRAPH, graph_table)], ids=["kb", "graph"]
)
def test_every_statement_is_held_by_something_that_exists(
    statements: tuple[Held, ...], table: ModuleType
) -> None:
    """By scenarios and tests under their real names; what is not held says why."""
    known = {*EVERY, *(scenario.name for scenario in table.every_scenario())}
    holders = {holder for one in statements for holder in one.by}
    assert [] == sorted(one for one in holders - known if not _is_collected(one))
    for one in statements:
        assert one.by or one.lack is not Lack.NOTHING, one.name
        assert one.note or one.lack is Lack.NOTHING, one.name


def test_every_bug_that_a_test_shows_names_one_that_exists() -> None:
    """Under its real name, so that whoever reads the catalogue can run it."""
    assert [] == [one.test for one in SHOWN if not _is_collected(one.test.partition("[")[0])]


def test_no_contract_and_no_row_is_left_out() -> None:
    """All of C1 to C31 and I1 to I11; and as many tests as the specification counts."""
    numbers = [f"C{n}" for n in range(1, 32)] + [f"I{n}" for n in range(1, 12)]
    assert numbers == [one.name for one in KB]
    counts = (len(failpoint_rows.ROWS), len(recovery_rows.ROWS))
    assert (failpoint_rows.TESTS_COUNT, recovery_rows.TESTS_COUNT) == counts


def test_every_scenario_of_the_graph_store_is_about_some_operation() -> None:
    """Each once, and all that the folder has."""
    about = [f"graph.{name}" for one in graph_contracts.CONTRACTS for name in one.scenarios]
    assert sorted(about) == sorted(scenario.name for scenario in graph_table.every_scenario())
    modules = (ROOT / "scenarios/graph").glob("*.py")
    making = {path.stem for path in modules if "\nSCENARIOS" in path.read_text()}
    named = {one.__name__ for one in vars(graph_table).values() if hasattr(one, "SCENARIOS")}
    assert {f"scenarios.graph.{name}" for name in making} <= named


def test_a_holder_that_does_not_exist_is_noticed() -> None:
    """A test that is renamed, one that is only a helper, and a file that is gone."""
    path = "scenarios/tests/test_tables.py"
    assert _is_collected(f"{path}::test_the_page_is_current")
    for wrong in (f"{path}::test_gone", f"{path}::_is_collected", "scenarios/test_x.py::test_x"):
        assert not _is_collected(wrong)
