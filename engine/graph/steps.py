"""What a schema apply may be made of: tables and columns that come, go and change their names.

Steps are carried out on paper, in order, so that several of them on one table make one change of
it, and what undoes itself is nothing. The schema as a whole is held at the end: a reference may
come before its table. It never looks at a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from engine.graph.errors import BadStepError
from engine.graph.schema import ColumnType, Row, Schema, TableSchema, fit_values, schema_of

Rewrite = Callable[[Row], Row]


class DropMode(StrEnum):
    """What happens to the data of a table that is dropped."""

    SOFT = "soft"  # it stays, until cleaning up finds that no graph version needs it
    HARD = "hard"  # what no graph version needs is removed at once


@dataclass(frozen=True, slots=True)
class AddTable:
    """Add an empty table."""

    table: TableSchema


@dataclass(frozen=True, slots=True)
class RenameTable:
    """Call a table something else; its rows and what refers to it follow, its name is free."""

    table: str
    to: str


@dataclass(frozen=True, slots=True)
class DropTable:
    """Take a table away; older graph versions show it as before, and its name is free."""

    table: str
    mode: DropMode = DropMode.SOFT


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Add a column, with this value in every row that is there."""

    table: str
    column: str
    kind: ColumnType
    value: Any


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """Call a column something else; its values and its rules follow."""

    table: str
    column: str
    to: str


@dataclass(frozen=True, slots=True)
class DropColumn:
    """Take a column away; the primary key and a column with rules cannot go."""

    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRules:
    """Put these rules in the place of all that a table has."""

    table: str
    references: Mapping[str, str] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)


Step = AddTable | RenameTable | DropTable | AddColumn | RenameColumn | DropColumn | SetRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What steps come to. Tables are called what they were called before, but for `added`.

    `rewrites` say what becomes of each row of a table; `collected` are the homes of dropped tables
    whose data is to go.
    """

    before: Schema
    after: Schema
    added: tuple[str, ...]
    renamed: Mapping[str, str]
    dropped: tuple[str, ...]
    rewrites: Mapping[str, Rewrite]
    collected: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether schema and rows stay as they are."""
        return self.after.hash == self.before.hash and not self.rewrites


def migration_of(schema: Schema, steps: Iterable[Step], operation: str) -> Migration:
    """Carry the steps out on paper; raise `BadStepError` or `BadSchemaError` if they cannot be.

    A table that comes gets a home of its own, after the operation, so that nothing that an older
    table of its name has left, or an apply that came to nothing, can ever be taken for its own.
    """
    plan = _Plan(schema)
    for step in steps:
        _carry_out(plan, step, operation)
    after = schema_of(*(entry.table for entry in plan.entries.values()))
    by_source = {one.source: key for key, one in plan.entries.items() if one.source}
    return Migration(
        before=schema,
        after=after,
        added=tuple(sorted(key for key, one in plan.entries.items() if not one.source)),
        renamed={source: key for source, key in sorted(by_source.items()) if source != key},
        dropped=tuple(sorted(schema.tables.keys() - by_source.keys())),
        rewrites={
            entry.source: _in_order(entry.rewrites)
            for _, entry in sorted(plan.entries.items())
            if entry.source and entry.rewrites
        },
        collected=tuple(sorted(plan.collected)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A table on paper, what it was called before the first step, and what its rows go through."""

    table: TableSchema
    source: str  # "" if it was not there
    rewrites: tuple[Rewrite, ...] = ()


class _Plan:
    """The schema on paper, by the names that its tables have at this step."""

    def __init__(self, schema: Schema) -> None:
        self.entries = {
            key: _Entry(table=table, source=key) for key, table in schema.tables.items()
        }
        self.collected: set[str] = set()

    def entry(self, key: str) -> _Entry:
        """Return the table that has this name at this step."""
        try:
            return self.entries[key]
        except KeyError:
            raise BadStepError(key, "there is no such table at that step") from None

    def free(self, key: str) -> None:
        """Refuse a name that a table has at this step."""
        if key in self.entries:
            raise BadStepError(key, "a table of that name is there")

    def change(self, key: str, table: TableSchema, rewrite: Rewrite) -> None:
        """Change a table and all of its rows."""
        entry = self.entry(key)
        rewrites = (*entry.rewrites, rewrite)
        self.entries[key] = replace(entry, table=table, rewrites=rewrites)


def _carry_out(plan: _Plan, step: Step, operation: str) -> None:
    """Change the plan by one step."""
    match step:
        case AddTable(table=table):
            plan.free(table.key)
            added = replace(table, origin=f"{table.key}.{operation}")
            plan.entries[table.key] = _Entry(table=added, source="")
        case RenameTable(table=key, to=to):
            _rename(plan, key, to)
        case DropTable(table=key, mode=mode):
            entry = plan.entry(key)
            if mode is DropMode.HARD and entry.source:
                plan.collected.add(entry.table.home)
            del plan.entries[key]
        case AddColumn():
            _add_column(plan, step)
        case RenameColumn(table=key, column=column, to=to):
            _rename_column(plan, key, column, to)
        case DropColumn(table=key, column=column):
            table = _having(plan, key, column)
            columns = {name: kind for name, kind in table.columns.items() if name != column}
            plan.change(key, replace(table, columns=columns), _without(column))
        case SetRules(table=key, references=references, at_most=at_most):
            entry = plan.entry(key)
            ruled = replace(entry.table, references={**references}, at_most={**at_most})
            plan.entries[key] = replace(entry, table=ruled)


def _rename(plan: _Plan, key: str, to: str) -> None:
    """Give a table another name, in what refers to it, too."""
    entry = plan.entry(key)
    plan.free(to)
    del plan.entries[key]
    home = entry.table.home
    plan.entries[to] = replace(
        entry, table=replace(entry.table, key=to, origin="" if home == to else home)
    )
    for other, each in plan.entries.items():
        references = {c: to if t == key else t for c, t in each.table.references.items()}
        plan.entries[other] = replace(each, table=replace(each.table, references=references))


def _add_column(plan: _Plan, step: AddColumn) -> None:
    """Add a column whose value fits."""
    table = plan.entry(step.table).table
    if step.column in table.columns:
        raise BadStepError(step.table, f"a column {step.column!r} is there")
    grown = replace(table, columns={**table.columns, step.column: step.kind})
    value = fit_values(grown, {step.column: step.value})
    plan.change(step.table, grown, lambda row: {**row, **value})


def _rename_column(plan: _Plan, key: str, column: str, to: str) -> None:
    """Give a column another name, in the rules of its table, too."""
    table = _having(plan, key, column)
    if to in table.columns:
        raise BadStepError(key, f"a column {to!r} is there")

    def renamed(by_column: Mapping[str, Any]) -> dict[str, Any]:
        return {to if name == column else name: one for name, one in by_column.items()}

    changed = replace(
        table,
        columns=renamed(table.columns),
        primary=to if table.primary == column else table.primary,
        references=renamed(table.references),
        at_most=renamed(table.at_most),
    )
    plan.change(key, changed, renamed)


def _having(plan: _Plan, key: str, column: str) -> TableSchema:
    """Return the table that has this column at this step."""
    table = plan.entry(key).table
    if column not in table.columns:
        raise BadStepError(key, f"there is no column {column!r} at that step")
    return table


def _without(column: str) -> Rewrite:
    """Return what takes a column out of a row."""
    return lambda row: {name: value for name, value in row.items() if name != column}


def _in_order(rewrites: tuple[Rewrite, ...]) -> Rewrite:
    """Return what carries out all of these."""

    def rewrite(row: Row) -> Row:
        for one in rewrites:
            row = one(row)
        return row

    return rewrite
