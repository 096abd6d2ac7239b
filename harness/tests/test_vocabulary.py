"""The page of words and the code say the same, in both directions.

What counts is the front of each part: the public types that `killpoint.<part>` offers. What a
part keeps in its inner modules is its own affair. It never judges whether a word is a good one.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import killpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "VOCABULARY.md").read_text()
QUOTED = re.compile(r"`([^`]+)`")
NO_TYPE = "—"


def _rows(header: str) -> list[list[str]]:
    """Return the cells of every table of the page that has this header."""
    tables = re.findall(rf"(?m)^\| {header} \|\n\|[-|]+\|\n((?:\|.*\n?)+)", PAGE)
    lines = "".join(f"{table.rstrip()}\n" for table in tables).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


WORDS = _rows(r"word \| type \| meaning")
AVOIDED = {word for row in _rows(r"avoid \| say") for word in QUOTED.findall(row[0])}


def _resolve(dotted: str) -> object:
    home, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(home), name, None)


def _fronts() -> Iterator[tuple[str, type]]:
    """Yield each public type, errors apart, under the name that users import it by."""
    for part in pkgutil.iter_modules(killpoint.__path__, "killpoint."):
        if part.name == "killpoint.__main__":
            continue
        for name, value in vars(importlib.import_module(part.name)).items():
            if name.startswith("_") or not inspect.isclass(value):
                continue
            own = f"{value.__module__}.".startswith(f"{part.name}.")
            if own and not issubclass(value, BaseException):
                yield f"{part.name}.{name}", value


def _public_names(path: Path) -> Iterator[str]:
    """Yield the names that a file gives to itself, its classes and its functions."""
    yield from path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def _words(name: str) -> set[str]:
    """Split a name of either style into its words, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_every_word_is_explained_once() -> None:
    """A row has a word of its own and a meaning that is a sentence."""
    words = [word for word, _, _ in WORDS]
    assert words
    assert sorted(set(words)) == sorted(words)
    assert [] == [word for word, _, meaning in WORDS if not meaning.endswith(".")]


def test_every_type_on_the_page_exists() -> None:
    """A type that the page names can be imported under that name."""
    cells = [(word, types) for word, types, _ in WORDS if types != NO_TYPE]
    assert [] == [word for word, types in cells if not QUOTED.findall(types)]
    named = [name for _, types in cells for name in QUOTED.findall(types)]
    assert [] == [name for name in named if not inspect.isclass(_resolve(name))]


def test_every_public_type_is_on_the_page() -> None:
    """A type that a part of the harness offers has a row in VOCABULARY.md; add one."""
    explained = [_resolve(name) for _, types, _ in WORDS for name in QUOTED.findall(types)]
    offered = dict(_fronts())
    assert offered
    assert [] == sorted(name for name, value in offered.items() if value not in explained)


def test_an_avoided_word_is_found_in_any_style_of_name() -> None:
    """Snake case, camel case and capitals are all taken apart."""
    assert {"image", "manager"} == _words("ImageManager")
    assert {"load", "helpers"} == _words("load_helpers")
    assert {"http", "utils", "v"} == _words("HTTPUtils_v2")


def test_no_public_name_has_an_avoided_word(modules: list[Path]) -> None:
    """What the page tells us to avoid is in no name of the three packages."""
    assert AVOIDED
    product = [p for p in modules if "tests" not in p.relative_to(ROOT).parts]
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product
        for name in _public_names(path)
        if _words(name) & AVOIDED
    ]
    assert [] == wrong
