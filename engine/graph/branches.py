"""Making and deleting branches: each is one graph version, so there is never half a branch.

    create      a graph version with one branch more, which sees what the other one sees
    delete      a graph version with one branch less: from here on it is gone, whatever else fails;
                then the forks that nobody can reach any more, its own, unless another branch
                rests on it, and those that an earlier delete has left

A delete holds the locks of all tables on the branch, so no live operation works on it; those of the
dead are discarded by the next recovery, because a branch's id never comes again. It never moves a
table, and never touches a fork that a branch sees or may see again.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.branch import Branch
from engine.graph.branch_errors import (
    BadBranchNameError,
    BranchExistsError,
    MainBranchError,
)
from engine.graph.commit import publish_contended
from engine.graph.errors import SchemaMovedError
from engine.graph.forks import branch_lock, reclaim_unreachable
from engine.graph.manifest import LineageRow, Manifest, branch_of, newer_manifest
from engine.graph.operation import Kind
from engine.graph.sidecar import table_lock
from engine.graph.table import MAIN
from engine.graph.work import hold
from killpoint.failpoints import reach

if TYPE_CHECKING:
    from engine.graph.store import Store

NAME_FORM = re.compile(r"^[A-Za-z0-9_]+([./-][A-Za-z0-9_]+)*$")

_log = logging.getLogger(__name__)


def create_branch(store: Store, known: Manifest, name: str, start: str, actor: str) -> Manifest:
    """Make a branch that sees what `start` (an id) sees; return the manifest that has it."""
    if not NAME_FORM.match(name):
        raise BadBranchNameError(name)
    operation = store.ids.mint()

    def with_it(base: Manifest) -> Manifest:
        if name in base.branches:
            raise BranchExistsError(name)
        origin = branch_of(base, start)
        made = Branch(
            name=name,
            id=operation,
            head=origin.head,
            tables=origin.tables,
            rests_on=(*origin.rests_on, *(() if start == MAIN else (start,))),
        )
        row = _row(store, operation, Kind.BRANCH_CREATE, actor, made)
        return base.followed_by({**base.branches, name: made}, row)

    with hold(store, operation, ()):
        reach(points.CREATE_BEFORE, name)
        made = publish_contended(store, newer_manifest(store, known), operation, with_it)
        reach(points.CREATE_AFTER, name)
    return made


def delete_branch(store: Store, known: Manifest, branch: Branch, actor: str) -> Manifest:
    """Delete the branch; return the manifest that lacks it. What it leaves is reclaimed at best."""
    if branch.id == MAIN:
        raise MainBranchError
    operation = store.ids.mint()

    def without_it(base: Manifest) -> Manifest:
        if base.schema_hash != store.schema.hash:  # the locks are those of its tables
            raise SchemaMovedError
        gone = branch_of(base, branch.id)
        row = _row(store, operation, Kind.BRANCH_DELETE, actor, gone)
        left = {name: one for name, one in base.branches.items() if one.id != gone.id}
        return base.followed_by(left, row)

    tables = (table_lock(key, branch.id) for key in store.schema.tables)
    with hold(store, operation, (branch_lock(branch.id), *tables)):
        reach(points.DELETE_BRANCH_BEFORE, branch.name)
        newest = publish_contended(store, newer_manifest(store, known), operation, without_it)
        reach(points.DELETE_BRANCH_AFTER, branch.name)
        _reclaim(store, newest)
    return newest


def _row(store: Store, operation: str, kind: Kind, actor: str, branch: Branch) -> LineageRow:
    """Return the lineage row of a branch's beginning or end; it moves no head."""
    return LineageRow(
        commit_id=operation,
        parent_id=branch.head,
        operation_id=operation,
        actor=actor,
        kind=kind,
        started_us=store.clock.now_us(),
        branch=branch.id,
    )


def _reclaim(store: Store, newest: Manifest) -> None:
    """Remove unreachable forks. The branch is gone already, so failing here fails nobody."""
    try:
        reclaim_unreachable(store, newest)
    except Exception:  # noqa: BLE001 -- whatever it was, the next delete tries again
        _log.warning("forks of deleted branches stay until the next delete", exc_info=True)
