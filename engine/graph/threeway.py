"""Three states of one table, row by row: what the one that is merged into has to take over.

A row that only one side has changed since they parted is taken from that side; one that both have
changed to the same is left; one that they have changed differently is a conflict. Rows are told
apart by their keys alone. It never reads the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.graph.schema import Row
    from engine.graph.statement import Key

    Rows = Mapping[Key, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """What a table takes over: rows to put, keys to drop; and the keys that are in conflict."""

    put: tuple[Row, ...]
    drop: tuple[Key, ...]
    conflicts: tuple[Key, ...]


def takeover(common: Rows, target: Rows, source: Rows) -> Takeover:
    """Return what leads from the target to the merge of both."""
    put: list[Row] = []
    drop: list[Key] = []
    conflicts: list[Key] = []
    # No key of an int table meets one of a str table here, so they sort.
    for key in sorted({**common, **target, **source}, key=str):
        before, mine, theirs = common.get(key), target.get(key), source.get(key)
        if _is_same(theirs, before) or _is_same(theirs, mine):
            continue
        if not _is_same(mine, before):
            conflicts.append(key)
        elif theirs is None:
            drop.append(key)
        else:
            put.append(theirs)
    return Takeover(put=tuple(put), drop=tuple(drop), conflicts=tuple(conflicts))


def _is_same(one: Row | None, other: Row | None) -> bool:
    """Whether two rows hold the same: not a number is itself, and nothing is not minus nothing."""
    if one is None or other is None:
        return one is other
    return {name: repr(one[name]) for name in one} == {name: repr(other[name]) for name in other}
