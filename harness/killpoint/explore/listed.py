"""The cases of a list, in its order and once: what a record holds, to be judged again.

It never adds a case, and it never leaves one out: what a shard or the budget leaves undone is in
the tallies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from killpoint.case import Means
from killpoint.events import DepthTally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from killpoint.case import Case, CaseResult


class ListedStrategy:
    """All cases of a list, counted together whatever their depth."""

    def __init__(self, cases: Sequence[Case], *, shard: tuple[int, int] = (1, 1)) -> None:
        """Propose these, as far as the shard has them."""
        number, count = shard
        self._pending = [case for case in cases if case.shard(count) == number]
        self._total = len(self._pending)
        self._done = 0
        self._by_image = 0
        self._images: set[str] = set()

    @property
    def pairs_total(self) -> int:
        """How many cases this shard has."""
        return self._total

    def propose(self) -> list[Case]:
        """Return all cases, once."""
        cases, self._pending = self._pending, []
        return cases

    def learn(self, result: CaseResult) -> None:
        """Count a result."""
        self._done += 1
        self._by_image += result.means is Means.IMAGE
        self._images |= set(result.crash_images[-1:])

    def tallies(self) -> tuple[DepthTally, ...]:
        """Return what was done and what there is to do."""
        tally = DepthTally(
            depth=0,
            pairs_done=self._done,
            pairs_total=self._total,
            images_count=len(self._images),
            by_image_count=self._by_image,
        )
        return (tally,)
