"""What must hold of a crashed directory before anything recovers it.

A reader may come at any moment: opening read-only works on every crashed directory, shows whole
operations and writes nothing. It never opens for writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import graph
from engine.storage import CountedClock, CountedIds
from killpoint import image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READER = 999


def read_only_opening_works(root: Path) -> Iterable[str]:
    """Open read-only, read everything, close; yield what went wrong."""
    before = image.capture(root)
    clock = CountedClock(incarnation=READER)
    ids = CountedIds(incarnation=READER, actor="reader")
    handle = graph.open(root, clock, ids, mode=graph.Mode.READ_ONLY)
    handle.rows()
    handle.close()
    changed = image.difference(before, image.capture(root))
    if changed:
        yield f"a read-only opening changed the store: {changed.describe()}"
