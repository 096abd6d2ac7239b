"""Who holds what upstream's tests with failpoints state: the specification, part 7.1.

`table.py` writes this into `README.md`; a test checks that every holder exists. Rows are in the
specification's order and under upstream's names. It holds nothing by itself.
"""

from __future__ import annotations

from scenarios.graph import holders as by
from scenarios.table import Lack, held, lacking

TESTS_COUNT = 60
ALIEN = Lack.ALIEN
ONE_PUBLISH = "a branch is one entry of the manifest, not two refs"

ROWS = (
    held(
        "branch_create_failpoint_triggers",
        "a branch that cannot be made says what failed",
        by.UNPUBLISHED,
    ),
    held(
        "branch_create_rolls_back_manifest_on_commit_graph_failure",
        "the branch is not there then, and can be made",
        by.UNPUBLISHED,
        "graph.branch.delete",
        note=f"nothing has to be taken back: {ONE_PUBLISH}",
    ),
    lacking(
        "branch_create_recreates_over_commit_graph_zombie",
        "a second ref that a delete left is in no create's way",
        by.DIES_IN_DELETE,
        lack=ALIEN,
        why=f"{ONE_PUBLISH}; forks that a delete left are in nobody's way",
    ),
    held(
        "branch_delete_partial_failure_converges_via_cleanup",
        "a delete succeeds although its forks stay; who comes next removes them; the name is free",
        by.RECLAIM_FAILS,
        by.DIES_IN_DELETE,
        by.ORPHANS,
        "graph.branch.delete",
    ),
    held(
        "recreate_over_orphaned_fork_self_heals_without_cleanup",
        "the first write of a branch removes a fork that is nobody's, and forks",
        by.NOBODYS,
        note="a branch made anew has another id, so that it never meets the old one's forks",
    ),
    held(
        "recreate_over_orphaned_fork_reports_indeterminate_authority_read",
        "whose a fork is cannot be told: a refusal of its own kind, and the fork stays",
        by.NOBODYS,
        f"{by.FORKS}an_error_never_makes_an_orphan",
    ),
    held(
        "cleanup_isolates_single_table_failure",
        "a table that cannot be cleaned is told and left, the others are done, the next run "
        "does it",
        by.SKIPPED,
    ),
    held(
        "cleanup_isolates_reconcile_failure",
        "the same where the fork's owner cannot be looked up",
        f"{by.CARE}an_orphan_stays_when_the_manifest_cannot_be_read_again",
        note="forks and versions of a table are one step here",
    ),
    lacking(
        "cleanup_reclaims_orphaned_commit_graph_branch",
        "cleanup drops a second ref that a delete left",
        lack=ALIEN,
        why=ONE_PUBLISH,
    ),
    held(
        "reconcile_skips_fork_when_fresh_recheck_is_unavailable_then_converges",
        "a fork whose owner cannot be looked up stays until the next cleanup",
        f"{by.CARE}an_orphan_stays_when_the_manifest_cannot_be_read_again",
    ),
    held(
        "fork_collision_with_live_concurrent_fork_is_retryable",
        "a fork that a live writer is making is nobody's to remove; the other is told who is in "
        "the way, or waits and goes on from it",
        f"{by.FORKS}a_fork_that_a_live_writer_begins_is_waited_for",
        f"{by.CARE}a_fork_that_a_live_writer_begins_is_left_alone",
        note="R; an insert that waited is not refused, it comes on top",
    ),
    held(
        "graph_publish_failpoint_triggers_before_commit_append",
        "a publish that fails says so, and no lineage is lost",
        by.FULL_DISK,
        "graph.insert",
        note="the lineage row is in the manifest, so that there is no window between the two",
    ),
    held(
        "schema_apply_pre_commit_crash_rolls_forward_via_sidecar",
        "an apply that died with its tables committed is published, with its schema",
        by.DEAD_APPLY,
        "graph.apply.columns",
    ),
    held(
        "schema_apply_recovers_post_commit_crash",
        "one that died after its publish is whole",
        by.DEAD_APPLY,
        "graph.apply.several",
        note="nothing is renamed then: the manifest names the schema's file",
    ),
    held(
        "schema_apply_recovers_partial_rename",
        "no death leaves one schema file new and another old",
        f"{by.AT}catalogue.py::test_a_store_is_read_under_the_schema_that_its_manifest_names",
        "graph.apply.rename",
        note="one file a schema, and it is never renamed",
    ),
    held(
        "schema_apply_without_schema_staging_rolls_back_on_next_open",
        "an apply that died before it was whole is rolled back, with old schema and rows, by a "
        "publish of its own if a table had moved",
        by.DEAD_APPLY,
        "graph.apply.columns",
        note="the schema is staged before the sidecar, so that none is ever missing",
    ),
    held(
        "schema_apply_phase_b_failure_recovered_on_next_open",
        "a table that a dead apply adds is there after recovery, and HEAD is its pin",
        by.DEAD_APPLY,
        "graph.apply.add",
    ),
    held(
        "recovery_rolls_forward_after_finalize_publisher_failure",
        "an operation that died between its commits and its publish is published, and audited once",
        by.ANY_PHASE,
        "graph.insert",
    ),
    held(
        "recovery_rolls_forward_load_on_feature_branch",
        "on its branch, and main does not move",
        by.ON_A_BRANCH,
        "graph.branch.write",
    ),
    held(
        "recovery_rolls_forward_load_overwrite",
        "a load that replaces all rows, too",
        "graph.load.overwrite",
    ),
    held(
        "recovery_rolls_forward_ensure_indices_on_feature_branch",
        "and so are indices of a branch",
        f"{by.CARE}indices_of_a_branch_that_were_cut_short_are_recovered_there",
    ),
    held(
        "open_sweep_roll_forward_converges_when_manifest_advances_concurrently",
        "two openings over one sidecar both come through, while others publish; one audit row",
        f"{by.RACES}two_openings_of_one_dead_operation_converge",
        f"{by.RACES}a_recoverer_of_another_process_is_left_alone_and_taken_up_when_it_dies",
        f"{by.RACES}a_sidecar_that_goes_while_it_is_looked_at_is_in_nobodys_way",
        f"{by.APPLY_FAULTS}two_openings_that_race_over_a_dead_apply_converge",
        f"{by.RACES}a_recovery_that_asks_for_no_lock_is_noticed",
        note="R; the order of all points at once is for the race strategy",
    ),
    held(
        "inline_delete_conflict_writes_sidecar_before_rejecting",
        "a delete that an update has overtaken is refused as stale, and no HEAD moves uncovered",
        f"{by.AT}strict.py::test_an_update_that_overtakes_a_delete_is_not_lost",
        "graph.strict",
        note="R; a delete is staged, so that there is nothing to cover",
    ),
    held(
        "refresh_runs_roll_forward_recovery_in_process",
        "refreshing settles what is whole; the next write goes",
        by.SETTLED_LIVE,
        "graph.heal",
    ),
    held(
        "load_after_finalize_publisher_failure_heals_without_reopen",
        "a load on the same handle settles it first, once, and works",
        by.SETTLED_LIVE,
        "graph.load.append",
        "graph.load.merge",
    ),
    held(
        "mutation_after_finalize_publisher_failure_heals_without_reopen",
        "so does a mutation",
        by.SETTLED_LIVE,
        "graph.mutate",
    ),
    held(
        "schema_apply_after_finalize_publisher_failure_heals_without_reopen",
        "so does an apply, and the rows of the dead are in what it makes",
        f"{by.APPLY}an_apply_keeps_the_rows_of_the_dead",
    ),
    held(
        "branch_merge_after_finalize_publisher_failure_heals_without_reopen",
        "so does a merge, and what it publishes has its own name",
        f"{by.MERGE_FAULTS}a_merge_settles_the_dead_before_it_looks",
    ),
    held(
        "sidecar_write_failure_aborts_load_with_no_head_advance",
        "no sidecar, no movement; trying again works",
        by.FULL_DISK,
        f"{by.KEPT}an_operation_that_moved_nothing_takes_its_sidecar_back",
    ),
    held(
        "sidecar_write_failure_aborts_branch_merge_with_no_head_advance",
        "the same for a merge",
        by.FULL_DISK_MERGE,
    ),
    held(
        "sidecar_delete_failure_keeps_write_success_and_next_write_heals",
        "a write whose sidecar stays is acknowledged, and the next one settles that",
        f"{by.RECOVERY}a_failure_to_clear_the_sidecar_does_not_fail_the_operation",
        by.SETTLED_LIVE,
    ),
    held(
        "sidecar_list_failure_fails_write_and_open_loudly_then_clears",
        "not knowing of sidecars fails a write and an opening; later both work",
        f"{by.HEAL}a_listing_that_fails_fails_the_write_loudly",
        f"{by.RECOVERY}an_opening_that_cannot_list_the_sidecars_fails_loudly",
    ),
    held(
        "record_audit_failure_after_roll_forward_converges_on_next_write",
        "a settling without its audit row keeps the sidecar; in the end there is one row",
        f"{by.HEAL}a_heal_that_fails_is_finished_by_the_next",
    ),
    held(
        "orphaned_branch_discard_is_idempotent_across_delete_failure",
        "the dead of a deleted branch are discarded once, though the sidecar could not go",
        by.DISCARDED,
        "graph.branch.orphan",
    ),
    held(
        "orphaned_branch_discard_converges_across_audit_append_failure",
        "and though the audit row could not be written",
        by.DISCARDED,
        "graph.branch.orphan",
    ),
    held(
        "drift_guard_names_both_paths_when_sidecar_list_fails",
        "drift that cannot be told from an operation's gives both ways, recovery first",
        f"{by.AT}drift.py::test_drift_that_cannot_be_told_gives_both_ways_in_order",
    ),
    held(
        "load_after_schema_apply_phase_b_failure_uses_recovered_catalog",
        "the write that heals a dead apply is judged by its schema",
        f"{by.APPLY_FAULTS}the_write_that_heals_a_dead_apply_is_judged_by_its_schema",
    ),
    held(
        "heal_does_not_promote_live_schema_apply_staging",
        "a live apply is left alone and completes, once",
        f"{by.APPLY_FAULTS}a_live_apply_is_left_alone_by_whoever_heals",
        f"{by.RACES}no_pass_touches_the_work_of_a_living_writer",
        note="R",
    ),
    held(
        "refresh_defers_rollback_eligible_sidecar_to_next_open",
        "a live handle restores nothing; a write says to reopen; the opening does it",
        by.DEFERRED,
        "graph.defer",
    ),
    held(
        "finalize_publisher_residual_does_not_drift_untouched_tables",
        "other tables can be written meanwhile",
        by.DEFERRED,
        "graph.defer",
    ),
    held(
        "ensure_indices_stage_btree_failure_leaves_existing_tables_writable",
        "an index that cannot be written moves nothing",
        f"{by.OPTIMIZE}what_fails_before_the_sidecar_moves_nothing",
    ),
    held(
        "ensure_indices_phase_b_failure_does_not_leak_sidecar_when_no_work_needed",
        "with nothing to do there is no sidecar",
        f"{by.INDEX}a_store_that_lacks_none_is_not_written_to",
    ),
    held(
        "optimize_phase_b_failure_recovered_on_next_open",
        "an optimize that died is settled, and a schema can be applied",
        by.DEAD_OPTIMIZE,
        f"{by.OPTIMIZE}a_schema_can_be_applied_after_an_optimize_that_died",
        "graph.optimize",
    ),
    held(
        "optimize_survives_concurrent_insert_advancing_manifest",
        "an optimize and an insert beside it are both there, whoever came first",
        f"{by.OPTIMIZE}an_insert_that_came_first_is_not_lost",
        f"{by.OPTIMIZE_RACES}a_write_waits_for_an_optimize_and_both_are_there",
        f"{by.OPTIMIZE_RACES}an_optimize_waits_for_a_write_and_takes_it_in",
        note="R",
    ),
    held(
        "optimize_survives_concurrent_delete_before_compaction",
        "so are an optimize and a delete",
        f"{by.OPTIMIZE_RACES}a_write_waits_for_an_optimize_and_both_are_there",
        note="R",
    ),
    held(
        "optimize_retry_does_not_misclassify_own_head_drift",
        "what it had moved itself is not drift to the next pass",
        f"{by.OPTIMIZE}its_own_movement_is_not_taken_for_drift",
    ),
    held(
        "branch_merge_phase_b_failure_recovered_on_next_open",
        "a merge that died confirmed is published with both parents, and is known to be merged",
        by.DEAD_MERGE,
        "graph.merge.threeway",
    ),
    held(
        "branch_merge_adopt_with_delta_phase_b_failure_recovered_on_next_open",
        "also if the target had nothing of its own",
        by.DEAD_MERGE,
        "graph.merge.forward",
    ),
    held(
        "branch_merge_phase_b_failure_recovered_on_non_main_target",
        "also into another branch than main, with that branch's parents",
        by.DEAD_SYNC,
    ),
    held(
        "branch_merge_adopt_partial_after_append_rolls_back",
        "one that died after new rows is rolled back, and can be done again",
        by.DEAD_MERGE,
        by.FULL_DISK_MERGE,
        "graph.merge.forward",
    ),
    held(
        "branch_merge_adopt_partial_after_upsert_rolls_back",
        "after changed rows, too",
        by.DEAD_MERGE,
        by.FULL_DISK_MERGE,
        "graph.merge.forward",
    ),
    held(
        "branch_merge_rewrite_partial_after_merge_rolls_back",
        "the same where both sides have changed",
        by.DEAD_SYNC,
        "graph.merge.threeway",
    ),
    held(
        "branch_merge_rewrite_partial_after_delete_rolls_back",
        "after rows are gone, too",
        by.DEAD_SYNC,
        "graph.merge.threeway",
    ),
    lacking(
        "pre_upgrade_v1_branch_merge_sidecar_rolls_forward_not_back",
        "a sidecar of an older form is judged by the rules of its time",
        lack=ALIEN,
        why="there has been one form of a sidecar; another is refused by name",
    ),
    held(
        "branch_merge_sidecar_pins_table_branch_to_active_branch",
        "every pin of a merge is on the target's chains",
        by.DEAD_SYNC,
    ),
    held(
        "init_failpoint_after_schema_pg_written",
        "an init that failed leaves no store, and says what failed",
        by.INIT_FAILS,
        "graph.init",
        note="its files stay, for the next init to finish: removing them could take away another's",
    ),
    held("init_failpoint_after_contract_written", "the same", by.INIT_FAILS, "graph.init"),
    held("init_failpoint_after_coordinator_init", "the same", by.INIT_FAILS, "graph.init"),
    held(
        "init_failpoint_returns_original_error",
        "the first failure is the one that is told",
        by.INIT_FAILS,
    ),
    held(
        "s3_load_recovers_after_publisher_failure_without_reopen",
        "on a bucket the handle goes on after a publish that failed",
        by.BUCKET,
        note="needs the extra for buckets",
    ),
)
