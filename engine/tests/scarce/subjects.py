"""The two stores as the sweep uses them: how to make, open, read and change one, and its changes.

It never looks below what a user of a store calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import kb
from engine.graph import Mode
from engine.tests.kb import bases
from engine.tests.stores import ADA, BOTH, PERSON, WORK, make_store, open_store

OPENING = "opening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A store. `half` is a plan that a change is killed by, so that opening has to settle it."""

    make: Callable[[Path], object]
    open: Callable[[Path, int], Any]
    read_only: Callable[[Path], Any]
    observe: Callable[[Any], Any]
    changes: dict[str, Callable[[Any], object]]
    follow_up: Callable[[Any], object]
    half: str
    housekeeping: tuple[str, ...]  # directories in which nothing may stay


def _make_graph(root: Path) -> None:
    store = open_store(make_store(root), 0)
    store.insert(BOTH)
    store.ensure_indices()
    store.insert({PERSON: [{"id": "dan", "age": 1}]})
    store.close()


def _see_base(base: kb.Kb) -> Any:  # noqa: ANN401 -- plain data
    files = base.files()
    audited_count = sum(path.startswith("audit/") for path in files)
    shown = {path: repr(data) for path, data in files.items() if not path.startswith("audit/")}
    return [shown, audited_count]


SUBJECTS = {
    "graph": Subject(
        make=_make_graph,
        open=open_store,
        read_only=lambda root: open_store(root, 8, mode=Mode.READ_ONLY),
        observe=lambda store: store.rows(),
        changes={
            "load": WORK["both-again"],
            "optimize": lambda store: store.optimize(),
            "apply": WORK["apply"],
        },
        follow_up=lambda store: store.update(PERSON, [ADA["id"]], {"age": 99}),
        half="phase_b.after_commit=kill",
        housekeeping=("recovery", "tmp"),
    ),
    "kb": Subject(
        make=bases.make_base,
        open=bases.open_base,
        read_only=lambda root: bases.open_base(root, 8, mode=kb.Mode.READ_ONLY),
        observe=_see_base,
        changes={
            "add": bases.add_book,
            "edit": bases.edit,
            "remove": lambda base: base.remove("atlas"),
        },
        follow_up=lambda base: base.add("last.md", b"Last of the [[Moon]]."),
        half="kb.page.put.renamed=1*off->kill",
        housekeeping=("work", "tmp"),
    ),
}
