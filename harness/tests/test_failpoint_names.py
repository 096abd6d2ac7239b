"""Points are named by constants of a catalogue, never by a literal at the call.

Text is read, not run: a call of `reach` or of a storage verb whose first argument is written out
as a string. It never sees a name that is put together elsewhere; arming refuses those.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HELD = ("engine", "scenarios")
SHARED_VERBS = {"delete", "exists", "get", "list", "put", "rename"}
STORAGE_VERBS = {"put_if_absent", "put_if_match", "delete_prefix"}


def literal_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and call of each point that is named by a literal."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg in ("point", "effect")]
        first = [*node.args[:1], *named]
        written = [part for part in first if _is_written_out(part)]
        if written and _takes_a_point(node.func):
            yield node.lineno, ast.unparse(node)


def _is_written_out(part: ast.expr) -> bool:
    constant = isinstance(part, ast.Constant) and isinstance(part.value, str)
    return constant or isinstance(part, ast.JoinedStr)


def _takes_a_point(called: ast.expr) -> bool:
    """Say whether this is `reach` or a verb of a storage, however it is got at."""
    if isinstance(called, ast.Name):
        return called.id == "reach"
    if not isinstance(called, ast.Attribute):
        return False
    owner = ast.unparse(called.value).lower()
    shared = called.attr in SHARED_VERBS and "storage" in owner.rpartition(".")[2]
    return called.attr == "reach" or called.attr in STORAGE_VERBS or shared


@pytest.mark.parametrize(
    "call",
    [
        "reach('phase_a.before')",
        "failpoints.reach('phase_a.before', path)",
        "reach(f'phase_{x}.before')",
        "reach(point='phase_a.before')",
        "self._storage.put('sidecar.put', path, data)",
        "storage.get('sidecar.get', path)",
        "anything.put_if_absent('audit.put', path, data)",
    ],
)
def test_a_literal_name_is_seen(call: str) -> None:
    """The walk itself is tried: each of these would be refused in an engine."""
    assert [(2, ast.unparse(ast.parse(call)))] == list(literal_names(f"def f():\n    {call}\n"))


@pytest.mark.parametrize(
    "call",
    [
        "reach(BEFORE_PUBLISH, 'manifest')",
        "reach(SIDECAR_PUT['before'])",
        "storage.put(SIDECAR_PUT, 'sidecars/1', b'')",
        "options.get('phase_a.before')",
        "declare('phase_a.before', durable='', pending='')",
    ],
)
def test_a_constant_is_not_refused(call: str) -> None:
    """Nor is a declaration, or a literal that is no name of a point."""
    assert [] == list(literal_names(call))


def test_no_engine_and_no_scenario_names_a_point_by_a_literal(modules: list[Path]) -> None:
    """Declare it in the catalogue and use the constant: then a rename cannot miss a place."""
    held = [path for path in modules if path.relative_to(ROOT).parts[0] in HELD]
    assert held, "no module of an engine was found: this would hold nothing"
    found = [
        f"{path.relative_to(ROOT)}:{line} {call}"
        for path in held
        for line, call in literal_names(path.read_text())
    ]
    assert [] == found
