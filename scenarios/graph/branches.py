"""Branches made, written, deleted, and deleted under an operation that has failed on them.

Two tables are written at most, so that a fork is begun beside a table that stays inherited. It
never relies on the order of scenarios.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import points
from killpoint import FollowUp, Operation, Scenario
from scenarios.graph.branched import INVARIANTS_OF_BRANCHES, WORK, BranchedSystem, branch_scenario
from scenarios.graph.invariants import exactly_one_audit_row
from scenarios.graph.live import FailedError, Live
from scenarios.graph.pair import is_refused
from scenarios.graph.rows import people, with_rows
from scenarios.graph.system import CITY, PERSON

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports


class WrittenSystem(BranchedSystem):
    """A store with a branch that has forks of two tables."""

    def prepare_branches(self, main: Graph, work: Graph) -> None:  # noqa: ARG002
        """Write to the branch."""
        work.insert(people("eve"))


class LiveBranchedSystem(BranchedSystem):
    """A store with a branch, on a storage that can fail."""

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- stands for a handle
        """Open it for writing."""
        return Live(root, ports)


def fail_and_delete(live: Live) -> None:
    """Fail on the branch between two tables, then delete the branch: nobody can turn it back."""
    with live.storage.failing(points.TABLE_COMMIT, 2):
        is_refused(FailedError, lambda: live.handle.on(WORK).insert(people("eve")))
    live.handle.delete_branch(WORK)


def fail_and_refresh(live: Live) -> None:
    """Fail on the branch between the tables and the publish; refreshing there publishes it."""
    work = live.handle.on(WORK)
    with live.storage.failing(points.MANIFEST_PUBLISH):
        is_refused(FailedError, lambda: work.insert(people("eve")))
    work.refresh()


def merge_at_once(handle: Graph) -> None:
    """Merge the branch into main, without a refresh before it."""
    handle.merge_branch(WORK)


MERGE_AT_ONCE = FollowUp(
    "merge the branch at once",
    merge_at_once,
    lambda state: {**state, "main": with_rows(state["main"], state[WORK])},
)
OF_THE_LIVING = tuple(each for each in INVARIANTS_OF_BRANCHES if each is not exactly_one_audit_row)


def _with(kind: FollowUp, sound: Scenario) -> Scenario:
    """Return the scenario with one kind more for its kept handles."""
    return replace(sound, kept=(*sound.kept, kind))


SCENARIOS = (
    _with(
        MERGE_AT_ONCE,
        branch_scenario(
            "branch.write",
            BranchedSystem(),
            Operation("first write", lambda handle: handle.on(WORK).insert(people("eve"))),
            Operation(
                "second write", lambda handle: handle.on(WORK).update(PERSON, ["eve"], {"age": 5})
            ),
            Operation("write main", lambda handle: handle.insert(people("fay"))),
        ),
    ),
    branch_scenario(
        "branch.delete",
        WrittenSystem(),
        Operation("delete the branch", lambda handle: handle.delete_branch(WORK)),
        Operation("make it anew", lambda handle: handle.create_branch(WORK)),
        Operation(
            "write it", lambda handle: handle.on(WORK).insert({CITY: [{"id": "hull", "people": 9}]})
        ),
    ),
    replace(
        branch_scenario(
            "branch.orphan",
            LiveBranchedSystem(),
            Operation("fail on the branch, delete it", fail_and_delete),
            Operation("insert fay", lambda handle: handle.insert(people("fay"))),
        ),
        invariants=OF_THE_LIVING,
    ),
    replace(
        branch_scenario(
            "branch.heal",
            LiveBranchedSystem(),
            Operation("fail on the branch, heal by refresh", fail_and_refresh),
            Operation("insert fay", lambda handle: handle.insert(people("fay"))),
        ),
        invariants=OF_THE_LIVING,
    ),
)
