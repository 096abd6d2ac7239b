"""All planted bugs, and which historical ones they are: what must be found, and what waits.

Numbers and letters are rows of the specifications: of the graph store 1 to 111 and L0 to L9, of
the knowledge base B1 to B26. A bug that no campaign can meet is shown by a test instead; one whose
strategy does not exist yet is open, with the strategy that it waits for. It never plants anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from scenarios.planted import (
    branches,
    graph,
    graph_heal,
    graph_recovery,
    graph_schema,
    graph_storage,
    kb,
    kb_files,
    kb_journal,
    maintenance,
)

if TYPE_CHECKING:
    from scenarios.planted.patch import Bug

GRAPH = (
    graph,
    graph_schema,
    graph_storage,
    graph_recovery,
    graph_heal,
    branches,
    maintenance,
)
KB = (kb, kb_files, kb_journal)
MODULES = (*GRAPH, *KB)


class Held(StrEnum):
    """How a bug is found that is not met by a campaign."""

    CONTRACT = "contract"
    TEXT = "text"
    HANDLES = "two handles"
    NO_FAULT = "no fault"
    COST = "cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A historical bug that a test plants and sees go red."""

    row: str
    mechanism: str
    by: Held
    test: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A historical bug that waits for a strategy."""

    row: str
    mechanism: str
    waits_for: str


_CONTRACT = "engine/tests/storage/test_wrong.py::test_the_contract_names_what_is_wrong"
_COST = "engine/tests/kb/test_cost.py"
_OPERATIONS = "engine/tests/kb/test_operations.py"
_SHOWN = "scenarios/tests/test_shown.py::test_a_check_goes_red_on_the_bug_that_it_is_for"
SHOWN = (
    Shown(
        row="1",
        mechanism="a creation returns while its bytes wait in a buffer",
        by=Held.CONTRACT,
        test=f"{_CONTRACT}[AcknowledgedBeforeVisible-"
        "what_a_verb_returned_from_is_seen_by_another_handle]",
    ),
    Shown(
        row="5",
        mechanism="the token that is handed out is not what a swap compares with",
        by=Held.CONTRACT,
        test=f"{_CONTRACT}[TokenOfAnotherKind-a_swap_needs_the_token_of_the_content_it_replaces]",
    ),
    Shown(
        row="6",
        mechanism="an empty directory is there, and reading it is a failure of the disk",
        by=Held.CONTRACT,
        test=f"{_CONTRACT}[DirectoriesExist-a_directory_is_no_object]",
    ),
    Shown(
        row="20",
        mechanism="a maximum is counted in what the handle has seen, not in what is live",
        by=Held.HANDLES,
        test=f"{_SHOWN}[count_in_the_view-a_stale_handle_breaks_no_rule-NotRefusedError]",
    ),
    Shown(
        row="69",
        mechanism="a sidecar of one branch is said to cover drift of another",
        by=Held.TEXT,
        test=f"{_SHOWN}[advise_by_table-advice_is_about_the_branch_that_drifted-WrongAdviceError]",
    ),
    Shown(
        row="86",
        mechanism="optimize commits its tables and does not publish them",
        by=Held.NO_FAULT,
        test=f"{_SHOWN}[optimize_unpublished-what_was_optimized_can_be_written-DriftError]",
    ),
    Shown(
        row="B2",
        mechanism="every add saves the whole blob store",
        by=Held.COST,
        test=f"{_COST}::test_an_add_that_saves_the_whole_blob_store_is_noticed",
    ),
    Shown(
        row="B14",
        mechanism="undoing removes whole trees and makes every file of them anew",
        by=Held.COST,
        test=f"{_COST}::test_an_undoing_that_copies_everything_back_is_noticed",
    ),
    Shown(
        row="B16",
        mechanism="every add saves the pages of all documents",
        by=Held.COST,
        test=f"{_COST}::test_an_add_that_saves_whole_trees_of_pages_is_noticed",
    ),
    Shown(
        row="B21",
        mechanism="whatever makes an import fail, its error blames the document",
        by=Held.TEXT,
        test=f"{_OPERATIONS}::test_a_cloud_import_that_tells_another_cause_is_noticed",
    ),
)

OPEN = tuple(
    Open(row=row, mechanism=mechanism, waits_for=waits_for)
    for row, mechanism, waits_for in (
        ("4", "a local compare-and-swap reads, compares and writes in three steps", "race"),
        ("51", "losing the publish of a roll-forward to another recoverer fails the open", "race"),
        ("59", "a heal takes a live schema apply for a dead one", "race"),
        ("60", "locks per table do not cover an apply that only adds a table", "race"),
        ("61", "a refresh settles what began after it had listed what is pending", "race"),
        ("89", "optimize insists on the version it read, and fails beside a writer", "race"),
        ("98", "two openings that migrate the same store get in each other's way", "race"),
        ("B20", "a duplicate is looked for before the lock is held", "race"),
        ("B23", "a lock lets every task of its thread in", "race"),
        ("B12", "a file is published before its bytes are synced", "power"),
    )
)

# What must be found, by whatever finds it.
REQUIRED = (
    *("1", "2", "3", "5", "6", "17", "20", "28", "36", "45", "46", "48", "50", "52", "56", "57"),
    *("58", "62", "63", "64", "65", "66", "67", "68", "69", "70", "71", "72", "74", "75", "86"),
    *("87", "88", "L0", "L1", "L2", "L3", "L4", "L5", "L7", "L9"),
    *("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B13", "B14", "B15"),
    *("B16", "B17", "B18", "B19", "B21", "B24", "B25"),
)


def every_bug() -> tuple[Bug, ...]:
    """Return the bugs that campaigns find, in the order of their files."""
    return tuple(bug for module in MODULES for bug in module.BUGS)


def missing() -> tuple[str, ...]:
    """Return the required rows that nothing here stands for."""
    there = {row for bug in every_bug() for row in bug.rows} | {one.row for one in SHOWN}
    return tuple(row for row in REQUIRED if row not in there)
