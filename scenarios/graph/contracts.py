"""What each operation of the graph store promises, and the scenarios that are about it.

`table.py` writes this into `README.md` with the points that the scenarios pass; a test checks that
no scenario is left out. It holds nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERY_INVARIANT = "every scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An operation, what it promises whatever dies, and its scenarios without their `graph.`."""

    operation: str
    promises: str
    scenarios: tuple[str, ...]


def _contract(operation: str, promises: str, *scenarios: str) -> Contract:
    return Contract(operation=operation, promises=promises, scenarios=scenarios)


CONTRACTS = (
    _contract(
        "init",
        "a directory is a store when `graph.json` stands, and then all of it is there; an init "
        "that was cut short is finished by the next",
        "init",
    ),
    _contract(
        "load, insert",
        "all tables of an operation change in one graph version or none does; it comes on top of "
        "what is current; an overwrite is refused on a stale view",
        "load.append",
        "load.merge",
        "load.overwrite",
        "insert",
    ),
    _contract(
        "update, delete, mutate",
        "the same; refused on a stale view until refreshed; a delete is staged like a write, so "
        "that nothing moves before the sidecar",
        "update",
        "delete",
        "mutate",
        "strict",
    ),
    _contract(
        "rules between rows",
        "held against what is current when it commits, not against what a handle has read",
        "rules",
    ),
    _contract(
        "heal",
        "a live handle publishes what is whole and closes what had no effect; it restores nothing, "
        "and what it leaves stands in the way of its own tables only",
        "heal",
        "defer",
        "reopen",
        "branch.heal",
    ),
    _contract(
        "failing",
        "an operation that moved nothing takes its sidecar back and can be done again at once",
        "withdraw",
        "abandon",
    ),
    _contract(
        "audit",
        "one row for each operation that recovery settled, for ever; reading it changes nothing",
        "audit",
    ),
    _contract(
        "apply_schema",
        "rows and schema change together, in one graph version that names the schema; its lock "
        "dies with it; whoever comes next works under the one schema or the other",
        "apply.add",
        "apply.rename",
        "apply.drop",
        "apply.columns",
        "apply.rules",
        "apply.several",
    ),
    _contract(
        "create_branch, delete_branch",
        "one publish each; a branch is there whole or not at all, and its name is free at once; "
        "what a dead operation left on a deleted one is discarded, once",
        "branch.delete",
        "branch.orphan",
    ),
    _contract(
        "writing on a branch",
        "the first write of a table forks it, and no other branch moves",
        "branch.write",
    ),
    _contract(
        "merge_branch",
        "all of it, with both parents, once it is confirmed; nothing before; merging again finds "
        "nothing to do",
        "merge.forward",
        "merge.threeway",
        "merge.conflict",
    ),
    _contract(
        "ensure_indices, optimize",
        "no row changes, and only tables that need it move; a lookup answers as a scan does",
        "indices",
        "optimize",
    ),
    _contract(
        "repair",
        "publishes or turns back what no operation accounts for, never what readers would see "
        "otherwise unless forced",
        "repair",
        "drift",
    ),
    _contract(
        "cleanup",
        "what is kept reads as before, what is gone is told to be gone, and nothing stays that "
        "nobody needs",
        "cleanup",
    ),
    _contract(
        "migration",
        "an opening brings an older layout up to date before anything reads it; cut short, the "
        "next one finishes it",
        "migrate",
    ),
)
