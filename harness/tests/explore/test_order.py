"""The order of kills: breadth over occurrences, and first where something has changed."""

from killpoint.change import Change
from killpoint.explore.order import breadth_first

HITS = ["a.x", "b.x", "a.x", "a.x", "b.x", "a.x"]


def _pairs(*changes: Change) -> list[tuple[str, int]]:
    return [(point, occurrence) for point, occurrence, _ in breadth_first(HITS, changes)]


def test_first_occurrences_come_before_second_and_last_before_middle() -> None:
    """Breadth first over occurrences, in the order of hits."""
    assert _pairs() == [("a.x", 1), ("b.x", 1), ("a.x", 2), ("b.x", 2), ("a.x", 4), ("a.x", 3)]


def test_hits_at_which_the_store_turns_come_before_those_at_which_nothing_changed() -> None:
    """A first occurrence without any change waits for second ones that turn the store."""
    idle, turn = Change.NONE, Change.TURN

    order = _pairs(idle, turn, turn, turn, turn, idle)

    assert order[:3] == [("b.x", 1), ("a.x", 2), ("b.x", 2)]
    assert order.index(("a.x", 1)) > order.index(("b.x", 2))


def test_no_hit_is_left_out_whatever_changed() -> None:
    """The order is all that changes."""
    every = set(_pairs())

    assert set(_pairs(*[Change.NONE] * 6)) == every
    assert len(_pairs(*[Change.GROWTH] * 6)) == len(HITS)
