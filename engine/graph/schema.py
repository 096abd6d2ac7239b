"""Which tables a store has, with which columns; and whether a row fits.

Every column is required and has one of four types; one column is the primary key. A column may
refer to the primary key of a table, and the rows with one value in a column may be bounded in
number; `constraints` holds both. It never converts a value: a row fits as it is or is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.graph.errors import BadRowError, BadSchemaError, BadStatementError, UnknownTableError
from engine.graph.record import decode, digest, encode, parsing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCHEMA_DIRECTORY = "schema"
KEY_FORM = re.compile(r"^[A-Za-z0-9_]+(:[A-Za-z0-9_]+)*$")
COLUMN_FORM = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
INT_MAX = 2**63 - 1

Row = dict[str, Any]


class ColumnType(StrEnum):
    """What a column holds."""

    INT = "int"
    FLOAT = "float"
    STR = "str"
    BOOL = "bool"


PYTHON_TYPES: dict[ColumnType, type] = {
    ColumnType.INT: int,
    ColumnType.FLOAT: float,
    ColumnType.STR: str,
    ColumnType.BOOL: bool,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """One table: its key such as `node:Person`, its columns in order, its primary key.

    `references` names, for a column, the table whose primary key it holds; `at_most`, for a
    column, how many rows may have the same value in it. `origin` is for the store alone: what its
    files stand under, if that is not its key, because it was renamed or added later.
    """

    key: str
    columns: Mapping[str, ColumnType]
    primary: str = "id"
    references: Mapping[str, str] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)
    origin: str = ""

    def check(self) -> None:
        """Raise `BadSchemaError` if such a table cannot be."""
        if not KEY_FORM.match(self.key):
            raise BadSchemaError(self.key, "its key is not words joined by colons")
        wrong = [name for name in self.columns if not COLUMN_FORM.match(name)]
        if wrong:
            raise BadSchemaError(self.key, f"columns that are no names: {', '.join(wrong)}")
        if self.columns.get(self.primary) not in {ColumnType.INT, ColumnType.STR}:
            raise BadSchemaError(self.key, f"it needs an int or str column {self.primary!r}")
        missing = sorted((self.references.keys() | self.at_most.keys()) - self.columns.keys())
        if missing:
            raise BadSchemaError(self.key, f"rules for columns it lacks: {', '.join(missing)}")
        if any(type(limit) is not int or limit < 1 for limit in self.at_most.values()):
            raise BadSchemaError(self.key, "a column's limit is no number from 1 on")

    @property
    def home(self) -> str:
        """What its files stand under: its own for ever, whatever it and others are called."""
        return self.origin or self.key

    @property
    def directory(self) -> str:
        """The directory of the table's files."""
        return directory_of(self.home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All tables of a store, by key; `hash` is what the manifest calls this schema."""

    tables: Mapping[str, TableSchema]
    hash: str

    def table(self, key: str) -> TableSchema:
        """Return the table, or raise `UnknownTableError`."""
        try:
            return self.tables[key]
        except KeyError:
            raise UnknownTableError(key, tuple(self.tables)) from None

    def referrers(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return the tables and columns that refer to a table, sorted by table."""
        return tuple(
            (table.key, column)
            for table in self.tables.values()
            for column, target in table.references.items()
            if target == key
        )


def schema_of(*tables: TableSchema) -> Schema:
    """Return the schema of these tables, sorted by key; raise `BadSchemaError` if it cannot be."""
    for table in tables:
        table.check()
    by_key: dict[str, TableSchema] = {}
    for table in sorted(tables, key=lambda table: table.key):
        if table.key in by_key:
            raise BadSchemaError(table.key, "two tables have this key")
        by_key[table.key] = table
    for table in by_key.values():
        _check_references(table, by_key)
    return Schema(tables=by_key, hash=digest(_encode(by_key)))


def _check_references(table: TableSchema, by_key: Mapping[str, TableSchema]) -> None:
    """Raise `BadSchemaError` for a column that could hold no key of what it refers to."""
    for column, key in table.references.items():
        target = by_key.get(key)
        if target is None:
            raise BadSchemaError(table.key, f"{column!r} refers to {key!r}, which is no table")
        if target.columns[target.primary] is not table.columns[column]:
            raise BadSchemaError(table.key, f"{column!r} has another type than a key of {key!r}")


def directory_of(home: str) -> str:
    """Return the directory of the table whose files stand under this."""
    return f"tables/{home.replace(':', '.')}"


def schema_path(schema_hash: str) -> str:
    """Return the file of the schema that has this hash; no other content ever stands there."""
    return f"{SCHEMA_DIRECTORY}/{schema_hash}.json"


def encode_schema(schema: Schema) -> bytes:
    """Return the bytes of a schema's file."""
    return _encode(schema.tables)


def _encode(tables: Mapping[str, TableSchema]) -> bytes:
    """Return the bytes that the hash is made of."""
    by_key = {
        key: {
            "columns": [[name, str(kind)] for name, kind in table.columns.items()],
            "primary": table.primary,
            **({"references": dict(table.references)} if table.references else {}),
            **({"at_most": dict(table.at_most)} if table.at_most else {}),
            **({"origin": table.origin} if table.origin else {}),
        }
        for key, table in tables.items()
    }
    return encode({"tables": by_key})


def decode_schema(path: str, data: bytes) -> Schema:
    """Return the schema that a file holds."""
    fields = decode(path, data)
    with parsing(path):
        return schema_of(
            *(
                TableSchema(
                    key=key,
                    columns={name: ColumnType(kind) for name, kind in table["columns"]},
                    primary=table["primary"],
                    references=table.get("references", {}),
                    at_most=table.get("at_most", {}),
                    origin=table.get("origin", ""),
                )
                for key, table in fields["tables"].items()
            )
        )


def fit_rows(table: TableSchema, rows: Iterable[Row]) -> list[Row]:
    """Return copies of the rows with their columns in the order of the table.

    Raises `BadRowError` for a row that lacks a column, has one too many, or holds a value of
    another type: a bool is no int, an int is no float, and nothing is ever converted.
    """
    return [_fit(table, index, row) for index, row in enumerate(rows)]


def fit_values(table: TableSchema, values: Mapping[str, Any]) -> Row:
    """Return a copy of some columns' new values; raise `BadStatementError` if one does not fit."""
    for name, value in values.items():
        if name not in table.columns:
            raise BadStatementError(table.key, f"sets a column {name!r} that it does not have")
        if name == table.primary:
            raise BadStatementError(table.key, f"would change the primary key {name!r}")
        reason = _unfit(table, name, value)
        if reason:
            raise BadStatementError(table.key, reason)
    return dict(values)


def _fit(table: TableSchema, index: int, row: Row) -> Row:
    """Return one row in order."""
    if row.keys() != table.columns.keys():
        odd = ", ".join(sorted(row.keys() ^ table.columns.keys()))
        raise BadRowError(table.key, index, f"has not the columns of the table (see {odd})")
    for name in table.columns:
        reason = _unfit(table, name, row[name])
        if reason:
            raise BadRowError(table.key, index, reason)
    return {name: row[name] for name in table.columns}


def _unfit(table: TableSchema, name: str, value: object) -> str:
    """Return why a column cannot hold a value, or nothing."""
    kind = table.columns[name]
    if type(value) is not PYTHON_TYPES[kind]:
        return f"has {value!r} in column {name!r}, which holds {kind}"
    if not _storable(value):
        return f"has in column {name!r} a number beyond 64 bits or text beyond Unicode"
    return ""


def _storable(value: object) -> bool:
    """Whether a value of the right type can be written; half a surrogate pair cannot."""
    if type(value) is int:
        return -INT_MAX - 1 <= value <= INT_MAX
    try:
        return not isinstance(value, str) or value.encode() is not None
    except UnicodeEncodeError:
        return False
