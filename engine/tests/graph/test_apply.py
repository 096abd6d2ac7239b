"""Changing the schema: rows follow, old graph versions stay, and it is all or nothing."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    AddColumn,
    AddTable,
    BadRowError,
    BadStepError,
    BranchesStandError,
    CardinalityError,
    ColumnType,
    Decision,
    DriftError,
    DropColumn,
    DropMode,
    DropTable,
    DuplicateKeyError,
    Graph,
    MissingReferenceError,
    Mode,
    RenameColumn,
    RenameTable,
    SchemaMovedError,
    SetRules,
    Step,
    TableBusyError,
    TableSchema,
    UnknownTableError,
)
from engine.tests.graph.rules import CITY, FIRST, KNOWS, NOTE, PERSON, edge, person, ruled_store
from engine.tests.stores import ADA, ADA_BOB, image, kill_at, open_store
from killpoint.failpoints import arm, park_first

if TYPE_CHECKING:
    from pathlib import Path

HUMAN = "node:Human"
TAG = "node:Tag"
INT = ColumnType.INT
CITY_AT = "node.City"
TAG_TABLE = TableSchema(key=TAG, columns={"id": ColumnType.STR})
RED = {"id": "red"}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Return where the store is."""
    return tmp_path / "ruled"


@pytest.fixture
def store(where: Path) -> Graph:
    """Return a handle on a store with rules and rows."""
    return ruled_store(where)


def test_a_table_that_is_added_can_be_used_at_once(store: Graph, where: Path) -> None:
    """On the same handle and on one opened later; nothing has moved and nothing is pending."""
    heads = store.heads()
    receipt = store.apply_schema([AddTable(TAG_TABLE)])
    assert ({**heads, TAG: 0}, 3) == (store.heads(), receipt.graph_version)
    store.insert({TAG: [RED]})
    store.update(TAG, ["red"], {})
    assert ([RED], ()) == (open_store(where, 2).read(TAG), store.pending())


def test_a_renamed_table_keeps_its_rows_and_frees_its_name(store: Graph) -> None:
    """What refers to it follows; the table that gets its old name has nothing to do with it."""
    store.apply_schema([RenameTable(PERSON, HUMAN)])
    assert FIRST[PERSON] == store.read(HUMAN)
    with pytest.raises(UnknownTableError):
        store.read(PERSON)
    store.delete(HUMAN, ["cyd"])
    with pytest.raises(MissingReferenceError, match=HUMAN):
        store.insert({KNOWS: [edge("ada", "cyd")]})
    store.apply_schema([AddTable(TableSchema(key=PERSON, columns={"id": ColumnType.INT}))])
    store.insert({PERSON: [{"id": 1}]})
    assert ([{"id": 1}], 2) == (store.read(PERSON), len(store.read(HUMAN)))


def test_a_dropped_table_is_gone_and_old_versions_show_it(store: Graph, where: Path) -> None:
    """Under the schema that they had; its name is free."""
    before = store.rows()
    store.apply_schema([DropTable(NOTE)])
    assert NOTE not in store.rows()
    store.apply_schema([AddTable(TableSchema(key=NOTE, columns={"id": ColumnType.STR}))])
    store.insert({NOTE: [RED]})
    for handle in (store, open_store(where, 2, mode=Mode.READ_ONLY)):
        assert (before, [RED]) == (handle.rows(2), handle.read(NOTE))
        assert ["id", "about"] == list(handle.schema(2).table(NOTE).columns)


def test_only_a_hard_drop_removes_what_no_graph_version_needs(store: Graph, where: Path) -> None:
    """At once; what an older one shows stays, so that it reads as before."""
    before = store.rows()
    orphans = [where / "tables" / each / "data/9-dead-1-0.arrow" for each in ("edge.Note", CITY_AT)]
    for orphan in orphans:
        orphan.write_bytes(b"of an operation that died before its sidecar")
    store.apply_schema([DropTable(NOTE, DropMode.SOFT), DropTable(CITY, DropMode.HARD)])
    assert [True, False] == [orphan.exists() for orphan in orphans]
    assert before == store.rows(2) == open_store(where, 2).rows(2)


def test_a_collection_that_fails_does_not_fail_the_apply(
    store: Graph, where: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is published; what is left is named in the log and goes with the next cleanup."""
    orphan = where / "tables" / CITY_AT / "data/9-dead-1-0.arrow"
    orphan.write_bytes(b"of an operation that died before its sidecar")
    with arm("cleanup.fragment.before=raise(OSError, EIO)"), caplog.at_level(logging.WARNING):
        store.apply_schema([DropTable(CITY, DropMode.HARD)])
    assert (True, False) == (orphan.exists(), CITY in store.pins())
    assert f"tables/{CITY_AT} stays until the next cleanup" in caplog.text
    store.cleanup(1)
    assert [] == [path for path in orphan.parent.parent.rglob("*") if path.is_file()]


def test_columns_come_go_and_change_names_with_their_values(store: Graph) -> None:
    """Several steps make one version of each table; an empty one and others do not move."""
    store.delete(NOTE, ["n"])
    heads = store.heads()
    store.apply_schema(
        [
            AddColumn(PERSON, "size", ColumnType.FLOAT, 1.5),
            RenameColumn(PERSON, "id", "name"),
            DropColumn(PERSON, "age"),
            AddColumn(NOTE, "text", ColumnType.STR, ""),
        ]
    )
    assert {**heads, PERSON: heads[PERSON] + 1} == store.heads() == store.pins()
    assert {"name": "ada", "size": 1.5} == store.read(PERSON)[0]
    assert person("ada") == store.read(PERSON, 2)[0]
    with pytest.raises(BadRowError):
        store.insert({PERSON: [person("dan")]})
    store.insert({PERSON: [{"name": "dan", "size": 2.0}], KNOWS: [edge("dan", "ada")]})


def test_a_table_may_be_renamed_and_rewritten_in_one_apply(store: Graph) -> None:
    """While another takes its name, and a third goes."""
    store.apply_schema(
        [
            DropTable(NOTE),
            RenameTable(CITY, TAG),
            AddColumn(TAG, "size", ColumnType.INT, 1),
            AddTable(TableSchema(key=CITY, columns={"id": ColumnType.INT})),
        ]
    )
    assert ([{"id": "york", "size": 1}], []) == (store.read(TAG), store.read(CITY))
    assert [PERSON, KNOWS, CITY, TAG] == sorted(store.rows(), key=[PERSON, KNOWS, CITY, TAG].index)
    store.insert({TAG: [{"id": "bath", "size": 2}], CITY: [{"id": 1}]})


def test_names_may_be_swapped_and_taken_over(store: Graph) -> None:
    """Whichever comes first in the alphabet, rows go with their table and not with its name."""
    before = store.rows()
    store.apply_schema(
        [RenameTable(PERSON, TAG), RenameTable(CITY, PERSON), RenameTable(TAG, CITY)]
    )
    assert (before[PERSON], before[CITY]) == (store.read(CITY), store.read(PERSON))
    grown: list[Step] = [
        DropTable(PERSON),
        RenameTable(NOTE, PERSON),
        AddColumn(PERSON, "n", INT, 1),
    ]
    store.apply_schema(grown)
    assert [{**before[NOTE][0], "n": 1}] == store.read(PERSON)
    store.apply_schema([DropTable(PERSON), RenameTable(CITY, PERSON)])
    assert before[PERSON] == store.read(PERSON)
    assert before == store.rows(2)


def test_a_column_that_goes_and_comes_again_has_new_values(store: Graph) -> None:
    """Although the schema is the one that it was."""
    store.apply_schema([DropColumn(PERSON, "age"), AddColumn(PERSON, "age", INT, 9)])
    assert [9, 9, 9] == [row["age"] for row in store.read(PERSON)]


def test_what_changes_nothing_leaves_nothing(store: Graph, where: Path) -> None:
    """Neither a graph version nor a file."""
    before = image(where)
    receipt = store.apply_schema([AddTable(TAG_TABLE), DropTable(TAG)])
    assert (2, before) == (receipt.graph_version, image(where))


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (SetRules(table=KNOWS, at_most={"dst": 1}), CardinalityError),
        (SetRules(table=PERSON, references={"id": CITY}), MissingReferenceError),
        (DropColumn(KNOWS, "no"), BadStepError),
    ],
)
def test_rows_that_would_break_a_rule_are_found_before_anything_is_written(
    store: Graph, where: Path, step: Step, error: type[Exception]
) -> None:
    """Whatever else the apply was to do; afterwards the handle goes on as before."""
    store.insert({KNOWS: [edge("cyd", "bob")]})
    before = image(where)
    with pytest.raises(error):
        store.apply_schema([AddTable(TAG_TABLE), step])
    assert before == image(where)
    store.apply_schema([SetRules(table=KNOWS, at_most={"src": 1})])
    with pytest.raises(CardinalityError):
        store.insert({KNOWS: [edge("cyd", "ada")]})


def test_a_stale_handle_notices_the_schema_at_its_next_call(store: Graph, where: Path) -> None:
    """Reading or writing, as if it had been opened now; what it has not read it may not change."""
    reader, writer = open_store(where, 2, mode=Mode.READ_ONLY), open_store(where, 3)
    store.apply_schema([AddTable(TAG_TABLE), DropTable(NOTE), DropColumn(PERSON, "age")])
    assert ({"id": "ada"}, []) == (reader.read(PERSON)[0], reader.read(TAG))
    writer.insert({TAG: [RED], PERSON: [{"id": "dan"}]})
    store.apply_schema([DropTable(TAG), AddTable(TableSchema(key=TAG, columns=TAG_TABLE.columns))])
    with pytest.raises(SchemaMovedError, match=r"'node:Tag'.*refresh and retry"):
        writer.delete(TAG, ["red"])
    writer.refresh()
    writer.delete(TAG, ["red"])
    with pytest.raises(DuplicateKeyError):
        store.insert({PERSON: [{"id": "dan"}]})


def test_an_apply_keeps_the_rows_of_the_dead(store: Graph, where: Path) -> None:
    """What they had committed whole is published first; the new column is in those rows, too."""
    kill_at(where, "merge", "phase_c.before_publish=kill", incarnation=2)
    store.apply_schema([AddColumn(PERSON, "size", ColumnType.INT, 1)])
    assert {"id": "ada", "age": 37, "size": 1} == store.read(PERSON)[0]
    assert [Decision.ROLLED_FORWARD] == [row.decision for row in store.audit()]


def test_an_apply_is_refused_over_half_of_a_dead_operation(store: Graph, where: Path) -> None:
    """On whichever table it stands, and whatever the apply is about; reopening mends it."""
    kill_at(where, "merge", "phase_b.after_commit=kill", incarnation=2)
    before = image(where)
    for step in (AddTable(TAG_TABLE), DropTable(NOTE)):
        with pytest.raises(DriftError, match="reopen the store read_write"):
            store.apply_schema([step])
    assert before == image(where)
    open_store(where, 3).close()
    store.apply_schema([AddTable(TAG_TABLE)])


@pytest.mark.parametrize(
    ("point", "decision"),
    [
        ("schema.put.linked", None),
        ("phase_a.after_sidecar", Decision.ROLLED_BACK),
        ("phase_b.after_commit", Decision.ROLLED_FORWARD),
        ("phase_c.after_publish", Decision.ROLLED_FORWARD),
        ("phase_d.before_delete", Decision.ROLLED_FORWARD),
    ],
)
def test_after_a_death_in_an_apply_the_next_process_writes_at_once(
    root: Path, point: str, decision: Decision | None
) -> None:
    """One that was open all along and one that opens, and neither waits for any lock."""
    kept = open_store(root, 2, wait_s=0.0)
    kept.insert({PERSON: [ADA]})
    kill_at(root, "apply", f"{point}=kill", incarnation=3)
    kept.insert({KNOWS: [ADA_BOB]})
    after = open_store(root, 4, wait_s=0.0)
    forward = decision is Decision.ROLLED_FORWARD
    new = {"size": 1} if forward else {}
    for number, handle in enumerate((kept, after)):
        handle.insert({PERSON: [{"id": f"p{number}", "age": number, **new}]})
    assert ([decision] if decision else []) == [row.decision for row in after.audit()]
    assert ({**ADA, **new}, forward) == (after.read(PERSON)[0], TAG in after.pins())
    assert ((), after.heads(), [ADA_BOB]) == (after.pending(), after.pins(), after.read(KNOWS))


def test_an_apply_is_alone_in_the_store(store: Graph, where: Path) -> None:
    """A writer that lives holds it off, and it holds off writers; each goes on after the other."""
    other = open_store(where, 2, wait_s=0.05)
    with ThreadPoolExecutor(1) as threads:
        with park_first("phase_a.before_sidecar") as meeting:
            first = threads.submit(store.insert, {CITY: [{"id": "bath"}]})
            meeting.wait_until_reached()
            with pytest.raises(TableBusyError, match="'schema' is held by a live operation"):
                other.apply_schema([AddTable(TAG_TABLE)])
            meeting.release()
            first.result()
        with park_first("phase_c.before_publish") as meeting:
            second = threads.submit(store.apply_schema, [DropTable(CITY)])
            meeting.wait_until_reached()
            with pytest.raises(TableBusyError, match="'schema' is held by a live operation"):
                other.insert({CITY: [{"id": "hull"}]})
            meeting.release()
            second.result()
    with pytest.raises(UnknownTableError):
        other.insert({CITY: [{"id": "hull"}]})


def test_a_schema_is_not_changed_while_there_are_branches(store: Graph, where: Path) -> None:
    """They would be of another schema than their tables are; the sentence names them."""
    store.create_branch("trial")
    before = image(where)
    with pytest.raises(BranchesStandError, match=r"'trial'.*merge or delete them first"):
        store.apply_schema([AddTable(TAG_TABLE)])
    assert before == image(where)
    store.delete_branch("trial")
    store.apply_schema([AddTable(TAG_TABLE)])
