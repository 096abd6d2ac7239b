"""What a schema may be, and which rows fit it."""

from __future__ import annotations

import pytest

from engine.graph import BadRowError, BadSchemaError, ColumnType, Row, TableSchema, schema_of
from engine.graph.schema import decode_schema, encode_schema, fit_rows

TABLE = TableSchema(
    key="node:Thing",
    columns={
        "id": ColumnType.INT,
        "name": ColumnType.STR,
        "size": ColumnType.FLOAT,
        "on": ColumnType.BOOL,
    },
)
ROW: Row = {"id": 1, "name": "n", "size": 1.5, "on": True}


def test_a_schema_comes_back_with_its_hash() -> None:
    """Whatever the order in which its tables were given; columns keep their order."""
    other = TableSchema(key="edge:To", columns={"id": ColumnType.STR})
    schema = schema_of(TABLE, other)
    again = decode_schema("s", encode_schema(schema_of(other, TABLE)))
    assert schema.hash == again.hash
    assert list(TABLE.columns) == list(again.table("node:Thing").columns)


@pytest.mark.parametrize(
    "tables",
    [
        [TableSchema(key="a/b", columns={"id": ColumnType.STR})],
        [TableSchema(key="../a", columns={"id": ColumnType.STR})],
        [TableSchema(key="a", columns={"no": ColumnType.STR})],
        [TableSchema(key="a", columns={"id": ColumnType.FLOAT})],
        [TableSchema(key="a", columns={"id": ColumnType.STR, "not a name": ColumnType.STR})],
        [TABLE, TABLE],
    ],
)
def test_a_schema_that_cannot_be_is_refused(tables: list[TableSchema]) -> None:
    """Keys and columns are names, the primary key is an int or a str, and keys differ."""
    with pytest.raises(BadSchemaError, match="Correct the schema"):
        schema_of(*tables)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"id": "1"},
        {"id": True},
        {"id": None},
        {"id": 2**63},
        {"size": 1},
        {"on": 1},
        {"name": "\ud800"},
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_nothing_is_converted(change: Row) -> None:
    """The sentence names the table and the row's place."""
    with pytest.raises(BadRowError, match=r"row 1 for 'node:Thing' .* nothing .* was written"):
        fit_rows(TABLE, [ROW, {**ROW, **change}])


def test_a_row_that_fits_is_copied_in_the_order_of_the_columns() -> None:
    """The caller's own dict stays the caller's."""
    given = dict(reversed(ROW.items()))
    fitted = fit_rows(TABLE, [given])[0]
    assert list(TABLE.columns) == list(fitted)
    assert (ROW, True) == (fitted, fitted is not given)
