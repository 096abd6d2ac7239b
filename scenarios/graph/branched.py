"""A graph store with branches, as a `System`: a state is the rows of every table of every branch.

Follow-ups and what must hold besides are here, too; `branches` and `merges` are the workloads. It
never reaches into the engine: it calls what a user of the store calls.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from engine.graph import LoadMode
from killpoint import FollowUp, Invariant, Operation, Reopened, Scenario, invariant
from scenarios.graph import directory
from scenarios.graph.follow_ups import TOWN, on_a_kept_handle
from scenarios.graph.invariants import BACK, INVARIANTS, old_versions_read_the_same
from scenarios.graph.rows import LAST, with_rows
from scenarios.graph.system import GraphSystem
from scenarios.graph.writes import scenario

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports

WORK = "work"
SIDE = "side"
Branches = dict[str, dict[str, Any]]


class BranchedSystem(GraphSystem):
    """A store with a branch beside main, which has written nothing yet."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store and the branch."""
        super().prepare(root, ports)
        handle = self.open(root, replace(ports, actor=f"{ports.actor}b"))
        handle.create_branch(WORK)
        self.prepare_branches(handle, handle.on(WORK))
        handle.close()

    def prepare_branches(self, main: Graph, work: Graph) -> None:
        """Leave them as they are; a workload that needs more overrides this."""

    def observe(self, handle: Graph) -> Branches:
        """Return every row of every table as a reader of each branch sees it."""
        return {name: handle.on(name).rows() for name in handle.branches()}


@invariant("other branches and tables are untouched")
def others_are_untouched(store: Reopened) -> Iterable[str]:
    """A graph version changes the branch of its operation, there only what the operation is about.

    Verifies: over all graph versions, every branch but that of the lineage row is as it was; on
    that one every table is as it was that is neither the operation's own nor, in a merge, another
    branch's.
    Does not verify: rows, which are "all or nothing".
    """
    for before, after in pairwise(directory.manifests(store.root)):
        row = after["lineage"]
        was, now = _by_id(before), _by_id(after)
        for branch in sorted(was.keys() | now.keys()):
            if branch != row["branch"] and was.get(branch) != now.get(branch):
                yield f"graph version {after['version']} of {row['branch']} changes {branch}"
        if row["branch"] in was and row["branch"] in now:
            pins = now[row["branch"]]["tables"]
            elsewhere = [one["tables"] for branch, one in was.items() if branch != row["branch"]]
            for key, pin in pins.items():
                known = pin == was[row["branch"]]["tables"].get(key)
                adopted = row["kind"] == "merge" and any(one.get(key) == pin for one in elsewhere)
                if not (known or adopted or pin["operation_id"] == row["operation_id"]):
                    yield f"graph version {after['version']} moves {key}, which is another's"


def _by_id(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the branches of a graph version by id."""
    return {one["id"]: one for one in manifest["branches"].values()}


@invariant("old versions of branches read the same")
def old_versions_of_branches_read_the_same(store: Reopened) -> Iterable[str]:
    """Every graph version that was acknowledged reads as it did then, on each branch still there.

    Verifies: reading by version for each acknowledged operation, content and all. Every operation
    of a workload makes one graph version. Does not verify: branches that were deleted since.
    """
    every = directory.manifests(store.root)
    alive = {one["id"] for one in every[-1]["branches"].values()}
    committed = [body for body in every if body["lineage"].get("decision") != BACK]
    first = len(committed) - 1 - (store.applied_count or 0)
    for count in range(store.acknowledged_count + 1):
        body = committed[first + count]
        for name, branch in body["branches"].items():
            if branch["id"] in alive:
                rows = store.handle.on(name).rows(body["version"])
                if rows != store.references[count][name]:
                    yield f"{name} at graph version {body['version']} has changed since"


INVARIANTS_OF_BRANCHES: tuple[Invariant, ...] = (
    *(each for each in INVARIANTS if each is not old_versions_read_the_same),
    others_are_untouched,
    old_versions_of_branches_read_the_same,
)


def write_everywhere(handle: Graph) -> None:
    """Put the same rows in on every branch; again does no harm."""
    for name in handle.branches():
        handle.on(name).load(LAST, LoadMode.MERGE)


def make_anew(handle: Graph) -> None:
    """Take the branch away if it is there, make it again, and write to it."""
    if WORK in handle.branches():
        handle.delete_branch(WORK)
    handle.create_branch(WORK)
    handle.on(WORK).insert(LAST)


def merge_a_town(handle: Graph) -> None:
    """Put a town in on a branch of its own, and merge that."""
    if SIDE not in handle.branches():
        handle.create_branch(SIDE)
    handle.on(SIDE).load(TOWN, LoadMode.MERGE)
    handle.merge_branch(SIDE)


FOLLOW_UPS = (
    FollowUp(
        "merge a new branch",
        merge_a_town,
        lambda state: {
            **state,
            SIDE: with_rows(state["main"], TOWN),
            "main": with_rows(state["main"], TOWN),
        },
    ),
    FollowUp(
        "write on every branch",
        write_everywhere,
        lambda state: {name: with_rows(rows, LAST) for name, rows in state.items()},
    ),
    FollowUp(
        "make the branch anew",
        make_anew,
        lambda state: {**state, WORK: with_rows(state["main"], LAST)},
    ),
)


def branch_scenario(name: str, system: GraphSystem, *operations: Operation) -> Scenario:
    """Return a scenario over a store with branches with everything that must hold of it."""
    return replace(
        scenario(name, *operations),
        system=system,
        invariants=INVARIANTS_OF_BRANCHES,
        follow_ups=FOLLOW_UPS,
        kept=tuple(on_a_kept_handle(each) for each in FOLLOW_UPS),
    )
