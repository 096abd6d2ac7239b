"""Cleanup, killed anywhere: what is kept reads as before, what is gone is told to be gone.

The store is prepared with a few graph versions, and with a fragment of an operation that died
before its sidecar. A cleanup that dies leaves work for the next one. It never relies on the order
in which files go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.graph import ExpiredVersionError, GraphError
from killpoint import FollowUp, Invariant, Operation, Reopened, invariant
from scenarios.graph import directory
from scenarios.graph.follow_ups import FOLLOW_UPS, KEPT, on_a_kept_handle
from scenarios.graph.invariants import INVARIANTS, old_versions_read_the_same
from scenarios.graph.rows import Rows, updated
from scenarios.graph.system import CITY, FIRST_ROWS, SCHEMA, GraphSystem
from scenarios.graph.writes import AFTER, scenario

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports

PEOPLE = (8, 9)  # of york, one update after the other
SHOWN: dict[int, Rows] = {
    1: {table: [] for table in FIRST_ROWS},
    2: FIRST_ROWS,
    **{
        version: updated(FIRST_ROWS, CITY, lambda row: row["id"] == "york", {"people": people})
        for version, people in enumerate(PEOPLE, start=3)
    },
}
KEEP_COUNT = 2
OLDEST = max(SHOWN) - KEEP_COUNT + 1


class LeftError(OSError):
    """A table could not be cleaned up; nothing but the storage can be why."""


class AgedSystem(GraphSystem):
    """A store with a past, and with a fragment that belongs to nothing."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store, update a row twice, and leave garbage."""
        super().prepare(root, ports)
        handle = self.open(root, replace(ports, actor="past"))
        for people in PEOPLE:
            handle.update(CITY, ["york"], {"people": people})
        handle.close()
        (root / SCHEMA.table(CITY).directory / "data" / "000000-gone-000001-0.arrow").touch()


def clean(handle: Graph) -> object:
    """Keep two graph versions; a table that was skipped would not be cleaned."""
    cleaned = handle.cleanup(KEEP_COUNT)
    if cleaned.skipped:
        raise LeftError(cleaned)
    return cleaned


@invariant("what is kept reads the same")
def what_is_kept_reads_the_same(store: Reopened) -> Iterable[str]:
    """Every graph version from before reads as it did, or is told to have been cleaned up.

    Verifies: rows of all of them against what was written, and that none of those is gone that
    were to be kept.
    Does not verify: that anything was removed, which is "nothing is left that nobody needs".
    """
    for version, rows in SHOWN.items():
        try:
            found = store.handle.rows(version)
        except ExpiredVersionError:
            if version >= OLDEST:
                yield f"graph version {version} was to be kept"
        except GraphError as error:
            yield f"graph version {version} cannot be read: {error}"
        else:
            if found != rows:
                yield f"graph version {version} reads {found}, not {rows}"


@invariant("nothing is left that nobody needs")
def nothing_is_left_that_nobody_needs(store: Reopened) -> Iterable[str]:
    """Once a cleanup is acknowledged, every file of a table is one that a kept version needs.

    Verifies: fragments against the versions that name them, versions against the oldest manifest
    that was kept. Does not verify: what an operation that died or failed has left since, or a
    cleanup; the next one removes it.
    """
    if not store.acknowledged_count or store.storage_failed:
        return
    oldest = directory.manifests(store.root)[OLDEST - 1]
    needed: set[str] = set()
    for key, bodies in directory.versions(store.root).items():
        for body in bodies:
            needed.update(fragment["path"] for fragment in body["fragments"])
            if body["version"] < directory.pins(oldest).get(key, 0):
                yield f"{key}: version {body['version']} is older than all that was kept"
    for path in sorted((store.root / "tables").glob("*/data/*")):
        name = path.relative_to(store.root).as_posix()
        if name not in needed and not store.history.in_flight:
            yield f"{name} is named by no version"


INVARIANTS_OF_CLEANUP: tuple[Invariant, ...] = (
    *(each for each in INVARIANTS if each is not old_versions_read_the_same),
    what_is_kept_reads_the_same,
    nothing_is_left_that_nobody_needs,
)
AGAIN = FollowUp("clean up", clean, lambda state: state)

SCENARIOS = (
    replace(
        scenario(
            "cleanup",
            Operation("keep two graph versions", clean),
            AFTER,
            # The same horizon, which is read this time; nothing is left to be removed.
            Operation("keep three", lambda handle: handle.cleanup(KEEP_COUNT + 1)),
        ),
        system=AgedSystem(),
        invariants=INVARIANTS_OF_CLEANUP,
        follow_ups=(AGAIN, *FOLLOW_UPS[:2]),
        kept=(on_a_kept_handle(AGAIN), *KEPT[-1:]),
    ),
)
