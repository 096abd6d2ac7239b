"""What dead owners leave, made by hand; and waiting for the living."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.graph import Kind, Pin, Sidecar
from engine.graph.table import TableVersion
from engine.tests.stores import DEADLINE_S, SCHEMA

if TYPE_CHECKING:
    from pathlib import Path


def versions_of(root: Path, table: str) -> Path:
    """Return the directory of a table's versions."""
    return root / SCHEMA.table(table).directory / "versions"


def commit_raw(root: Path, table: str, version: int, operation_id: str) -> None:
    """Make a version with the content of the one before, as a dead owner would have left it."""
    directory = versions_of(root, table)
    before = directory / f"{version - 1:020d}.json"
    made = TableVersion.from_bytes(before.name, before.read_bytes())
    made = replace(made, version=version, parent=version - 1, operation_id=operation_id)
    (directory / f"{version:020d}.json").write_bytes(made.to_bytes())


def put_sidecar(root: Path, operation_id: str, *pins: Pin, base: int = 2) -> None:
    """Write the sidecar of an operation that nobody owns."""
    sidecar = Sidecar(
        operation_id=operation_id, kind=Kind.LOAD, actor="", started_us=1, base=base, pins=pins
    )
    (root / sidecar.path).write_bytes(sidecar.to_bytes())


def wait_for(directory: Path, pattern: str) -> None:
    """Wait until another process has made such a file."""
    deadline = time.monotonic() + DEADLINE_S
    while not list(directory.glob(pattern)):
        assert time.monotonic() < deadline, f"no {pattern} ever came"
        time.sleep(0.005)
