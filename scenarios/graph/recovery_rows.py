"""Who holds what upstream's tests of recovery state: the specification, part 7.2.

`table.py` writes this into `README.md`; a test checks that every holder exists. Upstream's tests
make a sidecar and drift by hand; here most are left by a process that dies. They are named by
what they are about. It holds nothing by itself.
"""

from __future__ import annotations

from scenarios.graph.contracts import EVERY_INVARIANT
from scenarios.graph.holders import (
    ANY_PHASE,
    APPLY,
    APPLY_FAULTS,
    AT,
    CRASH,
    DEFERRED,
    DISCARDED,
    FORKS,
    HEAL,
    INDEX,
    ON_A_BRANCH,
    RECOVERY,
    SETTLED_LIVE,
)
from scenarios.table import held

TESTS_COUNT = 19 + 2
REFUSED = f"{RECOVERY}a_sidecar_that_cannot_be_judged_is_refused_by_name"
STOPS = f"{HEAL}a_sidecar_that_cannot_be_read_stops_every_write"
IN_TURN = f"{RECOVERY}two_operations_on_one_table_are_published_in_turn"
CLASSIFY = f"{AT}classify.py::test_"
WRONG = (
    "scenarios/tests/test_planted.py::"
    "test_every_planted_bug_is_on_the_track_record_by_its_invariant"
)

ROWS = (
    held(
        "clean open",
        "opening a store at rest changes no byte",
        ANY_PHASE,
        EVERY_INVARIANT,
    ),
    held(
        "unknown version",
        "a sidecar of a newer form is refused by name, and kept",
        REFUSED,
    ),
    held(
        "corrupt sidecar",
        "one that cannot be read stops writing and opening, not reading; it is kept",
        REFUSED,
        STOPS,
    ),
    held(
        "sidecar of another branch",
        "advice about drift never comes from another branch's sidecar",
        f"{FORKS}advice_about_main_never_comes_from_a_branchs_sidecar",
    ),
    held(
        "sidecar of a deleted branch",
        "it stands in the way of no write and no opening; it is discarded with an audit row",
        DISCARDED,
        "graph.branch.orphan",
    ),
    held(
        "read-only open, sweep",
        "reading recovers nothing and writes nothing",
        REFUSED,
        EVERY_INVARIANT,
        note="every case opens its crash for reading, too",
    ),
    held(
        "read-only open, schema",
        "reading beside a dead apply shows the schema from before",
        f"{APPLY_FAULTS}two_openings_that_race_over_a_dead_apply_converge",
        "graph.apply.several",
    ),
    held(
        "drift is rolled back",
        "HEAD moves once more, the sidecar goes, a second opening does nothing",
        ANY_PHASE,
        f"{CRASH}a_death_in_recovery_changes_no_decision",
    ),
    held(
        "rollback converges",
        "after a rollback a schema can be applied: pin and HEAD are the same",
        f"{APPLY}an_apply_is_refused_over_half_of_a_dead_operation",
        EVERY_INVARIANT,
        note="planted: `rollback_unpublished`",
    ),
    held(
        "roll forward",
        "an operation whose tables are all there is published as it is",
        ANY_PHASE,
        EVERY_INVARIANT,
    ),
    held(
        "stale after success",
        "one that had published is audited as rolled forward, from version to version",
        ANY_PHASE,
        SETTLED_LIVE,
    ),
    held(
        "audit of a rollback",
        "an audit row, and a commit by recovery",
        ANY_PHASE,
        f"{CRASH}a_death_in_recovery_changes_no_decision",
    ),
    held("no actor", "a sidecar without an actor is settled like any", IN_TURN),
    held(
        "two sidecars",
        "each is judged by what stands when its turn comes",
        f"{HEAL}several_dead_operations_are_settled_in_turn",
        f"{APPLY_FAULTS}of_two_dead_applies_on_one_schema_the_first_goes_forward",
    ),
    held(
        "two sidecars on one table",
        "the second rests on the first; HEAD gains no restore",
        IN_TURN,
    ),
    held(
        "ensure_indices, steady state",
        "it leaves no sidecar and writes nothing",
        f"{INDEX}a_store_that_lacks_none_is_not_written_to",
    ),
    held(
        "ensure_indices, empty tables",
        "a table without rows is not touched",
        f"{INDEX}only_tables_that_lack_one_are_touched",
    ),
    held(
        "roll forward on a branch",
        "there, and main stays",
        ON_A_BRANCH,
        "graph.branch.write",
    ),
    held(
        "roll back on a branch",
        "there, with the rows that the branch had seen; main stays",
        ON_A_BRANCH,
        "graph.branch.write",
        note="planted: `judged_by_main`",
    ),
    held(
        "the shared oracle",
        "no sidecar, one audit row of the right kind, pins are HEADs, outcomes as they were, the "
        "right parent, main unmoved, reopening does nothing, a follow-up works",
        EVERY_INVARIANT,
        WRONG,
        DEFERRED,
        note="each invariant is seen red on a wrong engine",
    ),
    held(
        "in-source unit tests",
        "each arm of the classification, the truth table, one commit a restore; the order of the "
        "list, no recovery directory, other files in it",
        f"{RECOVERY}the_recovery_directory_may_hold_other_files_and_may_be_missing",
        f"{CLASSIFY}a_table_is_classified_by_whose_version_stands_there",
        f"{CLASSIFY}several_versions_are_whole_when_the_last_one_is_there",
        f"{CLASSIFY}all_tables_of_a_sidecar_share_one_fate",
        f"{CLASSIFY}what_cannot_be_is_refused_whatever_stands_beside_it",
        f"{CLASSIFY}an_apply_goes_forward_only_if_nobody_has_published_since",
        IN_TURN,
        note="a confirmation cannot lack a version: it is made from what was committed",
    ),
)
