"""Who settles what: the living are left alone, identities are kept, the unreadable is refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    NOT_PUBLISHED,
    DamagedFileError,
    Decision,
    FutureFormatError,
    GraphError,
    MisnamedFileError,
    Mode,
    Pin,
    UndecidableSidecarError,
)
from engine.storage import IoFailedError
from engine.tests.graph.dead import commit_raw, put_sidecar, versions_of, wait_for
from engine.tests.stores import (
    ADA,
    ADA_BOB,
    BOB,
    BOTH,
    EMPTY,
    KNOWS,
    PERSON,
    image,
    kill_at,
    open_store,
    start,
)
from killpoint.failpoints import arm

if TYPE_CHECKING:
    from pathlib import Path


def test_a_living_owner_of_another_process_is_left_alone(root: Path) -> None:
    """Parked between its tables, it keeps sidecar and table; dead, it is rolled back."""
    with start(root, "both", "phase_b.after_commit=hang") as owner:
        wait_for(versions_of(root, KNOWS), "*.json")
        before = image(root)
        store = open_store(root, 2)
        assert before == image(root)
        assert (EMPTY, 1, ()) == (store.rows(), len(store.pending()), store.audit())
        owner.kill()
    after = open_store(root, 3)
    assert [Decision.ROLLED_BACK] == [row.decision for row in after.audit()]
    assert ((), EMPTY) == (after.pending(), after.rows())


def test_two_operations_on_one_table_are_published_in_turn(root: Path) -> None:
    """The second rests on the first; HEAD stays where it was, whichever has the lower id."""
    for incarnation, (first, second) in enumerate((("a", "b"), ("z", "y")), start=1):
        store = open_store(root, incarnation)
        store.insert({PERSON: [{"id": first, "age": 1}]})
        base, head = store.version(), store.heads()[PERSON]
        for place, operation_id in enumerate((first, second), start=head):
            commit_raw(root, PERSON, place + 1, operation_id)
            pin = Pin(table=PERSON, expected=place, post=place + 1)
            put_sidecar(root, operation_id, pin, base=base)
        after = open_store(root, 9)
        assert head + 2 == after.heads()[PERSON] == after.pins()[PERSON]
        assert [first, second] == [row.operation_id for row in after.history()[-2:]]


def test_one_without_effect_takes_no_credit_for_anothers_work(root: Path) -> None:
    """Another process wrote the same table from the same version, and died before its publish."""
    kill_at(root, "person", "phase_a.after_sidecar=kill")
    (sidecar,) = (root / "recovery").iterdir()
    armed = sidecar.read_bytes()
    sidecar.unlink()  # or the opening of the second victim would close it
    kill_at(root, "both", "phase_c.before_publish=kill", incarnation=2)
    sidecar.write_bytes(armed)
    store = open_store(root, 3)
    assert BOTH == store.rows()
    assert [
        ("000001-w-000001", Decision.ROLLED_BACK, NOT_PUBLISHED),
        ("000002-w-000001", Decision.ROLLED_FORWARD, 2),
    ] == [(row.operation_id, row.decision, row.graph_version) for row in store.audit()]
    assert {PERSON: 1, KNOWS: 1} == store.heads() == store.pins()


def test_a_later_write_is_not_taken_for_a_success_of_the_dead(root: Path) -> None:
    """The pin has moved beyond what the dead expected, yet it published nothing."""
    kept = open_store(root, 1)
    kill_at(root, "person", "phase_a.after_sidecar=kill", incarnation=2)
    kept.insert({PERSON: [ADA]})
    (row,) = open_store(root, 3).audit()
    assert (Decision.ROLLED_BACK, (), NOT_PUBLISHED) == (
        row.decision,
        row.outcomes,
        row.graph_version,
    )
    assert ([ADA], 2) == (kept.read(PERSON), kept.version())


def test_a_failure_to_clear_the_sidecar_does_not_fail_the_operation(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is acknowledged and logged; the next open finds it published, once."""
    store = open_store(root, 1)
    with arm("sidecar.delete.before=raise(OSError, EIO)"), caplog.at_level(logging.WARNING):
        receipt = store.insert(BOTH)
    assert receipt.operation_id in caplog.text
    assert (BOTH, 1) == (store.rows(), len(store.pending()))
    after = open_store(root, 2)
    (row,) = after.audit()
    assert (Decision.ROLLED_FORWARD, receipt.graph_version) == (row.decision, row.graph_version)
    assert ((), 2) == (after.pending(), after.version())


def _corrupt(root: Path, name: str) -> None:
    (root / "recovery" / name).write_text('{"format": 1, "half')


def _future(root: Path, name: str) -> None:
    (root / "recovery" / name).write_text('{"format": 7}')


def _misnamed(root: Path, name: str) -> None:
    put_sidecar(root, "other", Pin(table=PERSON, expected=0, post=1))
    (root / "recovery/other.json").rename(root / "recovery" / name)


def _unknown_table(root: Path, name: str) -> None:
    put_sidecar(root, name.removesuffix(".json"), Pin(table="node:X", expected=0, post=1), base=1)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (_corrupt, DamagedFileError),
        (_future, FutureFormatError),
        (_misnamed, MisnamedFileError),
        (_unknown_table, DamagedFileError),
    ],
)
def test_a_sidecar_that_cannot_be_judged_is_refused_by_name(
    root: Path, damage: object, error: type[GraphError]
) -> None:
    """Writing is refused with nothing changed, the sound sidecar beside it too; reading works."""
    kill_at(root, "both", "phase_c.before_publish=kill")
    assert callable(damage)
    damage(root, "9-bad.json")
    before = image(root)
    with pytest.raises(error, match=r"'recovery/9-bad.json'.*(move|upgrade)"):
        open_store(root, 2)
    assert EMPTY == open_store(root, 2, mode=Mode.READ_ONLY).rows()
    assert before == image(root)
    (root / "recovery/9-bad.json").unlink()
    assert BOTH == open_store(root, 3).rows()


def test_what_no_operation_leaves_is_refused_with_what_was_found(root: Path) -> None:
    """Half of an operation with another's version on top: neither way would be right."""
    store = open_store(root, 1)
    store.insert({PERSON: [ADA, BOB], KNOWS: [ADA_BOB]})
    commit_raw(root, PERSON, 2, "half")
    commit_raw(root, PERSON, 3, "foreign")
    pins = (Pin(table=KNOWS, expected=1, post=2), Pin(table=PERSON, expected=1, post=2))
    put_sidecar(root, "half", *pins)
    before = image(root)
    with pytest.raises(UndecidableSidecarError, match=r"half.*buried.*run repair"):
        open_store(root, 2)
    assert before == image(root)


def test_one_that_waits_for_nobody_is_refused(root: Path) -> None:
    """It rests on an unpublished version whose owner left no sidecar."""
    open_store(root, 1).insert({PERSON: [ADA]})
    commit_raw(root, PERSON, 2, "nobody")
    commit_raw(root, PERSON, 3, "late")
    put_sidecar(root, "late", Pin(table=PERSON, expected=2, post=3))
    with pytest.raises(UndecidableSidecarError, match=r"late.*waiting"):
        open_store(root, 2)


def test_an_opening_that_cannot_list_the_sidecars_fails_loudly(root: Path) -> None:
    """Not knowing what the dead left, it opens nothing and changes nothing; the next recovers."""
    kill_at(root, "both", "phase_c.before_publish=kill")
    before = image(root)
    with arm("sidecar.list.before=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        open_store(root, 2)
    assert before == image(root)
    assert BOTH == open_store(root, 3).rows()


def test_the_recovery_directory_may_hold_other_files_and_may_be_missing(root: Path) -> None:
    """What is no sidecar is left alone; without any the store opens, and writes make it anew."""
    kill_at(root, "both", "phase_c.before_publish=kill")
    note = root / "recovery/README.txt"
    note.write_text("left by an operator")
    store = open_store(root, 2)
    assert (BOTH, [note]) == (store.rows(), list((root / "recovery").iterdir()))
    note.unlink()
    note.parent.rmdir()
    store = open_store(root, 3)
    store.insert({PERSON: [{"id": "dan", "age": 1}]})
    assert ((), store.pins()) == (store.pending(), store.heads())
