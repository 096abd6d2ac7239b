"""Branches merged into each other: what is taken over, what is adopted, what is refused.

A merge commits a table up to three times, and says so before it publishes; kills land between all
of it. The last operation merges again, so that it is seen whether the lineage knows of the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import Delete, Insert, MergeConflictError, MergeKind, Update
from killpoint import Operation
from scenarios.graph.branched import WORK, BranchedSystem, branch_scenario
from scenarios.graph.pair import is_refused
from scenarios.graph.rows import edge
from scenarios.graph.system import CITY, KNOWS, PERSON

if TYPE_CHECKING:
    from engine.graph import Graph

EVE = {"id": "eve", "name": "Eve", "age": 30}
HULL = {"id": "hull", "people": 9}


class AheadSystem(BranchedSystem):
    """A store whose branch has a row more, one changed and one less, over two tables."""

    def prepare_branches(self, main: Graph, work: Graph) -> None:
        """Write to the branch, and let main as it is."""
        del main
        work.mutate(
            [
                Insert(PERSON, [EVE]),
                Update(PERSON, ["ada"], {"age": 50}),
                Delete(KNOWS, ["ada-bob"]),
                Delete(PERSON, ["bob"]),
            ]
        )


class DivergedSystem(AheadSystem):
    """The same, and main has gone on, too: other rows of the same tables, and another table."""

    def prepare_branches(self, main: Graph, work: Graph) -> None:
        """Write to both."""
        super().prepare_branches(main, work)
        main.insert({KNOWS: [edge("ada", "ada")], CITY: [HULL]})


class ConflictSystem(AheadSystem):
    """The same, and main has changed a row that the branch has changed."""

    def prepare_branches(self, main: Graph, work: Graph) -> None:
        """Write to both."""
        super().prepare_branches(main, work)
        main.update(PERSON, ["ada"], {"age": 60})


class MergedAgainError(Exception):
    """A merge that was done is not known to be."""


def merge(handle: Graph) -> object:
    """Merge the branch into main."""
    return handle.merge_branch(WORK).receipt


def sync(handle: Graph) -> object:
    """Merge main into the branch, which adopts a table that it never wrote."""
    return handle.on(WORK).merge_branch("main").receipt


def merge_again(handle: Graph) -> object:
    """Merge what is merged already, then go on."""
    if handle.merge_branch(WORK).kind is not MergeKind.UP_TO_DATE:
        raise MergedAgainError
    return handle.insert({CITY: [{"id": "leeds", "people": 5}]})


def be_refused_and_settle(handle: Graph) -> object:
    """Run into the conflict, which writes nothing, and make the row the same on the branch."""
    is_refused(MergeConflictError, lambda: handle.merge_branch(WORK))
    return handle.on(WORK).update(PERSON, ["ada"], {"age": 60})


SCENARIOS = (
    branch_scenario(
        "merge.forward",
        AheadSystem(),
        Operation("merge the branch", merge),
        Operation("merge it again", merge_again),
    ),
    branch_scenario(
        "merge.threeway",
        DivergedSystem(),
        Operation("merge main into the branch", sync),
        Operation("merge the branch", merge),
    ),
    branch_scenario(
        "merge.conflict",
        ConflictSystem(),
        Operation("conflict, settle", be_refused_and_settle),
    ),
)
