"""Sizes, sentences and honesty of the code itself, checked like any other behaviour.

Each rule names its offenders and what to do about them. It never looks at what code does.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
FUNCTION_LINES_MAX = 70
TEST_LINES_MAX = 30
FILE_LINES_MAX = 400
COLUMNS_MAX = 100
COLUMNS_HELD = {".py", ".toml", ".sh", ".cfg"}

# In two halves each, so that this file does not name them either.
WORKPLACE = re.compile(
    "|".join(
        (
            r"(?<![\w.])/wo" + r"rk(?![\w-])",
            r"\.\./sha" + "red",
            r"\.lib" + r"rary\b",
            "pypi" + r"\.org",
            "python" + "hosted",
            "npm" + r"js\.(org|com)",
            "deb" + r"ian\.org",
        )
    )
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _listed(offenders: Iterable[str]) -> str:
    return "\n" + "\n".join(offenders)


def _at(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def _length(function: Function) -> int:
    """Lines of code without the docstring: explaining more must never cost anything."""
    docstring = ast.get_docstring(function, clean=False)
    spent = 0 if docstring is None else docstring.count("\n") + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - spent


def _is_test(path: Path) -> bool:
    return path.name.startswith("test_")


def _tests(path: Path) -> Iterator[Function]:
    yield from (f for f in _functions(path) if _is_test(path) and f.name.startswith("test_"))


def _is_product(path: Path) -> bool:
    """Whether the file is code of the harness or the engine, and more than a bare package."""
    parts = path.relative_to(ROOT).parts
    inside = parts[:2] == ("harness", "killpoint") or parts[0] == "engine"
    if not inside or "tests" in parts:
        return False
    defines = any(
        isinstance(node, Function | ast.ClassDef) for node in ast.parse(path.read_text()).body
    )
    return path.name != "__init__.py" or defines


def test_no_function_needs_scrolling(modules: list[Path]) -> None:
    """A function has at most 70 lines of code: push ifs up and fors down, then split."""
    long = [
        f"{_at(path, function.lineno)} {function.name}: {_length(function)} lines"
        for path in modules
        for function in _functions(path)
        if _length(function) > FUNCTION_LINES_MAX
    ]
    assert [] == long, _listed(long)


def test_no_file_holds_more_than_one_idea(modules: list[Path]) -> None:
    """A Python file has at most 400 lines: name the second idea and give it a file."""
    counts = [(path, path.read_text().count("\n")) for path in modules]
    long = [_at(path, count) for path, count in counts if count > FILE_LINES_MAX]
    assert [] == long, _listed(long)


def test_no_line_is_cut_off_in_a_review(files: list[Path]) -> None:
    """Code and configuration keep to 100 columns; a URL alone may be longer."""
    wide = [
        _at(path, number)
        for path in files
        if path.suffix in COLUMNS_HELD
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > COLUMNS_MAX and "https://" not in line
    ]
    assert [] == wide, _listed(wide)


def test_every_module_says_what_it_never_does(modules: list[Path]) -> None:
    """A module docstring says what the module is for and has a sentence with "never"."""
    silent = [
        _at(path, 1)
        for path in modules
        if _is_product(path)
        and "never" not in (ast.get_docstring(ast.parse(path.read_text())) or "").lower()
    ]
    assert [] == silent, _listed(silent)


def test_every_test_states_its_behaviour(modules: list[Path]) -> None:
    """A test has a docstring: the behaviour that is gone when it fails."""
    silent = [
        f"{_at(path, test.lineno)} {test.name}"
        for path in modules
        for test in _tests(path)
        if not ast.get_docstring(test)
    ]
    assert [] == silent, _listed(silent)


def test_every_test_can_be_read_at_a_glance(modules: list[Path]) -> None:
    """A test has at most 30 lines of code: name the preparation and move it out."""
    long = [
        f"{_at(path, test.lineno)} {test.name}: {_length(test)} lines"
        for path in modules
        for test in _tests(path)
        if _length(test) > TEST_LINES_MAX
    ]
    assert [] == long, _listed(long)


def test_every_page_has_one_title(files: list[Path]) -> None:
    """A Markdown page begins with its only `# Title`; code blocks may hold what they like."""
    wrong = []
    for path in (path for path in files if path.suffix == ".md"):
        prose = re.sub(r"(?ms)^```.*?^```", "", path.read_text())
        titles = re.findall(r"^# .+$", prose, flags=re.MULTILINE)
        if len(titles) != 1 or not prose.startswith(titles[0]):
            wrong.append(f"{_at(path, 1)} {titles}")
    assert [] == wrong, _listed(wrong)


def test_nothing_names_the_workplace(files: list[Path]) -> None:
    """No file knows where it was written or which registry it was installed from."""
    named = [
        _at(path, number)
        for path in files
        for number, line in enumerate(
            path.read_bytes().decode(errors="replace").splitlines(), start=1
        )
        if WORKPLACE.search(line)
    ]
    assert [] == named, _listed(named)


def test_replay_tests_are_never_skipped(modules: list[Path]) -> None:
    """A replay that was skipped for a while is a promise that was broken for a while."""
    excused = [
        _at(path, 1)
        for path in modules
        if _is_test(path)
        and "replay" in path.name
        and re.search(r"\b(skip|skipif|xfail|importorskip)\b", path.read_text())
    ]
    assert [] == excused, _listed(excused)


def test_failpoints_load_without_the_harness() -> None:
    """An engine that declares failpoints pays for the standard library and nothing else."""
    code = (
        "import sys; before = set(sys.modules); import killpoint.failpoints;"
        "loaded = {m for m in set(sys.modules) - before"
        " if m.split('.')[0] not in sys.stdlib_module_names};"
        "print(*sorted(m for m in loaded if not m.startswith('killpoint.failpoints')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ["killpoint"] == ran.stdout.split()


def test_the_lock_holds_every_dependency() -> None:
    """What pyproject.toml asks for is pinned in requirements.lock; `make lock` mends it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[<>=!~ ;\[]", line, maxsplit=1)[0].lower() for line in asked}
    pins = re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert set() == names - set(pins)
