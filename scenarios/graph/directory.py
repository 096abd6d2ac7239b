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
    """Return the version of every chain that is pinned by the branch that writes to it.

    A chain is a table's own, under its key, or its fork on a branch: `key@branch id`.
    """
    return {
        chain_of(key, branch["id"]): entry["version"]
        for branch in manifest["branches"].values()
        for key, entry in branch["tables"].items()
        if entry.get("ref", "main") == branch["id"]
    }


def branch_ids(root: Path) -> frozenset[str]:
    """Return the ids of the branches that are there."""
    return frozenset(one["id"] for one in manifests(root)[-1]["branches"].values())


def chain_of(key: str, ref: str) -> str:
    """Return the name of a chain."""
    return key if ref == "main" else f"{key}@{ref}"


def schema(root: Path, manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tables of the schema that a manifest names, by key; none if it is not there."""
    files = dict(_json_files(root / "schema"))
    tables: dict[str, dict[str, Any]] = files.get(manifest["schema"], {}).get("tables", {})
    return tables


def homes(root: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """Return what the files of each table stand under, by the key that it has at a manifest."""
    return {key: table.get("origin", key) for key, table in schema(root, manifest).items()}


def versions(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every committed version by chain, oldest first; a table goes by its home."""
    found: dict[str, list[dict[str, Any]]] = {}
    for directory in sorted((root / "tables").glob("*")):
        for chain in (directory / "versions", *sorted((directory / "forks").glob("*"))):
            for _, body in _json_files(chain):
                name = chain_of(body.get("key", directory.name), body.get("ref", "main"))
                found.setdefault(name, []).append(body)
    return found


def heads(root: Path) -> dict[str, int]:
    """Return the newest committed version of each chain, by the key that its table has now.

    A table that was dropped is left out; what is no table of any graph version goes by its home.
    """
    every = manifests(root)
    keys = {home: key for key, home in homes(root, every[-1]).items()} if every else {}
    dropped = {home for each in every for home in homes(root, each).values()} - keys.keys()
    found: dict[str, int] = {}
    for chain, bodies in versions(root).items():
        home, _, ref = chain.partition("@")
        if home not in dropped:
            found[chain_of(keys.get(home, home), ref or "main")] = bodies[-1]["version"]
    return found


def is_unreachable(manifest: dict[str, Any], chain: str) -> bool:
    """Whether a chain is a fork of a branch that is gone: nobody's, and to be removed some day."""
    ref = chain.partition("@")[2]
    return bool(ref) and ref not in {one["id"] for one in manifest["branches"].values()}


def own_versions(root: Path, operation: str) -> dict[str, list[int]]:
    """Return the versions that an operation itself committed, restored ones apart.

    By the keys that its tables had before it.
    """
    every = manifests(root)
    own = [each["version"] for each in every if each["lineage"]["operation_id"] == operation]
    before = [each for each in every if each["version"] < min(own, default=0)] or every
    keys = {home: key for key, home in homes(root, before[-1]).items()}
    found: dict[str, list[int]] = {}
    for chain, bodies in versions(root).items():
        home = chain.partition("@")[0]
        found.setdefault(keys.get(home, home), []).extend(
            body["version"]
            for body in bodies
            if body["operation_id"] == operation and body.get("restores") is None
        )
    return found


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
    for name, branch in sorted(newest["branches"].items()):
        if name != "main":
            yield f"branch {name} is {branch['id']}, its newest commit {branch['head']}"
    pinned, standing = pins(newest), heads(root)
    yield "pins " + ", ".join(f"{key} {pin}" for key, pin in sorted(pinned.items()))
    for key, pin in sorted(pinned.items()):
        head = standing.get(key, 0)
        if head != pin:
            yield f"drift: {key} has HEAD {head}, pinned is {pin}"
    for operation, body in sidecars(root).items():
        planned = ", ".join(
            f"{chain_of(p['table'], p.get('ref', 'main'))} {p['expected']} to {p['post']}"
            for p in body["pins"]
        )
        planned += f", schema {body['schema']}" if "schema" in body else ""
        yield f"sidecar of operation {operation} ({body['kind']}) pending: {planned}"
        yield f"that operation {_progress(root, every, operation, body)}"
    for row in audit_rows(root):
        yield f"audit: operation {row['operation_id']} {row['decision']} ({_outcomes(row)})"


def _progress(root: Path, every: list[dict[str, Any]], operation: str, body: dict[str, Any]) -> str:
    """Say how far an operation came, which is what recovery decides by."""
    rows = [each["lineage"] for each in every if each["lineage"]["operation_id"] == operation]
    decision = next((row["decision"] for row in rows if "decision" in row), "")
    shown = f"published as {decision}" if decision else "published" if rows else "not published"
    own = own_versions(root, operation)
    done = [f"{p['table']} {max(own[p['table']])}" for p in body["pins"] if own.get(p["table"])]
    lacking = [p["table"] for p in body["pins"] if not own.get(p["table"])]
    parts = [f"committed {', '.join(done)}"] if done else []
    parts += [f"nothing of {', '.join(lacking)}"] if lacking else []
    return f"is {shown}; it has {' and '.join(parts) or 'no tables'}"


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
