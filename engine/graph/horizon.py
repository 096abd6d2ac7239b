"""From which graph version on a store can be read: what cleanup leaves behind for readers.

Manifests stay for ever, because they are the lineage; what an older one names may be gone. The
horizon is moved before anything is removed, and only upwards, so a file that is missing below it
is no damage. It never removes anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import maintenance_points as points
from engine.graph.manifest import FIRST_VERSION
from engine.graph.record import decode, encode, parsing
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from engine.storage import Storage

HORIZON_PATH = "horizon.json"


def kept_from(storage: Storage) -> int:
    """Return the oldest graph version that can be read."""
    try:
        data = storage.get(points.HORIZON_READ, HORIZON_PATH)
    except NotFoundError:
        return FIRST_VERSION
    fields = decode(HORIZON_PATH, data)
    with parsing(HORIZON_PATH):
        return int(fields["kept_from"])


def move_horizon(storage: Storage, version: int) -> None:
    """Say that nothing before this graph version can be relied on any more."""
    storage.put(points.HORIZON_PUT, HORIZON_PATH, encode({"kept_from": version}))
