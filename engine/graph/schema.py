"""Which tables a store has, with which columns; and whether a row fits.

Every column is required and has one of four types; one column is the primary key. It never
converts a value: a row fits as it is or is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.graph.errors import BadRowError, BadSchemaError, UnknownTableError
from engine.graph.record import decode, digest, encode, parsing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCHEMA_PATH = "schema.json"
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
    """One table: its key such as `node:Person`, its columns in order, its primary key."""

    key: str
    columns: Mapping[str, ColumnType]
    primary: str = "id"

    def check(self) -> None:
        """Raise `BadSchemaError` if such a table cannot be."""
        if not KEY_FORM.match(self.key):
            raise BadSchemaError(self.key, "its key is not words joined by colons")
        wrong = [name for name in self.columns if not COLUMN_FORM.match(name)]
        if wrong:
            raise BadSchemaError(self.key, f"columns that are no names: {', '.join(wrong)}")
        if self.columns.get(self.primary) not in {ColumnType.INT, ColumnType.STR}:
            raise BadSchemaError(self.key, f"it needs an int or str column {self.primary!r}")

    @property
    def directory(self) -> str:
        """The directory of the table's files."""
        return f"tables/{self.key.replace(':', '.')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All tables of a store, by key."""

    tables: Mapping[str, TableSchema]

    @property
    def hash(self) -> str:
        """What the manifest calls this schema."""
        return digest(encode_schema(self))

    def table(self, key: str) -> TableSchema:
        """Return the table, or raise `UnknownTableError`."""
        try:
            return self.tables[key]
        except KeyError:
            raise UnknownTableError(key, tuple(self.tables)) from None


def schema_of(*tables: TableSchema) -> Schema:
    """Return the schema of these tables, sorted by key; raise `BadSchemaError` if it cannot be."""
    for table in tables:
        table.check()
    by_key: dict[str, TableSchema] = {}
    for table in sorted(tables, key=lambda table: table.key):
        if table.key in by_key:
            raise BadSchemaError(table.key, "two tables have this key")
        by_key[table.key] = table
    return Schema(tables=by_key)


def encode_schema(schema: Schema) -> bytes:
    """Return the bytes of `schema.json`."""
    tables = {
        key: {
            "columns": [[name, str(kind)] for name, kind in table.columns.items()],
            "primary": table.primary,
        }
        for key, table in schema.tables.items()
    }
    return encode({"tables": tables})


def decode_schema(data: bytes) -> Schema:
    """Return the schema that `schema.json` holds."""
    fields = decode(SCHEMA_PATH, data)
    with parsing(SCHEMA_PATH):
        return schema_of(
            *(
                TableSchema(
                    key=key,
                    columns={name: ColumnType(kind) for name, kind in table["columns"]},
                    primary=table["primary"],
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


def _fit(table: TableSchema, index: int, row: Row) -> Row:
    """Return one row in order."""
    if row.keys() != table.columns.keys():
        odd = ", ".join(sorted(row.keys() ^ table.columns.keys()))
        raise BadRowError(table.key, index, f"has not the columns of the table (see {odd})")
    for name, kind in table.columns.items():
        value = row[name]
        if type(value) is not PYTHON_TYPES[kind]:
            reason = f"has {value!r} in column {name!r}, which holds {kind}"
            raise BadRowError(table.key, index, reason)
        if not _storable(value):
            reason = f"has in column {name!r} a number beyond 64 bits or text beyond Unicode"
            raise BadRowError(table.key, index, reason)
    return {name: row[name] for name in table.columns}


def _storable(value: object) -> bool:
    """Whether a value of the right type can be written; half a surrogate pair cannot."""
    if type(value) is int:
        return -INT_MAX - 1 <= value <= INT_MAX
    try:
        return not isinstance(value, str) or value.encode() is not None
    except UnicodeEncodeError:
        return False
