"""The truth table of a row in three states: what is taken over, what is left, what is refused."""

from __future__ import annotations

import pytest

from engine.graph import Row
from engine.graph.threeway import Takeover, takeover

ABSENT = 0  # a value of no row


def _state(value: int) -> dict[int | str, Row]:
    """Return the rows of a state in which the row has this value."""
    return {} if value == ABSENT else {"r": {"id": "r", "v": value}}


@pytest.mark.parametrize(
    ("common", "target", "source", "put", "drop", "conflict"),
    [
        (1, 1, 1, ABSENT, False, False),  # nobody changed it
        (1, 1, 2, 2, False, False),  # they did
        (1, 2, 1, ABSENT, False, False),  # we did
        (1, 2, 2, ABSENT, False, False),  # both, to the same
        (1, 2, 3, ABSENT, False, True),  # both, differently
        (ABSENT, ABSENT, 1, 1, False, False),  # they put it
        (ABSENT, 1, ABSENT, ABSENT, False, False),  # we did
        (ABSENT, 1, 1, ABSENT, False, False),  # both put the same
        (ABSENT, 1, 2, ABSENT, False, True),  # both put another
        (1, 1, ABSENT, ABSENT, True, False),  # they dropped it
        (1, ABSENT, 1, ABSENT, False, False),  # we did
        (1, ABSENT, ABSENT, ABSENT, False, False),  # both did
        (1, ABSENT, 2, ABSENT, False, True),  # we dropped what they changed
        (1, 2, ABSENT, ABSENT, False, True),  # they dropped what we changed
    ],
)
def test_a_row_is_taken_from_the_one_side_that_changed_it(
    common: int, target: int, source: int, put: int, *, drop: bool, conflict: bool
) -> None:
    """Where both did, differently, nothing is guessed."""
    found = takeover(_state(common), _state(target), _state(source))
    rows = tuple(_state(put).values())
    keys = ("r",)
    assert found == Takeover(
        put=rows, drop=keys if drop else (), conflicts=keys if conflict else ()
    )


def _number(value: float) -> dict[int | str, Row]:
    return {"r": {"id": "r", "v": value}}


def test_numbers_that_do_not_equal_themselves_are_the_same() -> None:
    """Each side has read its own from a file of its own, after both were optimized."""
    first, second, third = (_number(float("nan")) for _ in range(3))
    assert Takeover(put=(), drop=(), conflicts=()) == takeover(first, second, third)


def test_numbers_that_equal_others_are_not_the_same() -> None:
    """A change of sign is a change, also of nothing."""
    (put,) = takeover(_number(0.0), _number(0.0), _number(-0.0)).put
    assert "-0.0" == str(put["v"])
