"""Which scenario or test holds each contract of the protocol and each of its invariants.

`table.py` writes this into `README.md`, and a test checks that every holder exists. A contract
that is met in another way than upstream says how. It holds nothing by itself.
"""

from __future__ import annotations

from scenarios.table import held

MUTATION = "engine/tests/kb/test_mutation.py::"
DRAIN = "engine/tests/kb/test_drain.py::"
SECTION = "engine/tests/kb/test_section.py::"
OPERATIONS = "engine/tests/kb/test_operations.py::"
PROCESSES = "engine/tests/kb/test_processes.py::"
COST = "engine/tests/kb/test_cost.py::"
CLONING = "engine/tests/storage/test_cloning.py::"
LOCAL = "engine/tests/storage/test_local.py::"
POWER = "scenarios/tests/test_kb_power.py::"
FENCE = "engine/tests/storage/test_fence.py::"
WRONG = (
    "scenarios/tests/test_planted.py::"
    "test_every_planted_bug_is_on_the_track_record_by_its_invariant"
)
EVERY = "every scenario"
EVERYWHERE = "engine/tests/kb/test_everywhere.py::"
THIRD_TIME = (
    f"{EVERYWHERE}test_a_recovery_killed_anywhere_and_again_anywhere_is_right_the_third_time"
)
ANY_ERROR = f"{EVERYWHERE}test_an_error_at_any_point_leaves_what_was_told"
OLD_STATE = f"{MUTATION}test_what_fails_before_the_decision_leaves_the_old_state"
DECIDED = f"{MUTATION}test_what_fails_after_the_decision_changes_nothing"
DIRTY = f"{MUTATION}test_an_undoing_that_fails_is_told_with_its_journal_and_the_next_lock_does_it"
BATCH_ENDS = f"{MUTATION}test_a_batch_ends_at_the_first_failure_that_could_not_be_undone"
UNDONE = f"{DRAIN}test_an_active_journal_is_undone_before_the_next_body_sees_anything"
READER_OF_A_CRASH = f"{SECTION}test_a_reader_of_a_crash_sees_the_old_state_without_touching_it"
SECOND_DRAINS = f"{PROCESSES}test_a_second_process_that_was_open_drains_what_the_first_left"
BESIDE_A_KILL = f"{PROCESSES}test_a_reader_beside_a_writer_that_is_killed_sees_a_whole_state"
SECTION_ENDS = f"{MUTATION}test_a_beginning_that_cannot_be_taken_back_ends_the_section"
OWN_BLOB = f"{MUTATION}test_undoing_a_long_add_removes_its_own_blob_only"

CONTRACTS = (
    held("C1", "an active journal is undone and gone", UNDONE, "kb.add.edited"),
    held(
        "C2",
        "a committed journal is only cleared",
        f"{DRAIN}test_a_committed_journal_is_only_cleared_away",
    ),
    held("C3", "a save that fails leaves no backup", OLD_STATE),
    held("C4", "the lock drains before its body", UNDONE, SECOND_DRAINS, "kb.two_processes"),
    held(
        "C5", "publishing moves", f"{MUTATION}test_publishing_on_one_device_moves", "kb.add.short"
    ),
    held(
        "C6",
        "published files have the usual mode",
        f"{MUTATION}test_publishing_on_one_device_moves",
        EVERY,
        WRONG,
    ),
    held(
        "C7",
        "across devices it is a durable copy",
        f"{MUTATION}test_publishing_across_devices_copies",
        "kb.cloud.without_links",
    ),
    held(
        "C8",
        "backups share the inode",
        f"{MUTATION}test_backups_are_links_to_what_will_change",
        note="of the files that will change, not of whole trees",
    ),
    held("C9", "rewritten and new pages are undone", UNDONE, "kb.add.edited"),
    held(
        "C10",
        "page writers make new files",
        f"{CLONING}test_a_clone_is_the_same_file_where_links_are_allowed",
        f"{DRAIN}test_a_backup_that_somebody_wrote_through_is_noticed",
        note="there is one writer, storage's put",
    ),
    held(
        "C11",
        "a refused link is a copy",
        f"{MUTATION}test_where_links_are_refused_backups_are_copies",
        "kb.cloud.without_links",
    ),
    held(
        "C12",
        "a hopeless undoing is given up after five attempts",
        f"{DRAIN}test_a_drain_that_keeps_failing_gives_up_and_keeps_everything",
        "kb.hopeless",
        note="into quarantine, with every byte kept, until somebody decides",
    ),
    held(
        "C13",
        "an unreadable journal stops nobody",
        f"{DRAIN}test_a_journal_that_cannot_be_read_stops_nobody_and_is_kept",
        "kb.quarantine",
        note="it is quarantined, not deleted",
    ),
    held(
        "C14",
        "untouched files keep their inode",
        UNDONE,
        "kb.add.edited",
        f"{COST}test_an_undoing_that_copies_everything_back_is_noticed",
    ),
    held("C15", "tracking removes exactly what is new", OWN_BLOB, "kb.add.long"),
    held(
        "C16",
        "the blob store is not saved with every add",
        f"{COST}test_every_step_is_taken_as_often_as_in_a_small_base",
        f"{COST}test_no_operation_looks_through_a_directory_that_grows",
        f"{COST}test_an_add_that_saves_the_whole_blob_store_is_noticed",
        f"{COST}test_an_add_that_saves_whole_trees_of_pages_is_noticed",
    ),
    held(
        "C17",
        "a compile failure leaves nothing",
        f"{MUTATION}test_a_failing_compiler_leaves_nothing",
    ),
    held("C18", "a failed add removes its own blob only", OWN_BLOB),
    held("C19", "a batch stops when undoing failed", BATCH_ENDS, SECTION_ENDS, "kb.batch.gone_bad"),
    held("C20", "a failure leaves the old state and is told", OLD_STATE, ANY_ERROR),
    held(
        "C21",
        "what fails after the commit undoes nothing",
        DECIDED,
        ANY_ERROR,
        note="the audit row is inside the mutation",
    ),
    held(
        "C22",
        "an interrupt undoes and goes on as an interrupt",
        OLD_STATE,
        f"{PROCESSES}test_ctrl_c_leaves_the_old_state_and_no_journal",
        "kb.interrupt",
    ),
    held("C23", "no mutation without the lock", f"{MUTATION}test_a_mutation_needs_the_lock"),
    held("C24", "a failed undoing names operation and journal", DIRTY),
    held(
        "C25",
        "a cloud import decides under the lock",
        f"{OPERATIONS}test_a_cloud_import_looks_again_once_it_has_the_lock",
        f"{OPERATIONS}test_a_cloud_import_takes_its_name_under_the_lock",
        f"{OPERATIONS}test_a_cloud_import_that_fails_leaves_nothing",
        f"{OPERATIONS}test_a_cloud_import_that_fails_tells_the_cause",
        "kb.cloud.without_links",
    ),
    held(
        "C26",
        "an edited document has one entry",
        f"{OPERATIONS}test_an_edited_document_replaces_the_old_one",
        "kb.add.edited",
        note="there are no legacy entries here",
    ),
    held(
        "C27",
        "a download outlives a failure, not a skip",
        f"{OPERATIONS}test_a_download_outlives_a_failed_add_and_is_used_by_the_next",
        f"{OPERATIONS}test_a_download_of_known_content_is_deleted",
        f"{OPERATIONS}test_a_download_that_can_never_be_added_is_fetched_anew",
        "kb.url",
        note="in downloads/, not in raw/",
    ),
    held("C28", "a failing index step leaves no index", OLD_STATE, "kb.add.long"),
    held(
        "C29",
        "the lock excludes and shares",
        f"{SECTION}test_who_holds_it_keeps_threads_and_handles_out",
        f"{SECTION}test_two_tasks_of_one_thread_exclude_each_other",
        f"{SECTION}test_another_process_waits_its_turn",
        f"{SECTION}test_readers_read_beside_each_other_and_keep_writers_out",
        f"{FENCE}test_a_lock_of_another_process_dies_with_it",
        note="not re-entrant: a section is passed on",
    ),
    held(
        "C30",
        "a write is whole, leaves no temporary, keeps the mode",
        f"{LOCAL}test_a_put_that_fails_leaves_the_old_object_and_no_temporary",
        f"{LOCAL}test_replacing_an_object_keeps_its_permissions",
        note="Linux only",
    ),
    held(
        "C31",
        "a failed removal can be tried again",
        f"{OPERATIONS}test_a_removal_that_fails_removes_nothing_and_can_be_tried_again",
        "kb.remove",
        note="removal is journaled here",
    ),
)

INVARIANTS = (
    held(
        "I1",
        "the visible tree is of before or after",
        EVERY,
        WRONG,
        ANY_ERROR,
        f"{EVERYWHERE}test_a_death_at_any_point_of_undoing_an_error_is_made_good",
    ),
    held("I2", "registry equals documents", EVERY, WRONG),
    held("I3", "one audit row per committed mutation", EVERY, WRONG),
    held("I4", "nothing is left over after a drain", EVERY, WRONG),
    held("I5", "what was reported done stands", EVERY, WRONG, SECTION_ENDS, "kb.batch"),
    held(
        "I6",
        "readers see whole states",
        EVERY,
        WRONG,
        READER_OF_A_CRASH,
        BESIDE_A_KILL,
        f"{SECTION}test_a_reader_waits_while_a_mutation_is_at_work",
    ),
    held("I7", "recovering twice is recovering once", EVERY, WRONG, THIRD_TIME),
    held("I8", "unrelated files keep bytes, inode, mode", EVERY, WRONG),
    held(
        "I9",
        "nothing outside changes",
        EVERY,
        WRONG,
        f"{DRAIN}test_a_journal_that_reaches_out_of_its_place_is_refused_whole",
        f"{DRAIN}test_a_journal_of_another_base_is_not_acted_on",
        f"{DRAIN}test_a_journal_with_a_field_that_we_never_write_is_refused_whole",
        f"{DRAIN}test_undoing_goes_through_no_symbolic_link",
        f"{DRAIN}test_nothing_is_deleted_through_a_symbolic_link",
        "kb.quarantine",
        f"{DRAIN}test_a_copy_of_a_crashed_base_recovers_without_the_original",
    ),
    held(
        "I10",
        "until it is decided, every byte of the old state stands",
        EVERY,
        WRONG,
        f"{DRAIN}test_without_its_backups_nothing_is_touched",
        f"{DRAIN}test_a_quarantine_ends_by_a_decision",
        f"{DRAIN}test_a_fresh_process_can_decide_about_a_quarantine",
        f"{DRAIN}test_what_was_quarantined_is_not_overwritten",
        f"{DRAIN}test_nothing_is_settled_while_a_newer_mutation_waits_for_a_decision",
    ),
    held(
        "I11",
        "the same after power loss",
        f"{POWER}test_a_cut_after_any_call_leaves_a_state_that_is_made_good",
        f"{POWER}test_a_cut_in_a_recovery_is_made_good",
        f"{POWER}test_a_sync_that_is_missing_is_seen",
        note="the power is cut after every call of six workloads and of six recoveries of a kill; "
        "of the names that are not durable any one may be kept, any one lost, any first few kept, "
        "all or none, and bytes without a sync are gone. Not covered: other subsets, torn bytes, "
        "modes, a cut in the recovery from a cut, and real cuts",
    ),
)
