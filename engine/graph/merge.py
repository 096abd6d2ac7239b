"""Merging a branch into another: one operation, which may commit a table several times.

    locks       all tables of the target; the source, so that nobody deletes it meanwhile
    plan        against a fresh manifest: where the branches part, and of every table that the
                source has changed since, what the target takes over; a conflict, a broken rule or
                a drifted table refuses the merge before anything is written
    stage       up to three versions a table: rows that are new, rows that changed, rows that go
    phases      the sidecar, the tables, the confirmation, the manifest: `commit`

A table that the target has never written, and has not seen changed, may be adopted instead: the
target's pin goes to the version that the source sees, if that stands where the target may look. A
table without anything to take over stays as it is. The commit has both branches' newest as its
parents, in the same step that shows the rows. It never changes the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.graph.ancestry import Common, common_of
from engine.graph.branch_errors import MergeConflictError
from engine.graph.commit import carry_through
from engine.graph.constraints import check_constraints
from engine.graph.draft import Draft
from engine.graph.drift import undrifted_version
from engine.graph.errors import SchemaMovedError
from engine.graph.forks import branch_lock
from engine.graph.manifest import Manifest, branch_of, newer_manifest
from engine.graph.operation import Kind
from engine.graph.planning import neighbours
from engine.graph.sidecar import Sidecar, table_lock
from engine.graph.staging import Place, stage
from engine.graph.table import MAIN, live_rows, read_version
from engine.graph.threeway import takeover
from engine.graph.work import Receipt, hold, pins_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.graph.branch import Branch, TablePin
    from engine.graph.schema import Row, TableSchema
    from engine.graph.statement import Key
    from engine.graph.store import Store


class MergeKind(StrEnum):
    """What a merge came to."""

    UP_TO_DATE = "up to date"  # the target rested on all of the source already
    FAST_FORWARD = "fast-forward"  # the target had nothing of its own since they parted
    THREE_WAY = "three-way"  # both had


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge came to, and the graph version that shows it."""

    kind: MergeKind
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The branches of one merge, as one graph version has them, and where they part."""

    target: Branch
    source: Branch
    common: Common


def merge_branch(
    store: Store, known: Manifest, source: str, target: str, actor: str
) -> tuple[Merged, Manifest]:
    """Merge one branch into another (both ids); return the manifest that shows it.

    Raises `MergeConflictError`, which names the rows, before anything is written.
    """
    operation = store.ids.mint()
    locks = (branch_lock(source), *(table_lock(key, target) for key in store.schema.tables))
    with hold(store, operation, locks):
        base = newer_manifest(store, known)
        if base.schema_hash != store.schema.hash:
            raise SchemaMovedError
        sides = _sides(store, base, source, target)
        if sides.common.is_source:
            receipt = Receipt(operation_id=operation, graph_version=base.version)
            return Merged(kind=MergeKind.UP_TO_DATE, receipt=receipt), base
        drafts = _drafts(store, sides)
        check_constraints(store.schema, drafts)
        adopts = _adopts(store, sides)
        versions = {
            key: stage(
                store,
                Place(operation=operation, table=draft.table, ref=target),
                draft.before,
                steps,
            )
            for key, draft in sorted(drafts.items())
            if key not in adopts and (steps := draft.steps())
        }
        sidecar = Sidecar(
            operation_id=operation,
            kind=Kind.MERGE,
            actor=actor,
            started_us=store.clock.now_us(),
            base=base.version,
            branch=target,
            pins=pins_of(sides.target, versions),
            adopts=adopts,
            merged_id=sides.source.head,
            rests_on=_new_rests(sides),
        )
        published = carry_through(store, base, sidecar, versions)
    kind = MergeKind.FAST_FORWARD if sides.common.is_target else MergeKind.THREE_WAY
    receipt = Receipt(operation_id=operation, graph_version=published.version)
    return Merged(kind=kind, receipt=receipt), published


def _sides(store: Store, base: Manifest, source: str, target: str) -> _Sides:
    """Return the two branches and what they have in common."""
    into, of = branch_of(base, target), branch_of(base, source)
    return _Sides(target=into, source=of, common=common_of(store, base, into, of))


def _drafts(store: Store, sides: _Sides) -> dict[str, Draft]:
    """Return what the target takes over, table by table, or raise the conflicts.

    Also tables that will be adopted, and those that refer to one or are referred to, so that the
    rules are held over their rows, too; so none of them may have drifted.
    """
    drafts: dict[str, Draft] = {}
    conflicts: dict[str, tuple[Key, ...]] = {}
    changed = {key for key in store.schema.tables if _has_changed(sides, key)}
    for key in sorted(changed.union(*(neighbours(store.schema, one) for one in changed))):
        table = store.schema.table(key)
        drafts[key] = Draft(store, table, undrifted_version(store, table, sides.target))
        if key in changed:
            mine = dict(drafts[key].rows)
            common = _rows(store, table, sides.common.branch.pin(key))
            found = takeover(common, mine, _rows(store, table, sides.source.pin(key)))
            _take_over(drafts[key], found.put, found.drop)
            conflicts |= {key: found.conflicts} if found.conflicts else {}
    if conflicts:
        raise MergeConflictError(sides.source.name, sides.target.name, conflicts)
    return drafts


def _has_changed(sides: _Sides, key: str) -> bool:
    """Whether the source has changed a table since they parted, and the target not to the same."""
    pin = sides.source.pin(key)
    return pin not in (sides.common.branch.pin(key), sides.target.pin(key))


def _take_over(draft: Draft, put: Iterable[Row], drop: Iterable[Key]) -> None:
    """Put rows in and take rows away."""
    for row in put:
        draft.put(row)
    for key in drop:
        draft.drop(key)


def _rows(store: Store, table: TableSchema, pin: TablePin) -> Mapping[Key, Row]:
    """Return the rows of a version by key."""
    version = read_version(store, table, pin.version, pin.ref)
    return {row[table.primary]: row for row in live_rows(store, table, version)}


def _adopts(store: Store, sides: _Sides) -> dict[str, TablePin]:
    """Return the tables of which the target goes to the version that the source sees.

    It may look at its own forks, at main, and at the forks of branches that it rests on; others go
    when their branch does. Once it has a fork of a table, it stays with that.
    """
    reachable = {MAIN, *sides.target.rests_on}
    return {
        key: sides.source.pin(key)
        for key in store.schema.tables
        if _has_changed(sides, key)
        and sides.target.pin(key) == sides.common.branch.pin(key)
        and sides.target.pin(key).ref != sides.target.id
        and sides.source.pin(key).ref in reachable
    }


def _new_rests(sides: _Sides) -> tuple[str, ...]:
    """Return the branches that the target rests on from now on: a later merge looks at them."""
    if sides.target.id == MAIN:
        return ()
    wanted = (*sides.source.rests_on, sides.source.id)
    known = (MAIN, sides.target.id, *sides.target.rests_on)
    return tuple(one for one in wanted if one not in known)
