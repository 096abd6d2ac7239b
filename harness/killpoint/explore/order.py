"""The order in which the hits of one process are struck: what tells most comes first.

Breadth first over occurrences: the first of every point, the second, the last, those between.
Where it is known what changed at each hit, a hit that leaves what the one before left waits
longer than one that turns the store from one state to the next. It never leaves a hit out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from killpoint.change import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def breadth_first(
    hits: Iterable[str], changes: Sequence[Change] = ()
) -> list[tuple[str, int, int]]:
    """Order hits by their occurrence and by what changed there; `changes` is one a hit, or none.

    Returns (point, occurrence from 1, ordinal among all hits from 1). Ties keep the order in
    which the points were hit.
    """
    counts: Counter[str] = Counter()
    numbered = []
    for ordinal, point in enumerate(hits, start=1):
        counts[point] += 1
        numbered.append((point, counts[point], ordinal))

    def rank(place: tuple[str, int, int]) -> tuple[int, int, int]:
        point, occurrence, ordinal = place
        breadth = _breadth(occurrence, counts[point])
        change = changes[ordinal - 1] if changes else Change.TURN
        return (breadth + change, change, ordinal)

    return sorted(numbered, key=rank)


def _breadth(occurrence: int, count: int) -> int:
    """Return 0 for the first, 1 for the second, 2 for the last, 3 for those between."""
    if occurrence <= 2:  # noqa: PLR2004 -- the second time is a rank of its own
        return occurrence - 1
    return 2 if occurrence == count else 3
