"""The knowledge base as a `System`: prepared with two documents, opened with the case's ports.

What `observe` returns is every visible file, the machine-written ones as what they say. It never
reaches into the engine: it calls what a user of the knowledge base calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import kb
from engine.kb import Kb, Mode
from engine.storage import CountedClock, CountedIds, Local
from killpoint import Ports

ALMANAC = ("notes/almanac.md", b"Tides follow the [[Moon]], says @Ada.")
ATLAS = ("maps/atlas.txt", b"The [[Moon]] from afar\n!image globe round\n\fits [[Sea]]\fand @Ada")
FIRST = (ALMANAC, ATLAS)

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


def state_of(base: Kb) -> State:
    """Return every visible file, whole; of the audit what was done, in order."""
    machine = ("audit/", "documents/", "index/")
    entries = {entry.name: entry for entry in base.documents()}
    return {
        "files": {
            path: data.decode()
            for path, data in base.files().items()
            if not path.startswith((*machine, "hashes/"))
        },
        "documents": {
            name: [entry.origin, str(entry.kind), list(entry.files), list(entry.pages)]
            for name, entry in entries.items()
        },
        "pages": {name: base.pages(name) for name in entries},
        "machine": sorted(path for path in base.files() if path.startswith(machine[1:])),
        "audit": [[row["operation"], row["document"]] for row in base.audit()],
    }
