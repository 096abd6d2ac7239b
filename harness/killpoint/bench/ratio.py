"""The values of a measurement: two costs taken by turns, their ratio, and the target for it.

It never measures and never prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


class Bound(StrEnum):
    """Which side of its target a ratio should be on. The values are how a table prints them."""

    AT_MOST = "<="
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A line of the table: what is compared, and the ratio that is wanted."""

    row: int
    what: str
    bound: Bound
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds for one unit of work: in its two processes, if it has them, and besides."""

    victim_s: float = 0.0
    verifier_s: float = 0.0
    besides_s: float = 0.0

    @property
    def total_s(self) -> float:
        """Return the whole."""
        return self.victim_s + self.verifier_s + self.besides_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Both sides, measured one right after the other."""

    above: Cost
    below: Cost

    @property
    def ratio(self) -> float:
        """Return how many times the upper side costs the lower."""
        return self.above.total_s / self.below.total_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A target and the rounds that were run for it; `note` says the costs in plain figures."""

    target: Target
    rounds: tuple[Round, ...]
    note: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Return the ratio of every round, ascending."""
        return tuple(sorted(each.ratio for each in self.rounds))

    @property
    def median(self) -> float:
        """Return the median ratio, the one that is held against the target."""
        return middle(self.ratios)

    @property
    def met(self) -> bool:
        """Tell whether the median is on the right side."""
        match self.target.bound:
            case Bound.AT_MOST:
                return self.median <= self.target.ratio
            case Bound.AT_LEAST:
                return self.median >= self.target.ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A target that could not be measured here, and why."""

    target: Target
    why: str


Result = Measured | Unmeasured


def median_s(rounds: tuple[Round, ...]) -> tuple[float, float]:
    """Return the median cost of either side."""
    above, below = zip(*((each.above.total_s, each.below.total_s) for each in rounds), strict=True)
    return middle(above), middle(below)


def mean(costs: Collection[Cost]) -> Cost:
    """Return the mean of these costs, part by part."""
    return _by_part(costs, lambda values: sum(values) / len(values))


def middle_cost(costs: Collection[Cost]) -> Cost:
    """Return the median of each part."""
    return _by_part(costs, middle)


def _by_part(costs: Collection[Cost], one_of: Callable[[list[float]], float]) -> Cost:
    return Cost(
        victim_s=one_of([each.victim_s for each in costs]),
        verifier_s=one_of([each.verifier_s for each in costs]),
        besides_s=one_of([each.besides_s for each in costs]),
    )


def middle(values: Iterable[float]) -> float:
    """Return the median; by hand, since a warm process should import no more than a worker."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
