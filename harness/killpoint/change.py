"""What a process has changed from one hit of its workload to the next, as far as order goes.

A kill can only find what is different since the kill before. Where a name came to stand for
something else (a rename, a link, a removal, a file that is written over), or somebody was told of
an operation, a protocol takes its steps; where bytes only gather in a file that is new, it
prepares them; and between two hits that leave the same directory nothing has happened. Kills are
ordered by that. It is measured by photographs of one run and knows no engine. It never says which
kills are made: all are.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from killpoint.image import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from killpoint.image import Entry, Image


class Change(IntEnum):
    """How much has changed since the hit before; what is smaller comes first."""

    TURN = 0
    GROWTH = 1
    NONE = 2


def changes_of(start: Image, moments: Iterable[tuple[Image, int]]) -> Iterator[Change]:
    """Yield the change at each hit, given the store there and how much was acknowledged."""
    old = {entry.path for entry in start.entries}
    before, told = start, 0
    for image, acknowledged_count in moments:
        if acknowledged_count != told:
            yield Change.TURN
        else:
            yield _between(before, image, old)
        before, told = image, acknowledged_count


def _between(before: Image, after: Image, old: set[str]) -> Change:
    if before.id == after.id:
        return Change.NONE
    earlier = {entry.path: entry for entry in before.entries}
    later = {entry.path: entry for entry in after.entries}
    if earlier.keys() - later.keys():
        return Change.TURN
    differing = [entry for path, entry in later.items() if earlier.get(path) != entry]
    return Change.TURN if any(_turns(each, old) for each in differing) else Change.GROWTH


def _turns(entry: Entry, old: set[str]) -> bool:
    """Tell whether this name now stands for something that readers may take for whole."""
    return entry.kind is not EntryKind.FILE or entry.path in old
