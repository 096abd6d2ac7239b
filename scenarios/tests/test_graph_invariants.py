"""No invariant of the graph store is there for show: for each, a wrong engine is planted."""

from killpoint.invariants import KEPT_HANDLE
from scenarios.graph.invariants import INVARIANTS
from scenarios.planted.graph import BUGS


def test_every_invariant_has_a_wrong_engine_that_turns_it_red() -> None:
    """`test_planted` runs each of them and sees the invariant named here in what is printed."""
    wanted = [each.name for each in INVARIANTS] + [KEPT_HANDLE]

    assert sorted(wanted) == sorted(bug.expected for bug in BUGS)
