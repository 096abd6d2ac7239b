"""The page about the knowledge base says what is so, and names only what exists."""

from __future__ import annotations

import ast
from pathlib import Path

from scenarios.kb import contracts, table

ROOT = Path(__file__).parents[2]


def _tests_of(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in found if isinstance(node, ast.FunctionDef)}


def _exists(holder: str) -> bool:
    path, _, name = holder.partition("::")
    return (ROOT / path).is_file() and name in _tests_of(ROOT / path)


def test_the_page_is_current() -> None:
    """Running `python -m scenarios.kb.table` would change nothing."""
    assert table.page() == table.PAGE.read_text()


def test_every_contract_and_invariant_is_held_by_something_that_exists() -> None:
    """All of C1 to C31 and I1 to I11, each by scenarios and tests under their real names."""
    held = (*contracts.CONTRACTS, *contracts.INVARIANTS)
    numbers = [f"C{n}" for n in range(1, 32)] + [f"I{n}" for n in range(1, 12)]
    assert numbers == [one.number for one in held]
    known = {contracts.EVERY, *(scenario.name for scenario in table.every_scenario())}
    holders = {holder for one in held for holder in one.by}
    assert [] == sorted(one for one in holders - known if not _exists(one))
    assert all(one.by for one in held)
