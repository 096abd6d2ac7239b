"""A table that has drifted before anybody writes it: the write is refused, and a repair mends it.

The store is prepared with a version that nobody published, written past the engine, with the rows
that readers see. It never relies on how the drift came to be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.graph import Consent, DriftError, Remedy, Treatment
from killpoint import FollowUp, Operation, Reopened, invariant
from scenarios.graph import directory
from scenarios.graph.follow_ups import TOWN
from scenarios.graph.invariants import INVARIANTS, manifest_equals_head
from scenarios.graph.repair import REPAIRS, commit_past_the_engine
from scenarios.graph.rows import LAST, with_rows
from scenarios.graph.system import CITY, GraphSystem
from scenarios.graph.writes import AFTER, scenario

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.graph import Graph
    from killpoint import Ports


class StrayedSystem(GraphSystem):
    """A store in which one table has drifted; how many repairs it has had is shown, too."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store, then the version that nobody published."""
        super().prepare(root, ports)
        commit_past_the_engine(root, CITY, emptied=False)

    def observe(self, handle: Graph) -> dict[str, Any]:
        """Return every row, and how many repairs there were."""
        kinds = [str(row.kind) for row in handle.history()]
        return {**handle.rows(), REPAIRS: kinds.count("repair")}


class NotMendedError(Exception):
    """A repair has left drift, because it could not see that no row would change."""


def mend(handle: Graph) -> object:
    """Publish what readers see already."""
    done = handle.repair(Remedy.PUBLISH, Consent.CONFIRM)
    if any(each.treatment is Treatment.REFUSED for each in done.drifts):
        raise NotMendedError
    return done


def insert_or_mend(handle: Graph) -> object:
    """Write to the table, and do what the refusal says."""
    try:
        return handle.insert(TOWN)
    except DriftError:
        return mend(handle)


def mend_and_insert(handle: Graph) -> None:
    """Mend what is left, if anything is, and go on."""
    mend(handle)
    handle.insert(LAST)


@invariant("drift stays until it is mended")
def drift_stays_until_it_is_mended(store: Reopened) -> Iterable[str]:
    """Only the table that had drifted is ahead of the manifest, by what was found, until a repair.

    Verifies: every table, by number, from the files.
    Does not verify: rows, which are "all or nothing".
    """
    every = directory.manifests(store.root)
    pins, heads = directory.pins(every[-1]), directory.heads(store.root)
    mended = any(each["lineage"]["kind"] == "repair" for each in every)
    for key, head in sorted(heads.items()):
        ahead = 1 if key == CITY and not mended else 0
        if head - pins[key] != ahead:
            yield f"{key}: HEAD is {head}, the manifest pins {pins[key]}, expected {ahead} between"


NEXT = FollowUp(
    "mend and insert",
    mend_and_insert,
    lambda state: {**with_rows(state, LAST), REPAIRS: 1},
)

SCENARIOS = (
    replace(
        scenario("drift", Operation("insert hull, or mend", insert_or_mend), AFTER),
        system=StrayedSystem(),
        invariants=(
            *(each for each in INVARIANTS if each is not manifest_equals_head),
            drift_stays_until_it_is_mended,
        ),
        follow_ups=(NEXT,),
        kept=(NEXT,),
    ),
)
