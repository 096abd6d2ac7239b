"""The knowledge base as a `System`: prepared with two documents, opened with the case's ports.

What `observe` returns is every visible file, the machine-written ones as what they say. It never
reaches into the engine: it calls what a user of the knowledge base calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine import kb
from engine.kb import Kb, Mode
from engine.storage import CountedClock, CountedIds, Local
from killpoint import Ports

ALMANAC = ("notes/almanac.md", b"Tides follow the [[Moon]].")
ATLAS = ("maps/atlas.txt", b"The [[Moon]] from afar\fand\fthe [[Sea]]")
FIRST = (ALMANAC, ATLAS)

# Without these a directory does not say that it is a knowledge base, and which.
AUTHORITY = ("kb.json", "fence")
ENTRY_FIELDS = ("origin", "content", "kind", "files", "pages")

State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An open knowledge base, where it is, and the storage below it."""

    root: Path
    base: Kb
    storage: Local


@dataclass(frozen=True, slots=True)
class KbSystem:
    """How to prepare, open, observe and close a knowledge base on a kind of storage."""

    storage: type[Local] = Local

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make a knowledge base with a short and a long document."""
        kb.init(root, CountedIds(incarnation=ports.incarnation, actor="init"))
        place = self.open(root, ports)
        for name, data in FIRST:
            place.base.add(name, data)
        self.close(place)

    def open(self, root: Path, ports: Ports) -> Place:
        """Open it for writing: the drain settles what a crash left."""
        return place_at(root, ports, self.storage)

    def observe(self, handle: Place) -> State:
        """Return what a reader sees."""
        return state_of(handle.base)

    def close(self, handle: Place) -> None:
        """Close the handle."""
        handle.base.close()


def place_at(
    root: Path, ports: Ports, storage: type[Local] = Local, mode: Mode = Mode.READ_WRITE
) -> Place:
    """Open a knowledge base with ports of the case."""
    ids = CountedIds(incarnation=ports.incarnation, actor=ports.actor)
    local = storage(root, ids=ids)
    clock = CountedClock(incarnation=ports.incarnation)
    return Place(root=root, base=kb.open(local, clock, ids, mode=mode), storage=local)


def documents(root: Path, ports: Ports) -> dict[str, Callable[[], object]]:
    """Open it to read, and return each document by itself, the audit, and what is quarantined."""
    base = place_at(root, ports, mode=Mode.READ_ONLY).base

    def document(name: str) -> list[str]:
        base.check_document(name)
        return base.pages(name)

    each: dict[str, Callable[[], object]] = {
        f"the document {name}": partial(document, name) for name in base.names()
    }
    return {**each, "the audit": base.audit, "the quarantine": base.quarantined}


def verify(place: Any) -> None:  # noqa: ANN401 -- a place, or a batch on one
    """Raise if a check finds a file that is not what was written.

    Nobody edits a page in these scenarios, so whatever differs was damaged.
    """
    found = place.base.check()
    if found:
        raise kb.UnsoundError(tuple(map(str, found)))


def state_of(base: Kb) -> State:
    """Return what a reader sees."""
    return state_from(base.files())


def state_from(files: Mapping[str, bytes]) -> State:
    """Return every visible file, whole; of the audit what was done, in order."""
    state: State = {"files": {}, "documents": {}, "hashes": {}, "index": {}, "audit": []}
    for path, data in sorted(files.items()):
        name = path.partition("/")[2]
        match path.partition("/")[0]:
            case "documents":
                entry = json.loads(data)
                state["documents"][entry["name"]] = [entry[field] for field in ENTRY_FIELDS]
            case "hashes":
                state["hashes"][name] = json.loads(data)["document"]
            case "index":
                state["index"][name] = sha256(data).hexdigest()
            case "audit":
                row = json.loads(data)
                state["audit"].append([row["operation"], row["document"]])
            case _:
                state["files"][path] = data.decode()
    return state
