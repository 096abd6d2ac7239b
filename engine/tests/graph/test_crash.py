"""Real processes die at each phase; the next open is right and the one after changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import Decision, Outcome, Row
from engine.graph.recovery import RECOVERY_ACTOR
from engine.tests.stores import (
    BOTH,
    CYD,
    EMPTY,
    KNOWS,
    PERSON,
    image,
    kill_at,
    open_store,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.graph import AuditRow

NOBODY_ARMED = None
FORWARD = (
    Outcome(table=KNOWS, from_version=0, to_version=1),
    Outcome(table=PERSON, from_version=0, to_version=1),
)
BACK = (Outcome(table=KNOWS, from_version=1, to_version=2, restores=0),)
Rows = dict[str, list[Row]]
Expected = tuple[Decision, tuple[Outcome, ...]] | None

DEATHS: list[tuple[str, Rows, Expected]] = [
    ("fragment.put.created=kill@2", EMPTY, NOBODY_ARMED),
    ("phase_a.before_sidecar=kill", EMPTY, NOBODY_ARMED),
    ("sidecar.put.synced=kill", EMPTY, NOBODY_ARMED),
    ("sidecar.put.renamed=kill", EMPTY, (Decision.ROLLED_BACK, ())),
    ("phase_a.after_sidecar=kill", EMPTY, (Decision.ROLLED_BACK, ())),
    ("table.commit.linked=kill", EMPTY, (Decision.ROLLED_BACK, BACK)),
    ("phase_b.after_commit=kill@1", EMPTY, (Decision.ROLLED_BACK, BACK)),
    ("phase_b.after_commit=kill@2", BOTH, (Decision.ROLLED_FORWARD, FORWARD)),
    ("phase_c.before_publish=kill", BOTH, (Decision.ROLLED_FORWARD, FORWARD)),
    ("manifest.publish.linked=kill", BOTH, (Decision.ROLLED_FORWARD, FORWARD)),
    ("phase_c.after_publish=kill", BOTH, (Decision.ROLLED_FORWARD, FORWARD)),
    ("phase_d.before_delete=kill", BOTH, (Decision.ROLLED_FORWARD, FORWARD)),
    ("sidecar.delete.removed=kill", BOTH, NOBODY_ARMED),
    ("phase_d.after_delete=kill", BOTH, NOBODY_ARMED),
]


def _decided(rows: tuple[AuditRow, ...]) -> Expected:
    assert len(rows) <= 1, "an operation is audited once"
    return (rows[0].decision, rows[0].outcomes) if rows else NOBODY_ARMED


@pytest.mark.parametrize(("plan", "rows", "expected"), DEATHS)
def test_a_death_in_any_phase_is_recovered_all_or_nothing(
    root: Path, plan: str, rows: Rows, expected: Expected
) -> None:
    """Rows, audit, HEADs and leftovers are right; opening again changes no byte; work goes on."""
    kill_at(root, "both", plan)
    store = open_store(root, 2)
    assert rows == store.rows()
    assert expected == _decided(store.audit())
    assert store.pins() == store.heads()
    assert ((), []) == (store.pending(), list((root / "tmp").iterdir()))
    store.close()
    before = image(root)
    open_store(root, 3).close()
    assert before == image(root)
    store = open_store(root, 4)
    store.insert({PERSON: [CYD]})
    assert CYD in store.read(PERSON)


RECOVERY_DEATHS = [
    ("rollback.before_restore", EMPTY, Decision.ROLLED_BACK),
    ("rollback.after_restore", EMPTY, Decision.ROLLED_BACK),
    ("rollback.after_publish", EMPTY, Decision.ROLLED_BACK),
    ("audit.after_put", EMPTY, Decision.ROLLED_BACK),
    ("recovery.after_delete", EMPTY, Decision.ROLLED_BACK),
    ("rollforward.before_publish", BOTH, Decision.ROLLED_FORWARD),
    ("rollforward.after_publish", BOTH, Decision.ROLLED_FORWARD),
    ("recovery.before_delete", BOTH, Decision.ROLLED_FORWARD),
]


@pytest.mark.parametrize(("point", "rows", "decision"), RECOVERY_DEATHS)
def test_a_death_in_recovery_changes_no_decision(
    root: Path, point: str, rows: Rows, decision: Decision
) -> None:
    """One audit row of the first decision, and HEAD has moved exactly once for it."""
    back = decision is Decision.ROLLED_BACK
    kill_at(root, "both", f"phase_b.after_commit=kill@{1 if back else 2}")
    kill_at(root, "open", f"{point}=kill", incarnation=2)
    store = open_store(root, 3)
    assert rows == store.rows()
    assert [decision] == [row.decision for row in store.audit()]
    heads = {KNOWS: 2, PERSON: 0} if back else {KNOWS: 1, PERSON: 1}
    assert heads == store.heads() == store.pins()
    newest = store.history()[-1]
    assert (RECOVERY_ACTOR, decision, 2) == (newest.actor, newest.decision, store.version())
