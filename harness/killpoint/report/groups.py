"""Put together the failures of one bug: equal but for where they struck.

One bug shows at many points. Failures of a scenario that break the same invariants, with evidence
that is the same once numbers, names and paths are out of it, are one group: it has the first one's
token, and knows the others. It never leaves a problem out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from killpoint.records import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemGroup:
    """Problems that are the same wherever they struck, in the order in which they appeared."""

    problems: tuple[Problem, ...]

    @property
    def first(self) -> Problem:
        """Return the first that was kept, or the first of all."""
        return next((each for each in self.problems if each.kept), self.problems[0])

    @property
    def others(self) -> tuple[Problem, ...]:
        """Return all but the first."""
        return tuple(each for each in self.problems if each is not self.first)

    @property
    def cases_count(self) -> int:
        """Return how many cases came to this."""
        return sum(each.cases_count for each in self.problems)


def groups_of(problems: Iterable[Problem]) -> tuple[ProblemGroup, ...]:
    """Return the groups, in the order of their first problems."""
    found: dict[tuple[str, str, str], list[Problem]] = {}
    for each in problems:
        found.setdefault((each.scenario, each.verdict, each.kind), []).append(each)
    return tuple(ProblemGroup(problems=tuple(each)) for each in found.values())
