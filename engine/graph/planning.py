"""From statements to a change of every table that they touch.

Carried out in memory, in order, on the versions that `commit` found under the locks: a later
statement sees what an earlier one did, and all tables move together or none does. It never writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.constraints import check_constraints
from engine.graph.draft import Draft
from engine.graph.errors import DuplicateKeyError, SchemaMovedError
from engine.graph.statement import Delete, Insert, Merge, Overwrite, Statement, Update, is_strict
from engine.graph.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.graph.branch import TablePin
    from engine.graph.operation import Kind
    from engine.graph.schema import Row, Schema
    from engine.graph.staging import Change
    from engine.graph.statement import Key, Which
    from engine.graph.store import Store
    from engine.graph.table import TableVersion


def work_of(
    store: Store,
    kind: Kind,
    actor: str,
    statements: Sequence[Statement],
    seen: Mapping[str, TablePin],
    branch: str,
) -> Work:
    """Return the operation that these statements make.

    `seen` are the pins that its author has seen on the branch (an id), by the homes of the tables.
    """
    schema = store.schema

    def plan(before: Mapping[str, TableVersion]) -> dict[str, Change]:
        drafts = {key: Draft(store, schema.table(key), one) for key, one in before.items()}
        for statement in statements:
            _carry_out(schema, drafts, statement)
        check_constraints(schema, drafts)
        changes = {key: draft.change() for key, draft in drafts.items()}
        return {key: change for key, change in changes.items() if change is not None}

    return Work(
        kind=kind,
        actor=actor,
        branch=branch,
        tables=_tables(schema, statements),
        strict={one.table: _seen(schema, one.table, seen) for one in statements if is_strict(one)},
        plan=plan,
    )


def _seen(schema: Schema, key: str, seen: Mapping[str, TablePin]) -> TablePin:
    """Return the version of a table that was seen, by its home: its key may have changed hands."""
    try:
        return seen[schema.table(key).home]
    except KeyError:
        raise SchemaMovedError(key) from None


def _tables(schema: Schema, statements: Iterable[Statement]) -> tuple[str, ...]:
    """Return what has to stand still: what may change, and what the rules have to look at.

    A row that is put looks at what it refers to; one that goes, at what refers to it.
    """
    found: set[str] = set()
    for statement in statements:
        key = statement.table
        found.add(key)
        match statement:
            case Insert() | Merge() | Update():
                found |= _targets(schema, key)
            case Overwrite():
                found |= neighbours(schema, key)
            case Delete(cascade=False):
                found |= _referrers(schema, key)
            case Delete():
                found |= _reached_by_cascade(schema, key)
    return tuple(sorted(found))


def neighbours(schema: Schema, key: str) -> set[str]:
    """Return the tables that a table refers to, and those that refer to it."""
    return _targets(schema, key) | _referrers(schema, key)


def _targets(schema: Schema, key: str) -> set[str]:
    """Return the tables that a table refers to."""
    return set(schema.table(key).references.values())


def _referrers(schema: Schema, key: str) -> set[str]:
    """Return the tables that refer to a table."""
    return {referrer for referrer, _ in schema.referrers(key)}


def _reached_by_cascade(schema: Schema, key: str) -> set[str]:
    """Return all tables that lose rows when a table does."""
    found: set[str] = set()
    waiting = {key}
    while waiting:
        found |= waiting
        waiting = {one for each in waiting for one in _referrers(schema, each)} - found
    return found


def _carry_out(schema: Schema, drafts: Mapping[str, Draft], statement: Statement) -> None:
    """Change the draft of a statement's table, and under cascade those that refer to it."""
    draft = drafts[statement.table]
    match statement:
        case Insert(rows=rows):
            _insert(draft, rows)
        case Merge(rows=rows):
            _merge(draft, rows)
        case Overwrite(rows=rows):
            _drop(draft, tuple(draft.rows))
            _merge(draft, rows)
        case Update(which=which, values=values):
            _merge(draft, [{**draft.rows[key], **values} for key in _chosen(draft, which)])
        case Delete(which=which, cascade=False):
            _drop(draft, _chosen(draft, which))
        case Delete(which=which):
            _cascade(schema, drafts, draft, _chosen(draft, which))


def _insert(draft: Draft, rows: Iterable[Row]) -> None:
    """Put rows in whose keys are not there."""
    for row in rows:
        key = row[draft.table.primary]
        if key in draft.rows:
            raise DuplicateKeyError(draft.table.key, key)
        draft.put(row)


def _merge(draft: Draft, rows: Iterable[Row]) -> None:
    """Put rows in, whatever is there."""
    for row in rows:
        draft.put(row)


def _drop(draft: Draft, keys: Iterable[Key]) -> None:
    """Take rows away."""
    for key in keys:
        draft.drop(key)


def _chosen(draft: Draft, which: Which) -> list[Key]:
    """Return the keys of the live rows that are meant; a predicate sees copies."""
    if callable(which):
        return [key for key, row in draft.rows.items() if which(dict(row))]
    return [key for key in which if key in draft.rows]


def _cascade(schema: Schema, drafts: Mapping[str, Draft], first: Draft, chosen: list[Key]) -> None:
    """Drop the rows and all that refer to them, over any number of tables and rounds."""
    waiting = [(first, chosen)]
    while waiting:
        draft, keys = waiting.pop()
        _drop(draft, keys)
        gone = frozenset(keys)
        for referrer, column in schema.referrers(draft.table.key) if gone else ():
            other = drafts[referrer]
            waiting.append((other, [k for k, row in other.rows.items() if row[column] in gone]))
