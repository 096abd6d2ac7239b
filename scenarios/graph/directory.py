"""Read a graph store's directory without the engine: for witnesses, invariants and stories.

It parses the files that `engine/graph/FORMAT.md` describes and trusts nothing else, so that it can
look at a directory that the engine would refuse. It never writes, and never opens a handle.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sidecars(root: Path) -> dict[str, dict[str, Any]]:
    """Return the pending sidecars by operation; one that is not JSON is an empty dict."""
    return dict(_json_files(root / "recovery"))


def audit_rows(root: Path) -> list[dict[str, Any]]:
    """Return the audit rows in the order of their files."""
    return [body for _, body in _json_files(root / "audit")]


def manifests(root: Path) -> list[dict[str, Any]]:
    """Return every manifest, oldest first."""
    return [body for _, body in _json_files(root / "manifest")]


def pins(manifest: dict[str, Any]) -> dict[str, int]:
    """Return the version of every table that the main branch sees."""
    tables = manifest["branches"]["main"]["tables"]
    return {key: entry["version"] for key, entry in tables.items()}


def schema(root: Path, manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tables of the schema that a manifest names, by key; none if it is not there."""
    files = dict(_json_files(root / "schema"))
    tables: dict[str, dict[str, Any]] = files.get(manifest["schema"], {}).get("tables", {})
    return tables


def homes(root: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """Return what the files of each table stand under, by the key that it has at a manifest."""
    return {key: table.get("origin", key) for key, table in schema(root, manifest).items()}


def versions(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every committed version of every table, by its home, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for directory in sorted((root / "tables").glob("*")):
        for _, body in _json_files(directory / "versions"):
            found.setdefault(body.get("key", directory.name), []).append(body)
    return found


def heads(root: Path) -> dict[str, int]:
    """Return the newest committed version of each table, by the key that it has now.

    One that was dropped is left out; what is no table of any graph version goes by its home.
    """
    every = manifests(root)
    keys = {home: key for key, home in homes(root, every[-1]).items()} if every else {}
    dropped = {home for each in every for home in homes(root, each).values()} - keys.keys()
    return {
        keys.get(home, home): bodies[-1]["version"]
        for home, bodies in versions(root).items()
        if home not in dropped
    }


def own_versions(root: Path, operation: str) -> dict[str, list[int]]:
    """Return the versions that an operation itself committed, restored ones apart.

    By the keys that its tables had before it.
    """
    every = manifests(root)
    own = [each["version"] for each in every if each["lineage"]["operation_id"] == operation]
    before = [each for each in every if each["version"] < min(own, default=0)] or every
    keys = {home: key for key, home in homes(root, before[-1]).items()}
    return {
        keys.get(home, home): [
            body["version"]
            for body in bodies
            if body["operation_id"] == operation and body.get("restores") is None
        ]
        for home, bodies in versions(root).items()
    }


def witness(root: Path, earlier: object) -> dict[str, str]:
    """Return the operations that died armed, here or before: id to kind."""
    armed: dict[str, str] = dict(earlier) if isinstance(earlier, dict) else {}
    for operation, body in sidecars(root).items():
        armed[operation] = body.get("kind", "unreadable")
    return armed


def describe(root: Path) -> Iterator[str]:
    """Tell in the protocol's words what stands in the directory."""
    every = manifests(root)
    if not every:
        yield "no manifest yet"
        return
    newest = every[-1]
    row = newest["lineage"]
    how = f"{row['kind']}, {row['decision']}" if "decision" in row else row["kind"]
    yield f"graph version {newest['version']}, by operation {row['operation_id']} ({how})"
    pinned, standing = pins(newest), heads(root)
    yield "pins " + ", ".join(f"{key} {pin}" for key, pin in sorted(pinned.items()))
    for key, pin in sorted(pinned.items()):
        head = standing.get(key, 0)
        if head != pin:
            yield f"drift: {key} has HEAD {head}, pinned is {pin}"
    for operation, body in sidecars(root).items():
        planned = ", ".join(f"{p['table']} {p['expected']} to {p['post']}" for p in body["pins"])
        planned += f", schema {body['schema']}" if "schema" in body else ""
        yield f"sidecar of operation {operation} ({body['kind']}) pending: {planned}"
    for row in audit_rows(root):
        yield f"audit: operation {row['operation_id']} {row['decision']} ({_outcomes(row)})"


def _outcomes(row: dict[str, Any]) -> str:
    told = [f"{o['table']} {o['from']} to {o['to']}" for o in row["outcomes"]]
    return ", ".join(told) or "it had no effect"


def _json_files(directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not directory.is_dir():
        return
    for path in sorted(directory.glob("*.json")):
        # The engine hides its temporary files; they begin with a dot, and so are not matched.
        try:
            yield path.stem, json.loads(path.read_text())
        except ValueError:
            yield path.stem, {}
