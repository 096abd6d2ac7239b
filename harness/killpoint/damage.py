"""What befalls a file between two runs, on an image: cut, flipped, emptied, moved, stale, foreign.

A store at rest is damaged in one place, and what it makes of that is judged by
`killpoint.process.damaged`. It never touches a directory, and it proposes no damage that would
change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from killpoint.fault import Fault
from killpoint.image import EntryKind, image_of

if TYPE_CHECKING:
    from killpoint.image import Entry, Image

FOREIGN_NAME = "stranger"
FOREIGN_CONTENT = b"nobody of this store wrote this\n"
LEAST_BYTES = 2


def damages_of(content: Image) -> tuple[tuple[str, tuple[Fault, ...]], ...]:
    """Return each file of the image with the damages that would change something, by path."""
    shared = {entry.content for entry in content.entries if entry.kind is EntryKind.HARD_LINK}
    met: set[str] = set()
    found = []
    for entry in content.entries:
        if entry.kind is not EntryKind.FILE or entry.path.encode() in shared:
            # What shares an inode with another name would be damaged twice.
            continue
        faults = [fault for fault in (Fault.CUT, Fault.FLIP, Fault.EMPTY) if _fits(fault, entry)]
        faults.append(Fault.MOVED)
        if _neighbour(content, entry) is not None:
            faults.append(Fault.STALE)
        parent = entry.path.rpartition("/")[0]
        if parent not in met:
            met.add(parent)
            faults.append(Fault.FOREIGN)
        found.append((entry.path, tuple(faults)))
    return tuple(found)


def damaged(content: Image, path: str, fault: Fault) -> Image:
    """Return the image with this damage done to this file; raises `KeyError` if it has none."""
    entries = {entry.path: entry for entry in content.entries}
    entry = entries[path]
    data = entry.content
    match fault:
        case Fault.CUT:
            entries[path] = replace(entry, content=data[: len(data) // 2])
        case Fault.FLIP:
            middle = len(data) // 2
            flipped = bytes([data[middle] ^ 1])
            entries[path] = replace(entry, content=data[:middle] + flipped + data[middle + 1 :])
        case Fault.EMPTY:
            entries[path] = replace(entry, content=b"")
        case Fault.MOVED:
            del entries[path]
            other = moved_to(content, path)
            entries[other] = replace(entry, path=other)
        case Fault.STALE:
            neighbour = _neighbour(content, entry)
            entries[path] = replace(entry, content=neighbour.content if neighbour else b"")
        case _:
            beside = foreign_beside(path)
            entries[beside] = replace(entry, path=beside, content=FOREIGN_CONTENT)
    return image_of(entries.values())


def moved_to(content: Image, path: str) -> str:
    """Return the name that a file gets which has moved: its own, with another end that is free."""
    place = PurePosixPath(path)
    stem = place.name.removesuffix(place.suffix) if place.suffix else place.name
    taken = {entry.path for entry in content.entries}
    last = stem[-1]
    digits = [str((int(last) + step) % 10) for step in range(1, 10)] if last.isdigit() else []
    ends = [*(stem[:-1] + digit for digit in digits), *(f"{stem}{'x' * n}" for n in range(1, 9))]
    free = (str(place.with_name(end + place.suffix)) for end in ends)
    return next(other for other in free if other not in taken)


def foreign_beside(path: str) -> str:
    """Return the name of the foreign file in the directory of another."""
    place = PurePosixPath(path)
    return str(place.with_name(FOREIGN_NAME + place.suffix))


def _fits(fault: Fault, entry: Entry) -> bool:
    """Tell whether the damage would change this file."""
    least = LEAST_BYTES if fault is Fault.CUT else 1
    return len(entry.content) >= least


def _neighbour(content: Image, entry: Entry) -> Entry | None:
    """Return the file before this one in its directory, of the same kind and another content."""
    place = PurePosixPath(entry.path)
    before = [
        other
        for other in content.entries
        if other.kind is EntryKind.FILE
        and other.path < entry.path
        and PurePosixPath(other.path).parent == place.parent
        and PurePosixPath(other.path).suffix == place.suffix
        and other.content != entry.content
    ]
    return before[-1] if before else None
