"""What the tests of both layers share: ports, a small store, its operations, and its image."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine import graph
from engine.graph import (
    AddColumn,
    AddTable,
    ColumnType,
    Graph,
    LoadMode,
    Row,
    TableSchema,
    schema_of,
)
from engine.storage import CountedClock, CountedIds, connect

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PERSON = "node:Person"
KNOWS = "edge:Knows"
SCHEMA = schema_of(
    TableSchema(key=PERSON, columns={"id": ColumnType.STR, "age": ColumnType.INT}),
    TableSchema(
        key=KNOWS,
        columns={"id": ColumnType.STR, "src": ColumnType.STR, "dst": ColumnType.STR},
    ),
)
TAG_TABLE = TableSchema(key="node:Tag", columns={"id": ColumnType.STR})
DEADLINE_S = 30

ADA = {"id": "ada", "age": 36}
BOB = {"id": "bob", "age": 41}
CYD = {"id": "cyd", "age": 7}
CYD_ADA = {"id": "cyd-ada", "src": "cyd", "dst": "ada"}
ADA_BOB = {"id": "ada-bob", "src": "ada", "dst": "bob"}
BOTH: dict[str, list[Row]] = {PERSON: [ADA, BOB], KNOWS: [ADA_BOB]}
EMPTY: dict[str, list[Row]] = {PERSON: [], KNOWS: []}

WORK: dict[str, Callable[[Graph], object]] = {
    "open": lambda store: store,
    "both": lambda store: store.insert(BOTH, actor="victim"),
    "person": lambda store: store.insert({PERSON: [CYD]}, actor="victim"),
    "both-again": lambda store: store.insert(
        {PERSON: [CYD], KNOWS: [{**ADA_BOB, "id": "again"}]}, actor="victim"
    ),
    "apply": lambda store: store.apply_schema(
        [AddColumn(PERSON, "size", ColumnType.INT, 1), AddTable(TAG_TABLE)]
    ),
    "optimize": lambda store: store.optimize(actor="victim"),
    "on work": lambda store: store.on("work").insert({PERSON: [CYD], KNOWS: [CYD_ADA]}),
    "index work": lambda store: store.on("work").ensure_indices(),
    "sync work": lambda store: store.on("work").merge_branch("main"),
    "merge work": lambda store: store.merge_branch("work"),
    "merge main": lambda store: store.on("work").merge_branch("main"),
    "delete work": lambda store: store.delete_branch("work"),
    "merge": lambda store: store.load(
        {PERSON: [{"id": "ada", "age": 37}], KNOWS: [ADA_BOB]}, LoadMode.MERGE
    ),
}


def ports(incarnation: int, actor: str = "w") -> tuple[CountedClock, CountedIds]:
    """Return the clock and the ids of the n-th process."""
    return (
        CountedClock(incarnation=incarnation),
        CountedIds(incarnation=incarnation, actor=actor),
    )


def make_store(root: Path) -> Path:
    """Make an empty store and return where it is."""
    graph.init(root, SCHEMA, *ports(0))
    return root


def open_store(root: Path | str, incarnation: int = 9, **options: object) -> Graph:
    """Open the store, at a path or a URL, as the n-th process."""
    clock, ids = ports(incarnation)
    where = connect(root, ids=ids) if isinstance(root, str) else root
    return graph.open(where, clock, ids, **options)  # type: ignore[arg-type]


def start(root: Path | str, work: str, plan: str, incarnation: int = 1) -> subprocess.Popen[bytes]:
    """Start a real process that opens the store and works under a plan of faults."""
    path = os.pathsep.join([str(ROOT / "harness"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "engine.tests.victim", str(root), work, str(incarnation)],
        env={**os.environ, "FAILPOINTS": plan, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )


def kill_at(root: Path | str, work: str, plan: str, incarnation: int = 1) -> None:
    """Let a real process die under the plan; that it did is part of the test."""
    with start(root, work, f"{plan}", incarnation) as victim:
        assert -signal.SIGKILL == victim.wait(DEADLINE_S), f"{plan} did not kill {work}"


def image(root: Path) -> dict[str, bytes]:
    """Return every file of a directory, and every directory as no bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b""
        for path in sorted(root.rglob("*"))
    }
