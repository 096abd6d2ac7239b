"""Whose is a fork that stands on disk: a branch's, nobody's any more, or not to be told?

A fork is legitimate if a branch sees the table on it, or a pending operation may yet bring that
about, or another branch rests on its own. It is an orphan if its branch is gone, or sees the table
elsewhere and no operation has to do with it. An error while looking is indeterminate, and never
makes an orphan of anything: only an orphan may be removed. A branch that was deleted never comes
back under its id, so its forks need no lock; those of a branch that is there need the lock of the
table on it, from before the look. It never decides by a name, and never by a manifest that was read
before the lock was taken.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.errors import DriftAdvice
from engine.graph.manifest import newer_manifest
from engine.graph.table import FORKS, versions_directory

if TYPE_CHECKING:
    from engine.graph.branch import Branch
    from engine.graph.manifest import Manifest
    from engine.graph.schema import TableSchema
    from engine.graph.store import Store


class ForkState(StrEnum):
    """What a fork is to the store."""

    LEGITIMATE = "legitimate"
    ORPHAN = "orphan"
    INDETERMINATE = "indeterminate"


def classify_fork(branch: Branch | None, table: str, ref: str, claimed: DriftAdvice) -> ForkState:
    """Say whose the fork `ref` of a table is.

    `branch` is the one with that id in the newest manifest, `claimed` whether a pending operation
    accounts for the fork.
    """
    if branch is None:
        return ForkState.ORPHAN
    if branch.pin(table).ref == ref:
        return ForkState.LEGITIMATE
    match claimed:
        case DriftAdvice.COVERED:
            return ForkState.LEGITIMATE
        case DriftAdvice.UNCOVERED:
            return ForkState.ORPHAN
        case DriftAdvice.UNKNOWN:
            return ForkState.INDETERMINATE


def branch_lock(branch: str) -> str:
    """Return the lock that keeps a branch from being deleted."""
    return f"branch:{branch}"


def fork_refs(store: Store, table: TableSchema) -> tuple[str, ...]:
    """Return the refs of a table's forks that stand on disk, sorted: one listing."""
    prefix = f"{table.directory}/{FORKS}"
    paths = store.storage.list(points.FORK_LIST, prefix)
    return tuple(sorted({path.removeprefix(f"{prefix}/").split("/")[0] for path in paths}))


def reclaim_fork(store: Store, table: TableSchema, ref: str) -> None:
    """Remove a fork that was found to be an orphan; again is harmless."""
    store.storage.delete_prefix(points.FORK_RECLAIM, versions_directory(table, ref))


def kept_refs(newest: Manifest) -> frozenset[str]:
    """Return the ids of the branches whose forks stay: all that are there or are rested on."""
    there = newest.branches.values()
    return frozenset({one.id for one in there} | {ref for one in there for ref in one.rests_on})


def reclaim_unreachable(store: Store, newest: Manifest) -> None:
    """Remove the forks of all branches that are gone, and that none of the others rests on.

    `newest` may be old: a branch that came since, whose fork is listed, is looked for after that.
    """
    for table in store.schema.tables.values():
        refs = fork_refs(store, table)
        newest = newer_manifest(store, newest) if refs else newest
        for ref in refs:
            if ref not in kept_refs(newest):
                reclaim_fork(store, table, ref)
