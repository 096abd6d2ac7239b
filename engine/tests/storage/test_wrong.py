"""The contract turns red on storages that are wrong, each in the rows that are about its defect."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.storage import Local
from engine.tests.storage import contract_locks as locks
from engine.tests.storage import contract_names as names
from engine.tests.storage import contract_writes as writes
from engine.tests.storage import effects, wrong
from engine.tests.storage.contract import ROWS, Row, local_place

RED: dict[type[Local], tuple[Row, ...]] = {
    wrong.AcknowledgedBeforeVisible: (
        writes.what_a_verb_returned_from_is_seen_by_another_handle,
        writes.what_a_verb_returned_from_is_seen_by_another_process,
    ),
    wrong.ClaimedBeforeContent: (writes.readers_see_the_old_content_or_the_new_at_every_step,),
    wrong.TruncatedInPlace: (
        writes.readers_see_the_old_content_or_the_new_at_every_step,
        writes.a_write_that_fails_leaves_the_old_content_or_the_new,
    ),
    wrong.ComparedThenActed: (
        writes.racing_swaps_of_threads_lose_no_update,
        writes.racing_swaps_of_processes_lose_no_update,
    ),
    wrong.TokenOfAnotherKind: (writes.a_swap_needs_the_token_of_the_content_it_replaces,),
    wrong.DirectoriesExist: (names.a_directory_is_no_object,),
    wrong.ContentAsToken: (writes.equal_content_of_another_generation_is_no_match,),
    wrong.TakesAnyToken: (writes.losing_a_swap_to_another_process_is_loud,),
    wrong.EverybodyWins: (
        writes.of_all_threads_that_create_one_wins_with_its_whole_content,
        writes.of_all_processes_that_create_one_wins_with_its_whole_content,
    ),
    wrong.KeepsBeginning: (
        writes.a_put_replaces_the_whole_content,
        locks.a_closed_storage_can_be_used_again,
    ),
    wrong.SharedPrefix: (
        names.a_listing_is_sorted_and_keeps_to_its_directory,
        names.deleting_a_prefix_leaves_no_skeleton_and_no_sibling_harmed,
    ),
    wrong.ShowsHalfWritten: (
        names.a_listing_is_sorted_and_keeps_to_its_directory,
        writes.a_write_that_fails_leaves_the_old_content_or_the_new,
    ),
    wrong.DeletesOnce: (
        names.deleting_again_is_harmless,
        names.deleting_many_takes_the_directories_that_are_empty_then,
    ),
    wrong.RenamesByHalf: (
        names.a_rename_makes_the_directory_and_replaces_the_target,
        names.a_rename_without_a_source_changes_nothing,
    ),
    wrong.ClonesByReference: (
        names.a_clone_keeps_the_content_when_the_source_is_replaced,
        names.a_clone_of_nothing_makes_nothing,
    ),
    wrong.EncodedNames: (names.odd_names_are_names_like_any_other,),
    wrong.MissingIsEmpty: (
        names.what_is_not_there_is_not_found,
        names.no_verb_takes_an_unsafe_path,
    ),
    wrong.Unlocked: (
        locks.a_lock_excludes_other_handles_until_it_is_released,
        locks.sharers_keep_out_who_wants_it_alone,
    ),
    wrong.LockedForEver: (locks.a_lock_dies_with_its_process,),
}


@pytest.mark.parametrize(
    ("kind", "row"),
    [(kind, row) for kind, rows in RED.items() for row in rows],
    ids=lambda one: one.__name__,
)
def test_the_contract_names_what_is_wrong(kind: type[Local], row: Row, tmp_path: Path) -> None:
    """Held against this storage the row fails; held against the right one it does not."""
    place = local_place(tmp_path / "store", kind=kind)
    place.storage.make_fence(effects.FENCE)
    try:
        with pytest.raises((Exception, pytest.fail.Exception)):
            row(place)
    finally:
        place.end()


def test_every_row_has_been_seen_red() -> None:
    """A row that no wrong storage breaks may be one that nothing can break."""
    assert set(ROWS.values()) == {row for rows in RED.values() for row in rows}
