"""What two branches have in common: the commits that both rest on, by the lineage of all branches.

A commit rests on the one that was its branch's newest before it and, if it is a merge, on the one
that it brought in. The newest commit that both branches rest on is where their ways part; where
merges have crossed there may be several, and the one that was published last is taken. It reads the
whole lineage, so it is for merges only; and it never writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.graph.manifest import FIRST_VERSION, NO_PARENT, Manifest, branch_of, manifests
from engine.graph.operation import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.graph.branch import Branch
    from engine.graph.store import Store

HEADLESS = frozenset({Kind.BRANCH_CREATE, Kind.BRANCH_DELETE})  # their rows are no branch's newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """Where two branches part: what the commit saw, and whether it is the newest of either."""

    branch: Branch
    is_source: bool
    is_target: bool


def common_of(store: Store, newest: Manifest, target: Branch, source: Branch) -> Common:
    """Return what the branches have in common, as it was at the commit."""
    commits = {
        one.row.commit_id: one
        for one in manifests(store, FIRST_VERSION, newest.version)
        if one.row.kind not in HEADLESS
    }
    shared = _ancestors(commits, target.head) & _ancestors(commits, source.head)
    last = max((commits[one] for one in shared), key=lambda one: one.version)
    return Common(
        branch=branch_of(last, last.row.branch),
        is_source=last.row.commit_id == source.head,
        is_target=last.row.commit_id == target.head,
    )


def _ancestors(commits: Mapping[str, Manifest], head: str) -> frozenset[str]:
    """Return a commit and all that it rests on."""
    found: set[str] = set()
    waiting = [head]
    while waiting:
        commit = waiting.pop()
        if commit != NO_PARENT and commit not in found:
            found.add(commit)
            row = commits[commit].row
            waiting += [row.parent_id, row.merged_id]
    return frozenset(found)
