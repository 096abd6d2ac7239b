"""Read a knowledge base's directory without the engine: for witnesses, invariants and stories.

It parses the files that `engine/kb/README.md` describes and trusts nothing else, so that it can
look at a directory that the engine would refuse. It never writes.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

VISIBLE = ("audit", "documents", "files", "hashes", "index", "raw", "wiki")
UNDECIDED = ("active", "rolling_back")


def visible(root: Path) -> dict[str, Path]:
    """Return every visible file by its path inside."""
    found = {}
    for top in VISIBLE:
        for directory, _, names in os.walk(root / top):
            for name in names:
                path = Path(directory, name)
                found[_name(root, path)] = path
    return dict(sorted(found.items()))


def empty_directories(root: Path) -> list[str]:
    """Return the visible directories in which there is nothing."""
    walks = (step for top in VISIBLE for step in os.walk(root / top))
    return sorted(_name(root, Path(step[0])) for step in walks if not step[1] and not step[2])


def records(root: Path, directory: str) -> list[dict[str, Any]]:
    """Return the JSON files of a directory, sorted by name; one that is none is empty."""
    found = []
    for path in sorted((root / directory).glob("*.json")):
        try:
            found.append(json.loads(path.read_bytes()))
        except ValueError:
            found.append({})
    return found


def journals(root: Path) -> list[dict[str, Any]]:
    """Return the readable journals that wait for a drain."""
    return [body for body in records(root, "work/journal") if "state" in body]


def given_up(root: Path) -> list[dict[str, Any]]:
    """Return the journals in quarantine whose undoing was tried: they wait for a decision."""
    return [body for body in records(root, "work/quarantine") if body.get("attempts")]


def saved(root: Path, journal: dict[str, Any]) -> Iterator[tuple[str, str, Path]]:
    """Return path, hash and backup of each entry that existed before the mutation."""
    for number, entry in enumerate(journal["entries"]):
        if entry["digest"]:
            backup = root / "work" / f"{journal['mutation']}.backup.{number}"
            yield entry["path"], entry["digest"], backup


def has_content(path: Path, digest: str) -> bool:
    """Whether a file holds what the hash says."""
    return path.is_file() and digest == blake2b(path.read_bytes(), digest_size=16).hexdigest()


def inodes(root: Path) -> dict[str, list[int]]:
    """Return inode and mode of every visible file."""
    found = {}
    for name, path in visible(root).items():
        status = path.lstat()
        found[name] = [status.st_ino, stat.S_IMODE(status.st_mode)]
    return found


def leftovers(root: Path) -> list[str]:
    """Return the files that only a mutation at work may have: in `work/` and `tmp/`."""
    found = (path for top in ("work", "tmp") for path in sorted((root / top).rglob("*")))
    names = [_name(root, path) for path in found if not path.is_dir()]
    return [name for name in names if not name.startswith("work/quarantine/")]


def describe(root: Path) -> Iterator[str]:
    """Tell in the protocol's words what stands in the directory."""
    for body in records(root, "documents"):
        yield f"document {body['name']} ({body['kind']}), from {body['origin']}"
    for row in records(root, "audit"):
        yield f"audit: {row['operation']} of {row['document']}"
    for body in journals(root):
        covered = ", ".join(entry["path"] for entry in body["entries"])
        yield f"journal of {body['operation']} of {body['document']}, {body['state']}: {covered}"
    for name in leftovers(root):
        yield f"in work: {name}"


def _name(root: Path, path: Path) -> str:
    # Texts, not path objects: this is asked for every file of every case.
    return str(path)[len(str(root)) + 1 :]
