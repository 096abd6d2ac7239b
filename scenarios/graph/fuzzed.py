"""What the fuzz strategy draws from, over the graph store: every kind of operation, with its model.

Few keys, so that operations meet. One that cannot be done in a state is refused, which its model
knows: the state stays as it is. No row is ever changed on two branches, so that no merge runs into
a conflict, which the model could not tell. It never draws anything itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import (
    AddTable,
    BadStepError,
    BranchExistsError,
    DropTable,
    DuplicateKeyError,
    LoadMode,
    UnknownBranchError,
    UnknownTableError,
)
from killpoint import FollowUp, Scenario, invariant
from scenarios.graph import directory
from scenarios.graph.branched import INVARIANTS_OF_BRANCHES, WORK, BranchedSystem, Branches
from scenarios.graph.branched import old_versions_of_branches_read_the_same as old_branches
from scenarios.graph.follow_ups import grown, insert, load, mutate, mutated, on_a_kept_handle
from scenarios.graph.invariants import exactly_one_audit_row, old_versions_read_the_same
from scenarios.graph.optimize import an_index_answers_as_a_scan_does
from scenarios.graph.rows import (
    Rows,
    overwritten,
    people,
    updated,
    with_ada,
    with_rows,
    without_people,
)
from scenarios.graph.schema import INVARIANTS_OF_SCHEMAS, TAG, TAG_TABLE
from scenarios.graph.system import PERSON, GraphSystem
from scenarios.graph.writes import MERGED, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.graph import Graph
    from killpoint import Invariant, Reopened

REFUSALS = (
    BadStepError,
    BranchExistsError,
    DuplicateKeyError,
    UnknownBranchError,
    UnknownTableError,
)
TAGS: Rows = {TAG: [{"id": "red"}]}
AGED = {"age": 50}


def letter(
    name: str, apply: Callable[[Graph], object], expect: Callable[[Any], Any], when: str = ""
) -> FollowUp:
    """Return an operation that is possible when its model says so, and refused otherwise.

    `when` is a key that must be in the state.
    """

    def apply_or_be_refused(handle: Graph) -> object:
        try:
            return apply(handle)
        except REFUSALS as refusal:
            return type(refusal).__name__

    def expect_if_possible(state: Any) -> Any:  # noqa: ANN401 -- any state
        return expect(state) if not when or when in state else state

    return FollowUp(name, apply_or_be_refused, expect_if_possible)


def has(state: Rows, name: str) -> bool:
    """Whether a person is there."""
    return any(row["id"] == name for row in state[PERSON])


def with_new(state: Rows, name: str) -> Rows:
    """Return the state after a person was inserted, which is refused if it is there."""
    return state if has(state, name) else with_rows(state, people(name))


def inserting(name: str) -> FollowUp:
    """Return the operation that inserts a person."""
    return letter(f"insert {name}", insert(people(name)), lambda state: with_new(state, name))


WRITES = (
    inserting("cleo"),
    letter(
        "update grown people",
        lambda handle: handle.update(PERSON, grown, AGED),
        lambda state: updated(state, PERSON, grown, AGED),
    ),
    letter(
        "delete bob",
        lambda handle: handle.delete(PERSON, lambda row: row["id"] == "bob", cascade=True),
        lambda state: without_people(state, lambda row: row["id"] == "bob"),
    ),
    letter("merge bob and eve", load(MERGED, LoadMode.MERGE), lambda s: with_rows(s, MERGED)),
    letter(
        "overwrite by gus",
        load(with_ada(people("gus")), LoadMode.OVERWRITE),
        lambda state: overwritten(state, with_ada(people("gus"))),
    ),
    letter(
        "mutate by four statements",
        mutate("ivy"),
        lambda state: state if has(state, "ivy") else mutated(state, "ivy"),
    ),
    letter(
        "add the table of tags",
        lambda handle: handle.apply_schema([AddTable(TAG_TABLE)]),
        lambda state: {TAG: [], **state},
    ),
    letter("insert a tag", insert(TAGS), lambda state: with_rows(state, TAGS), when=TAG),
    letter(
        "drop the table of tags",
        lambda handle: handle.apply_schema([DropTable(TAG)]),
        lambda state: {key: rows for key, rows in state.items() if key != TAG},
    ),
    letter("ensure indices", lambda handle: handle.ensure_indices(), dict),
    letter("optimize", lambda handle: handle.optimize(), dict),
)


class UnbranchedSystem(BranchedSystem):
    """A store whose branches are a part of its state, and which has none but main."""

    def prepare(self, root: Any, ports: Any) -> None:  # noqa: ANN401 -- as the system's
        """Make the store only."""
        GraphSystem.prepare(self, root, ports)


def on_work(
    name: str, apply: Callable[[Graph], object], expect: Callable[[Rows], Rows]
) -> FollowUp:
    """Return an operation on the branch, refused when there is none."""
    return letter(
        name,
        lambda handle: apply(handle.on(WORK)),
        lambda state: {**state, WORK: expect(state[WORK])},
        when=WORK,
    )


def taken_over(state: Branches, source: str, target: str) -> Branches:
    """Return the state after a merge: what one side has written is on the other, too."""
    own = {"main": ("cleo",), WORK: ("eve",)}[source]
    new = {
        table: [row for row in rows if row["id"].partition("-")[0] in own]
        for table, rows in state[source].items()
    }
    return {**state, target: with_rows(state[target], new)}


def changed(rows: Rows) -> Rows:
    """Return the rows after the one who is only ever written on the branch has aged."""
    return updated(rows, PERSON, lambda row: row["id"] == "eve", {"age": 5})


BRANCHES = (
    letter(
        "create the branch",
        lambda handle: handle.create_branch(WORK),
        lambda state: {WORK: state["main"], **state},
    ),
    on_work("insert eve on it", insert(people("eve")), lambda rows: with_new(rows, "eve")),
    on_work(
        "update eve on it",
        lambda work: work.update(PERSON, lambda row: row["id"] == "eve", {"age": 5}),
        changed,
    ),
    letter(
        "insert cleo on main",
        insert(people("cleo")),
        lambda state: {**state, "main": with_new(state["main"], "cleo")},
    ),
    letter(
        "merge the branch",
        lambda handle: handle.merge_branch(WORK),
        lambda state: taken_over(state, WORK, "main"),
        when=WORK,
    ),
    letter(
        "merge main into it",
        lambda handle: handle.on(WORK).merge_branch("main"),
        lambda state: taken_over(state, "main", WORK),
        when=WORK,
    ),
    letter(
        "delete the branch",
        lambda handle: handle.delete_branch(WORK),
        lambda state: {name: rows for name, rows in state.items() if name != WORK},
    ),
)


@invariant("every death is audited once")
def every_death_is_audited_once(store: Reopened) -> Iterable[str]:
    """Each operation that died armed, in any life, has one audit row, of the right kind.

    Verifies: count and kind. Does not verify: the decision, which "the audit agrees with the
    lineage" compares; operations that a handle has settled while it lived.
    """
    rows = directory.audit_rows(store.root)
    for operation, kind in sorted(store.witness.items()):
        mine = [row["kind"] for row in rows if row["operation_id"] == operation]
        if mine != [kind]:
            yield f"operation {operation}, a {kind}, is audited as {mine}"


# A life may leave a graph version out, or make none, so that versions have no numbers to go by.
BY_NUMBER = (exactly_one_audit_row, old_versions_read_the_same, old_branches)


def over_lives(*invariants: Invariant) -> tuple[Invariant, ...]:
    """Return those that hold whatever other lives have done before."""
    kept = tuple(each for each in invariants if each not in BY_NUMBER)
    return (*kept, every_death_is_audited_once)


def fuzzed(name: str, *alphabet: FollowUp) -> Scenario:
    """Return the scenario of an alphabet; without drawing, it is opened and closed only."""
    return replace(
        scenario(f"fuzzed.{name}"),
        alphabet=alphabet,
        kept=tuple(on_a_kept_handle(each) for each in alphabet),
        follow_ups=(),
    )


DRAWN_FROM = (
    replace(
        fuzzed("writes", *WRITES),
        invariants=over_lives(*INVARIANTS_OF_SCHEMAS, an_index_answers_as_a_scan_does),
    ),
    replace(
        fuzzed("branches", *BRANCHES),
        system=UnbranchedSystem(),
        invariants=over_lives(*INVARIANTS_OF_BRANCHES),
    ),
)
