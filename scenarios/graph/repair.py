"""Repair, killed anywhere: where HEAD holds the rows that readers see, and where it holds others.

The store is prepared with versions that nobody published, written past the engine. A repair that
dies leaves what it found, and repairing again, as a user would, ends it. Nothing is ever added to
what readers see or taken from it. It never relies on how the drift came to be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import Consent, Remedy
from engine.graph.table import TableVersion
from killpoint import FollowUp, Invariant, Operation, Reopened, invariant
from scenarios.graph import directory
from scenarios.graph.invariants import INVARIANTS, head_moved_as_decided, manifest_equals_head
from scenarios.graph.rows import LAST, with_rows
from scenarios.graph.system import CITY, FIRST_ROWS, PERSON, SCHEMA, GraphSystem
from scenarios.graph.writes import AFTER, scenario

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports

REPAIRS = "repairs"
MENDED_BY = (PERSON, CITY)  # the first operation mends the first, the second the other
RESTORES_MAX = 1


def commit_past_the_engine(root: Path, table: str, *, emptied: bool) -> None:
    """Make a version above HEAD as no operation would, with the rows before it or with none."""
    versions = root / SCHEMA.table(table).directory / "versions"
    newest = max(versions.iterdir())
    found = TableVersion.from_bytes(newest.name, newest.read_bytes())
    made = replace(
        found,
        version=found.version + 1,
        parent=found.version,
        operation_id="foreign",
        fragments=() if emptied else found.fragments,
    )
    (versions / f"{made.version:020d}.json").write_bytes(made.to_bytes())


class DriftedSystem(GraphSystem):
    """A store in which two tables have drifted; how many repairs it has had is shown, too."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store, then the versions that nobody published."""
        super().prepare(root, ports)
        commit_past_the_engine(root, PERSON, emptied=False)
        commit_past_the_engine(root, CITY, emptied=True)

    def observe(self, handle: Graph) -> dict[str, Any]:
        """Return every row, and how many repairs there were."""
        kinds = [str(row.kind) for row in handle.history()]
        return {**handle.rows(), REPAIRS: kinds.count("repair")}


def confirm(handle: Graph) -> object:
    """Publish what readers see already; the table with other rows is refused."""
    return handle.repair(Remedy.PUBLISH, Consent.CONFIRM)


def force(handle: Graph) -> object:
    """Turn the rest back."""
    return handle.repair(Remedy.RESTORE, Consent.FORCE)


def repair_and_insert(handle: Graph) -> None:
    """Mend what is left, if anything is, and go on."""
    force(handle)
    handle.insert(LAST)


def repaired_and_inserted(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state after that: what had not been mended by both operations now is."""
    done = state[REPAIRS]
    return {**with_rows(state, LAST), REPAIRS: done if done == len(MENDED_BY) else done + 1}


@invariant("only drift that was there is left")
def only_drift_that_was_there_is_left(store: Reopened) -> Iterable[str]:
    """A table is ahead of the manifest only while no repair of it was acknowledged.

    Verifies: tables that a repair has mended or that never drifted are level, and those that wait
    for one are ahead by what was found, and at most one restore.
    Does not verify: rows, which are "all or nothing".
    """
    pins = directory.pins(directory.manifests(store.root)[-1])
    heads = directory.heads(store.root)
    waiting = MENDED_BY[store.acknowledged_count :]
    for key, head in sorted(heads.items()):
        ahead_max = 1 + RESTORES_MAX if key in waiting else 0
        if not 0 <= head - pins[key] <= ahead_max:
            yield f"{key}: HEAD is {head}, the manifest pins {pins[key]}, {waiting} may be ahead"


@invariant("a repair changes no row")
def a_repair_changes_no_row(store: Reopened) -> Iterable[str]:
    """Readers see what they saw before the drift, whatever HEAD held and whatever was mended.

    Verifies: the rows that the store was prepared with, in every table, value by value.
    Does not verify: rows that were inserted since, which is "all or nothing".
    """
    for table, rows in FIRST_ROWS.items():
        lost = [row for row in rows if row not in store.state[table]]
        if lost:
            yield f"{table}: a reader no longer sees {lost}"


INVARIANTS_OF_REPAIR: tuple[Invariant, ...] = (
    *(each for each in INVARIANTS if each not in {manifest_equals_head, head_moved_as_decided}),
    only_drift_that_was_there_is_left,
    a_repair_changes_no_row,
)
NEXT = FollowUp("repair and insert", repair_and_insert, repaired_and_inserted)

SCENARIOS = (
    replace(
        scenario(
            "repair",
            Operation("publish what is the same", confirm),
            Operation("turn back what is not", force),
            AFTER,
        ),
        system=DriftedSystem(),
        invariants=INVARIANTS_OF_REPAIR,
        follow_ups=(NEXT,),
        kept=(NEXT,),
    ),
)
