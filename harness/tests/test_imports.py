"""Who may know whom: the contracts of pyproject.toml, and what they cannot say.

It reads imports and runs import-linter. It never imports the code that it judges.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SEAM = "killpoint.failpoints"


def _imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a source imports, at whatever depth."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _is_seam(name: str) -> bool:
    return name == SEAM or name.startswith(f"{SEAM}.")


def _past_the_seam(source: str) -> list[tuple[int, str]]:
    """Return what a source imports of the harness other than the seam."""
    return [
        (line, name)
        for line, name in _imported(source)
        if name.split(".")[0] == "killpoint" and not _is_seam(name)
    ]


def _not_standard(source: str) -> list[tuple[int, str]]:
    """Return what a source imports from outside the seam and the standard library."""
    return [
        (line, name)
        for line, name in _imported(source)
        if not _is_seam(name) and name.split(".")[0] not in sys.stdlib_module_names
    ]


def test_an_import_past_the_seam_is_seen() -> None:
    """The walk finds every way of writing the import, also inside a function."""
    source = "import killpoint\ndef late():\n    from killpoint import campaign, failpoints\n"
    assert [(1, "killpoint"), (3, "killpoint.campaign")] == _past_the_seam(source)


def test_the_engine_knows_only_the_seam(modules: list[Path]) -> None:
    """An engine and its tests reach `killpoint.failpoints` and nothing else of the harness."""
    engine = [path for path in modules if path.is_relative_to(ROOT / "engine")]
    known = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in engine
        for line, name in _past_the_seam(path.read_text())
    ]
    assert [] == known


def test_the_seam_needs_the_standard_library_alone(modules: list[Path]) -> None:
    """What an engine carries in production brings no package along."""
    seam = [p for p in modules if p.is_relative_to(ROOT / "harness/killpoint/failpoints")]
    foreign = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in seam
        for line, name in _not_standard(path.read_text())
    ]
    assert seam
    assert [] == foreign


def test_what_tests_share_has_one_name(modules: list[Path]) -> None:
    """`harness` is a directory and no package: its tests import each other as `tests.<name>`."""
    misnamed = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in modules
        for line, name in _imported(path.read_text())
        if name.split(".")[0] == "harness"
    ]
    assert [] == misnamed


def test_imports_point_down() -> None:
    """Every contract of pyproject.toml holds, and every module of the harness has its layer."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache", "--no-logo"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (ran.returncode, ran.stderr), ran.stdout
