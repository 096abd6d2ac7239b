"""Steps on paper: what they come to together, and which of them cannot be."""

from __future__ import annotations

import pytest

from engine.graph import ColumnType, TableSchema, schema_of
from engine.graph.errors import BadSchemaError, BadStatementError, BadStepError
from engine.graph.steps import (
    AddColumn,
    AddTable,
    DropColumn,
    DropMode,
    DropTable,
    Migration,
    RenameColumn,
    RenameTable,
    SetRules,
    Step,
    migration_of,
)

PERSON = "node:Person"
HUMAN = "node:Human"
KNOWS = "edge:Knows"
TAG = "node:Tag"
SCHEMA = schema_of(
    TableSchema(key=PERSON, columns={"id": ColumnType.STR, "age": ColumnType.INT}),
    TableSchema(
        key=KNOWS,
        columns={"id": ColumnType.STR, "src": ColumnType.STR},
        references={"src": PERSON},
        at_most={"src": 2},
    ),
)
TAG_TABLE = TableSchema(key=TAG, columns={"id": ColumnType.STR})
ADA = {"id": "ada", "age": 36}


def _come_to(*steps: Step) -> Migration:
    return migration_of(SCHEMA, steps, "7-w-1")


def test_a_table_that_comes_has_a_home_of_its_own() -> None:
    """After the operation, so that a later one of the same name has another."""
    made = _come_to(AddTable(TAG_TABLE))
    assert ((TAG,), {}, (), {}) == (made.added, made.renamed, made.dropped, made.rewrites)
    assert "tables/node.Tag.7-w-1" == made.after.table(TAG).directory


def test_a_renamed_table_keeps_its_home_and_what_refers_to_it() -> None:
    """Its rows follow without being touched; back again it is what it was."""
    made = _come_to(RenameTable(PERSON, HUMAN))
    assert ({PERSON: HUMAN}, (), {}) == (made.renamed, made.dropped, made.rewrites)
    assert SCHEMA.table(PERSON).directory == made.after.table(HUMAN).directory
    assert {"src": HUMAN} == made.after.table(KNOWS).references
    back = migration_of(made.after, [RenameTable(HUMAN, PERSON)], "8-w-1")
    assert SCHEMA == back.after


def test_a_name_is_free_once_its_table_has_another_or_has_gone() -> None:
    """In the same apply, too; the two have nothing to do with each other."""
    new = TableSchema(key=PERSON, columns={"id": ColumnType.INT})
    renamed = _come_to(RenameTable(PERSON, HUMAN), AddTable(new))
    assert ((PERSON,), {PERSON: HUMAN}, ()) == (renamed.added, renamed.renamed, renamed.dropped)
    dropped = _come_to(SetRules(table=KNOWS), DropTable(PERSON), AddTable(new))
    assert ((PERSON,), {}, (PERSON,)) == (dropped.added, dropped.renamed, dropped.dropped)
    assert SCHEMA.table(PERSON).home != dropped.after.table(PERSON).home


def test_only_a_hard_drop_asks_for_its_data_to_be_collected() -> None:
    """By its home: its name may be another's by then."""
    assert () == _come_to(DropTable(KNOWS)).collected
    assert (KNOWS,) == _come_to(DropTable(KNOWS, DropMode.HARD)).collected


def test_steps_on_one_table_make_one_change_of_its_rows() -> None:
    """In order, under the name that it had before; the rules of a column follow it."""
    made = _come_to(
        AddColumn(PERSON, "size", ColumnType.FLOAT, 1.5),
        RenameTable(PERSON, HUMAN),
        RenameColumn(HUMAN, "id", "name"),
        DropColumn(HUMAN, "age"),
        RenameColumn(KNOWS, "src", "by"),
    )
    assert {"name": "ada", "size": 1.5} == made.rewrites[PERSON](ADA)
    assert ("name", ["name", "size"]) == (
        made.after.table(HUMAN).primary,
        list(made.after.table(HUMAN).columns),
    )
    ruled = made.after.table(KNOWS)
    assert ({"by": HUMAN}, {"by": 2}) == (ruled.references, ruled.at_most)


def test_what_undoes_itself_is_nothing() -> None:
    """And so are no steps at all, and the rules that are there already."""
    same = SCHEMA.table(KNOWS)
    for steps in (
        (),
        (AddTable(TAG_TABLE), DropTable(TAG)),
        (RenameTable(PERSON, HUMAN), RenameTable(HUMAN, PERSON)),
        (SetRules(table=KNOWS, references=same.references, at_most=same.at_most),),
    ):
        assert _come_to(*steps).changes_nothing
    assert not _come_to(SetRules(table=KNOWS)).changes_nothing


@pytest.mark.parametrize(
    "step",
    [
        AddTable(SCHEMA.table(PERSON)),
        RenameTable(TAG, HUMAN),
        RenameTable(PERSON, KNOWS),
        DropTable(TAG),
        AddColumn(PERSON, "age", ColumnType.INT, 1),
        RenameColumn(PERSON, "size", "age"),
        RenameColumn(PERSON, "id", "age"),
        DropColumn(PERSON, "size"),
        SetRules(table=TAG),
    ],
)
def test_a_step_that_finds_nothing_or_what_it_must_not_is_refused(step: Step) -> None:
    """The sentence names the table."""
    with pytest.raises(BadStepError, match=r"a step on '(node|edge):\w+' cannot be"):
        _come_to(step)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (DropTable(PERSON), BadSchemaError),
        (DropColumn(PERSON, "id"), BadSchemaError),
        (DropColumn(KNOWS, "src"), BadSchemaError),
        (SetRules(table=KNOWS, references={"src": TAG}), BadSchemaError),
        (RenameTable(PERSON, "no name"), BadSchemaError),
        (AddColumn(PERSON, "size", ColumnType.INT, 1.5), BadStatementError),
    ],
)
def test_a_schema_that_could_not_be_is_refused(step: Step, error: type[Exception]) -> None:
    """It is held when all steps are carried out, and a new value must fit its column."""
    with pytest.raises(error):
        _come_to(step)
