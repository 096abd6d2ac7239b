"""Source walks: who may touch files, clocks and chance, and who may move HEAD."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[1]
OUTSIDE_STORAGE = {
    "_io", "datetime", "fcntl", "glob", "io", "mmap", "os", "random", "secrets", "shutil",
    "signal", "socket", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
FILE_METHODS = {
    "OSFile", "memory_map", "mkdir", "read_bytes", "read_text", "rename", "rmdir", "touch",
    "unlink", "write_bytes", "write_text",
}  # fmt: skip
STORAGE_NAMES = {"storage", "_storage"}
MOVES = {"TABLE_COMMIT", "TABLE_RESTORE", "MANIFEST_PUBLISH", "INIT_MANIFEST", "REPAIR_RESTORE"}
MOVERS = {
    "commit.py": "the one module that moves HEAD and the manifest",
    "genesis.py": "makes the first manifest, where there is nothing to move",
    "recovery.py": "hands its effect to commit.commit_table",
    "repair.py": "hands its effect to commit.commit_table",
    "points.py": "declares them",
    "maintenance_points.py": "declares them",
}


def _modules(*, storage: bool) -> list[Path]:
    inside = {path for path in ENGINE.rglob("*.py") if "tests" not in path.parts}
    kept = {path for path in inside if path.is_relative_to(ENGINE / "storage") is storage}
    assert kept, "no module was found: this would hold nothing"
    return sorted(kept)


def _reaches_past_storage(source: str) -> list[str]:
    """Return what a module outside storage names that only storage may touch."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [name.name for name in names]
            case ast.ImportFrom(module=str(module), names=names):
                wanted = {name.name for name in names}
                found += ["pathlib.Path"] if module == "pathlib" and "Path" in wanted else [module]
            case ast.Call(func=ast.Name(id="open" as name)):
                found.append(name)
            case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in FILE_METHODS:
                owner = value.attr if isinstance(value, ast.Attribute) else ast.unparse(value)
                found += [] if owner in STORAGE_NAMES else [f".{name}"]
            case _:
                pass
    banned = OUTSIDE_STORAGE | {"open", "pathlib.Path", *(f".{name}" for name in FILE_METHODS)}
    return [name for name in found if name.split(".")[0] in OUTSIDE_STORAGE or name in banned]


def _names(source: str) -> set[str]:
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute | ast.Name)
    }


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from os import path",
        "import os.path as p",
        "from time import time",
        "import uuid",
        "from pathlib import Path",
        "def f(p):\n    return open(p)",
        "def f(p):\n    p.write_bytes(b'')",
        "def f(store):\n    store.root.unlink()",
    ],
)
def test_the_walk_sees_what_it_is_for(source: str) -> None:
    """Each of these samples would be refused."""
    assert [] != _reaches_past_storage(source)


def test_only_storage_touches_files_clocks_and_chance() -> None:
    """Everything else goes through a verb, a clock or an id that it was handed."""
    offenders = {
        str(path.relative_to(ENGINE)): found
        for path in _modules(storage=False)
        if (found := _reaches_past_storage(path.read_text()))
    }
    assert {} == offenders, "ask engine.storage for it instead"


def test_only_the_commit_module_moves_head() -> None:
    """Whoever names an effect that moves HEAD or the manifest has a reason above."""
    offenders = [
        path.name
        for path in _modules(storage=False)
        if path.name not in MOVERS and _names(path.read_text()) & MOVES
    ]
    assert [] == offenders, "go through engine.graph.commit"


def test_the_walk_for_head_sees_a_mover() -> None:
    """A sample that would commit past the module is seen; so is the module itself."""
    assert _names("storage.put(points.TABLE_COMMIT, path, data)") & MOVES
    assert _names((ENGINE / "graph/commit.py").read_text()) & MOVES
