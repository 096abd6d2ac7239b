"""The standard invariants, each seen to hold and seen to be violated."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from killpoint.history import History, OperationRecord, Outcome
from killpoint.invariants import (
    Reopened,
    all_or_nothing,
    first_difference,
    nothing_acknowledged_is_lost,
)

REFERENCES: tuple[dict[str, int], ...] = ({}, {"a": 1}, {"a": 1, "b": 2})


def _reopened(state: Any, *outcomes: Outcome) -> Reopened:  # noqa: ANN401 -- any state
    operations = tuple(
        OperationRecord(index=i, name=f"operation {i}", outcome=each)
        for i, each in enumerate(outcomes)
    )
    return Reopened(
        root=Path("unused"),
        handle=None,
        state=state,
        references=REFERENCES,
        history=History(operations=operations),
    )


ACK, FLIGHT = Outcome.ACKNOWLEDGED, Outcome.IN_FLIGHT


@pytest.mark.parametrize(
    ("state", "outcomes", "lost", "torn"),
    [
        ({}, (), False, False),
        ({"a": 1}, (), False, True),
        ({}, (FLIGHT,), False, False),
        ({"a": 1}, (FLIGHT,), False, False),
        ({}, (ACK,), True, False),
        ({"a": 1}, (ACK,), False, False),
        ({"a": 1, "b": 2}, (ACK, FLIGHT), False, False),
        ({"b": 2}, (ACK, FLIGHT), False, True),
        ({"a": 1, "b": 2}, (ACK,), False, True),
    ],
)
def test_the_state_must_be_that_of_whole_operations(
    state: dict[str, int], outcomes: tuple[Outcome, ...], *, lost: bool, torn: bool
) -> None:
    """Everything acknowledged, at most the one in flight besides, and nothing in part."""
    store = _reopened(state, *outcomes)

    assert lost is bool(list(nothing_acknowledged_is_lost.check(store)))
    assert torn is bool(list(all_or_nothing.check(store)))


def test_what_is_there_twice_is_not_what_is_there_once() -> None:
    """Content is compared row by row: neither a duplicate nor another order goes unseen."""
    once = replace(_reopened(None, ACK), references=([], [["a", 1], ["b", 2]]))
    doubled = replace(once, state=[["a", 1], ["b", 2], ["b", 2]])
    turned = replace(once, state=[["b", 2], ["a", 1]])

    assert not list(all_or_nothing.check(replace(once, state=[["a", 1], ["b", 2]])))
    assert ["should not be there" in each for each in all_or_nothing.check(doubled)] == [True]
    assert list(all_or_nothing.check(turned))


def test_the_evidence_names_what_was_lost() -> None:
    """The sentence names the acknowledged operation."""
    (sentence,) = nothing_acknowledged_is_lost.check(_reopened({}, ACK))

    assert "'operation 0'" in sentence


@pytest.mark.parametrize(
    ("expected", "actual", "sentence"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, "state['a'][1] is 3, expected 2"),
        ({"a": 1}, {}, "state['a'] is missing, expected 1"),
        ({}, {"a": 1}, "state['a'] should not be there: 1"),
        ([1], [1, 2], "state[1] should not be there: 2"),
        (1, "1", "state is '1', expected 1"),
        ({"a": 1}, {"a": 1}, "nothing differs"),
    ],
)
def test_the_first_difference_is_one_sentence(
    expected: object, actual: object, sentence: str
) -> None:
    """It names the place, what is there and what should be."""
    assert sentence == first_difference(expected, actual)
