"""The truth table of recovery: what a dead operation did, and what is done about it."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from engine.graph.classify import (
    Action,
    Aim,
    Movement,
    aim_of,
    classify,
    decide,
    decide_apply,
)
from engine.graph.operation import Kind
from engine.graph.sidecar import Pin
from engine.graph.table import TableVersion

OWN, FOREIGN, UNDONE = "own", "foreign", "undone"
EXPECTED = 3


def _above(*makers: str) -> tuple[TableVersion, ...]:
    """Return versions above the expected one, each made by us, another, or our rollback."""
    return tuple(
        TableVersion(
            key="t",
            version=EXPECTED + place,
            parent=EXPECTED + place - 1,
            operation_id="other" if maker == FOREIGN else "op",
            fragments=(),
            restores=EXPECTED if maker == UNDONE else None,
        )
        for place, maker in enumerate(makers, start=1)
    )


@pytest.mark.parametrize(
    ("pinned", "makers", "movement"),
    [
        (3, (), Movement.NONE),
        (2, (), Movement.NONE),
        (3, (FOREIGN,), Movement.NONE),
        (4, (FOREIGN,), Movement.NONE),
        (5, (FOREIGN, FOREIGN), Movement.NONE),
        (3, (OWN,), Movement.AT_HEAD),
        (3, (OWN, FOREIGN), Movement.BURIED),
        (3, (OWN, FOREIGN, FOREIGN), Movement.BURIED),
        (3, (OWN, UNDONE), Movement.RESTORED),
        (3, (OWN, UNDONE, FOREIGN), Movement.RESTORED),
        (2, (OWN,), Movement.WAITING),
        (4, (), Movement.IMPOSSIBLE),
        (5, (OWN,), Movement.IMPOSSIBLE),
        (4, (OWN,), Movement.IMPOSSIBLE),
        (4, (OWN, FOREIGN), Movement.IMPOSSIBLE),
    ],
)
def test_a_table_is_classified_by_whose_version_stands_there(
    pinned: int, makers: tuple[str, ...], movement: Movement
) -> None:
    """Numbers alone prove nothing: a foreign version of the right number is not ours."""
    aim = Aim(table="t", expected=EXPECTED, last=EXPECTED + 1)
    finding = classify("op", aim, pinned=pinned, above=_above(*makers))
    assert movement is finding.movement
    assert EXPECTED + len(makers) == finding.head


@pytest.mark.parametrize(
    ("last", "makers", "movement"),
    [
        (5, (OWN,), Movement.PARTIAL),
        (5, (OWN, OWN), Movement.AT_HEAD),
        (5, (OWN, OWN, FOREIGN), Movement.BURIED),
        (5, (OWN, OWN, UNDONE), Movement.RESTORED),
        (5, (OWN, UNDONE), Movement.RESTORED),
        (5, (OWN, FOREIGN), Movement.IMPOSSIBLE),
        (5, (OWN, OWN, OWN), Movement.IMPOSSIBLE),
        (None, (), Movement.NONE),
        (None, (OWN, OWN), Movement.PARTIAL),
        (None, (OWN, FOREIGN), Movement.IMPOSSIBLE),
    ],
)
def test_several_versions_are_whole_when_the_last_one_is_there(
    last: int | None, makers: tuple[str, ...], movement: Movement
) -> None:
    """What nobody has confirmed is a part, however much of it there is."""
    aim = Aim(table="t", expected=EXPECTED, last=last)
    finding = classify("op", aim, pinned=EXPECTED, above=_above(*makers))
    assert movement is finding.movement


def test_one_commit_a_table_is_whole_when_the_planned_version_is_there() -> None:
    """No load has to confirm anything."""
    aim = aim_of(Kind.LOAD, Pin(table="t", expected=3, post=4))
    assert Aim(table="t", expected=3, last=4) == aim


@pytest.mark.parametrize(
    ("movements", "action"),
    [
        ((), Action.CLOSE),
        ((Movement.NONE,), Action.CLOSE),
        ((Movement.AT_HEAD,), Action.FORWARD),
        ((Movement.BURIED,), Action.FORWARD),
        ((Movement.RESTORED,), Action.BACK),
        ((Movement.WAITING,), Action.WAIT),
        ((Movement.IMPOSSIBLE,), Action.REFUSE),
        ((Movement.NONE, Movement.NONE), Action.CLOSE),
        ((Movement.NONE, Movement.AT_HEAD), Action.BACK),
        ((Movement.PARTIAL,), Action.BACK),
        ((Movement.PARTIAL, Movement.AT_HEAD), Action.BACK),
        ((Movement.PARTIAL, Movement.BURIED), Action.REFUSE),
        ((Movement.NONE, Movement.RESTORED), Action.BACK),
        ((Movement.AT_HEAD, Movement.RESTORED), Action.BACK),
        ((Movement.AT_HEAD, Movement.AT_HEAD), Action.FORWARD),
        ((Movement.AT_HEAD, Movement.BURIED), Action.FORWARD),
        ((Movement.NONE, Movement.BURIED), Action.REFUSE),
        ((Movement.BURIED, Movement.RESTORED), Action.REFUSE),
        ((Movement.WAITING, Movement.AT_HEAD), Action.WAIT),
    ],
)
def test_all_tables_of_a_sidecar_share_one_fate(
    movements: tuple[Movement, ...], action: Action
) -> None:
    """Forward only if everything is there; back if part of it is; nothing if nothing is."""
    assert action is decide(movements)
    assert action is decide(reversed(movements))


def test_what_cannot_be_is_refused_whatever_stands_beside_it() -> None:
    """No other table talks recovery into acting on an impossible one, and waiting comes next."""
    for beside in combinations_with_replacement(Movement, 2):
        assert Action.REFUSE is decide((*beside, Movement.IMPOSSIBLE))
        if Movement.IMPOSSIBLE not in beside:
            assert Action.WAIT is decide((*beside, Movement.WAITING))


@pytest.mark.parametrize(
    ("movements", "undisturbed", "disturbed"),
    [
        ((), Action.FORWARD, Action.CLOSE),
        ((Movement.NONE,), Action.CLOSE, Action.CLOSE),
        ((Movement.AT_HEAD,), Action.FORWARD, Action.BACK),
        ((Movement.AT_HEAD, Movement.NONE), Action.BACK, Action.BACK),
        ((Movement.AT_HEAD, Movement.BURIED), Action.FORWARD, Action.REFUSE),
        ((Movement.WAITING,), Action.WAIT, Action.WAIT),
    ],
)
def test_an_apply_goes_forward_only_if_nobody_has_published_since(
    movements: tuple[Movement, ...], undisturbed: Action, disturbed: Action
) -> None:
    """Its rules were held against all tables as they were; with no table it is whole at once."""
    assert undisturbed is decide_apply(movements, undisturbed=True)
    assert disturbed is decide_apply(movements, undisturbed=False)
