"""Drift that no operation accounts for: told in a preview, mended with as much consent as due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.graph import (
    Consent,
    Finding,
    Kind,
    Mode,
    ReadOnlyError,
    RecoveryPendingError,
    Remedy,
    Repaired,
    Row,
    TableBusyError,
    Treatment,
)
from engine.graph.sidecar import operation_lock
from engine.graph.table import TableVersion
from engine.tests.graph.dead import commit_raw, versions_of, wait_for
from engine.tests.stores import (
    ADA,
    ADA_BOB,
    BOB,
    BOTH,
    CYD,
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

    from engine.graph import Graph


def _drift(root: Path, finding: Finding) -> Graph:
    """Return a handle on a store of three people, with a version above that nobody published."""
    store = open_store(root, 1)
    store.insert(BOTH)
    store.insert({PERSON: [CYD]})
    commit_raw(root, PERSON, 3, "foreign")
    path = versions_of(root, PERSON) / f"{3:020d}.json"
    match finding:
        case Finding.SAME_ROWS:
            pass
        case Finding.OTHER_ROWS:
            made = TableVersion.from_bytes(path.name, path.read_bytes())
            path.write_bytes(replace(made, fragments=made.fragments[:1]).to_bytes())
        case Finding.UNREADABLE:
            path.write_text("{")
    return store


def _told(repaired: Repaired) -> tuple[tuple[str, Finding, Treatment], ...]:
    return tuple((one.table, one.finding, one.treatment) for one in repaired.drifts)


THREE = [ADA, BOB, CYD]
SAME, OTHER, UNREADABLE = Finding
PUBLISH, RESTORE = Remedy
DONE, BACK, REFUSED = Treatment.PUBLISHED, Treatment.RESTORED, Treatment.REFUSED
MATRIX = [
    (SAME, PUBLISH, Consent.CONFIRM, (DONE, 3, THREE)),
    (SAME, RESTORE, Consent.CONFIRM, (BACK, 3, THREE)),
    (OTHER, PUBLISH, Consent.CONFIRM, (REFUSED, 2, THREE)),
    (OTHER, RESTORE, Consent.CONFIRM, (REFUSED, 2, THREE)),
    (OTHER, PUBLISH, Consent.FORCE, (DONE, 3, [ADA, BOB])),
    (OTHER, RESTORE, Consent.FORCE, (BACK, 4, THREE)),
    (UNREADABLE, PUBLISH, Consent.CONFIRM, (REFUSED, 2, THREE)),
    (UNREADABLE, PUBLISH, Consent.FORCE, (REFUSED, 2, THREE)),
    (UNREADABLE, RESTORE, Consent.FORCE, (BACK, 4, THREE)),
]


@pytest.mark.parametrize(("finding", "remedy", "consent", "expected"), MATRIX)
def test_a_remedy_is_carried_out_with_the_consent_that_it_takes(
    root: Path,
    finding: Finding,
    remedy: Remedy,
    consent: Consent,
    expected: tuple[Treatment, int, list[Row]],
) -> None:
    """Rows are added or lost by force only, and what cannot be read is never published."""
    treatment, pin, rows = expected
    store = _drift(root, finding)
    told = store.repair(remedy, consent, actor="ann")
    assert ((PERSON, finding, treatment),) == _told(told)
    assert (pin, rows) == (store.pins()[PERSON], store.read(PERSON))
    newest = store.history()[-1]
    done = treatment is not Treatment.REFUSED
    assert done is ((Kind.REPAIR, "ann") == (newest.kind, newest.actor))
    assert told.graph_version == store.version() == (4 if done else 3)
    if done:
        store.insert({PERSON: [{"id": "dan", "age": 1}]})
        assert () == store.repair().drifts


@pytest.mark.parametrize("finding", Finding)
def test_a_preview_names_the_cause_and_changes_nothing(root: Path, finding: Finding) -> None:
    """Whose version it is, or what is wrong with it; no byte is written."""
    store = _drift(root, finding)
    before = image(root)
    (drift,) = store.repair(RESTORE).drifts
    assert (PERSON, 2, 3, finding) == (drift.table, drift.pinned, drift.head, drift.finding)
    cause = "is damaged" if finding is UNREADABLE else "version 3 by 'foreign', of which neither"
    assert cause in drift.cause
    assert before == image(root)


def test_the_cause_tells_what_the_store_knows_of_an_operation(root: Path) -> None:
    """One that published another version, and one that recovery has closed."""
    store = open_store(root, 1)
    done = store.insert(BOTH)
    kill_at(root, "person", "phase_a.after_sidecar=kill", incarnation=2)
    store.refresh()
    (closed,) = store.audit()
    commit_raw(root, PERSON, 2, done.operation_id)
    commit_raw(root, PERSON, 3, closed.operation_id)
    (drift,) = store.repair().drifts
    assert f"version 2 by operation {done.operation_id}, which published graph" in drift.cause
    assert f"version 3 by operation {closed.operation_id}, which recovery has" in drift.cause


def test_whoever_had_read_the_rows_may_go_on_where_they_stayed(root: Path) -> None:
    """After a restore the same handle updates; another's view is stale by number, and told so."""
    store = _drift(root, OTHER)
    store.repair(RESTORE, Consent.FORCE)
    store.update(PERSON, ["ada"], {"age": 1})
    assert {"id": "ada", "age": 1} in store.read(PERSON)


def test_what_waits_for_recovery_is_no_drift(root: Path) -> None:
    """Refused while a rollback is pending, with nothing changed; after an opening all is well."""
    store = open_store(root, 1)
    kill_at(root, "both", "phase_b.after_commit=kill", incarnation=2)
    before = image(root)
    with pytest.raises(RecoveryPendingError, match=r"insert, edge:Knows 0 to 1.*reopen"):
        store.repair(RESTORE, Consent.FORCE)
    assert before == image(root)
    assert () == open_store(root, 3).repair().drifts


def test_what_another_recovery_waits_to_settle_is_no_drift(root: Path) -> None:
    """Its owner's lock is taken, and yet it is dead: the repair has the lock of its table."""
    store = open_store(root, 1)
    kill_at(root, "both", "phase_b.after_commit=kill", incarnation=2)
    (dead,) = store.pending()
    before = image(root)
    recoverer = store._view.store.storage.fence.try_hold(operation_lock(dead.operation_id))
    assert recoverer is not None
    with recoverer, pytest.raises(RecoveryPendingError, match=r"insert, edge:Knows 0 to 1"):
        store.repair(PUBLISH, Consent.FORCE)
    assert before == image(root)
    assert (EMPTY, 1) == (open_store(root, 3).rows(), len(store.audit()))


def test_what_heals_by_itself_is_healed_first(root: Path) -> None:
    """An operation whose tables were all there is published under its own name."""
    store = open_store(root, 1)
    kill_at(root, "both", "phase_c.before_publish=kill", incarnation=2)
    assert () == store.repair(RESTORE, Consent.FORCE).drifts
    assert (BOTH, 1) == (store.rows(), len(store.audit()))


def test_a_living_owner_of_another_process_is_waited_for(root: Path) -> None:
    """Its table has moved and is not drift: the repair says who is in the way."""
    store = open_store(root, 1, wait_s=0.05)
    with start(root, "both", "phase_b.after_commit=hang", incarnation=2) as owner:
        wait_for(versions_of(root, KNOWS), "*.json")
        with pytest.raises(TableBusyError):
            store.repair(RESTORE, Consent.FORCE)
        owner.kill()


def test_a_restore_that_was_cut_short_is_finished_with_what_it_left(root: Path) -> None:
    """HEAD holds the rows already: the next repair publishes that, and needs no force for it."""
    store = _drift(root, OTHER)
    with arm("repair.before_publish=raise(OSError, EIO)"), pytest.raises(OSError, match="5"):
        store.repair(RESTORE, Consent.FORCE)
    assert (THREE, {KNOWS: 1, PERSON: 4}) == (store.read(PERSON), store.heads())
    assert ((PERSON, SAME, BACK),) == _told(store.repair(RESTORE, Consent.CONFIRM))
    assert {KNOWS: 1, PERSON: 4} == store.pins() == store.heads()


def test_all_tables_are_mended_by_one_graph_version(root: Path) -> None:
    """Two tables have drifted; both are in the one lineage row that a repair makes."""
    store = _drift(root, SAME)
    commit_raw(root, KNOWS, 2, "foreign")
    told = store.repair(PUBLISH, Consent.CONFIRM)
    assert ((KNOWS, SAME, DONE), (PERSON, SAME, DONE)) == _told(told)
    assert ({KNOWS: 2, PERSON: 3}, [ADA_BOB], 4) == (
        store.pins(),
        store.read(KNOWS),
        store.version(),
    )


def test_a_reader_repairs_nothing(root: Path) -> None:
    """Not even a preview: it would have to take locks."""
    _drift(root, SAME)
    with pytest.raises(ReadOnlyError):
        open_store(root, 2, mode=Mode.READ_ONLY).repair()
