"""No invariant of the graph store is there for show: for each, a wrong engine is planted."""

from killpoint.invariants import KEPT_HANDLE
from scenarios.graph.branched import INVARIANTS_OF_BRANCHES
from scenarios.graph.cleanup import INVARIANTS_OF_CLEANUP
from scenarios.graph.invariants import INVARIANTS
from scenarios.graph.optimize import INVARIANTS_OF_CARE
from scenarios.graph.repair import INVARIANTS_OF_REPAIR
from scenarios.graph.schema import INVARIANTS_OF_SCHEMAS
from scenarios.planted import branches, graph, graph_schema, maintenance


def test_every_invariant_has_a_wrong_engine_that_turns_it_red() -> None:
    """`test_planted` runs each of them and sees the invariant named here in what is printed."""
    wanted = [each.name for each in INVARIANTS] + [KEPT_HANDLE]

    assert {*wanted} <= {bug.expected for bug in graph.BUGS}


def test_every_invariant_of_branches_has_a_wrong_engine_that_turns_it_red() -> None:
    """Those that only scenarios with branches have, in the same way."""
    own = {each.name for each in INVARIANTS_OF_BRANCHES} - {each.name for each in INVARIANTS}

    assert own <= {bug.expected for bug in branches.BUGS}


def test_every_invariant_of_maintenance_has_a_wrong_engine_that_turns_it_red() -> None:
    """Those that only scenarios of maintenance have, in the same way."""
    every = (*INVARIANTS_OF_REPAIR, *INVARIANTS_OF_CLEANUP, *INVARIANTS_OF_CARE)
    own = {each.name for each in every if each not in INVARIANTS}

    assert own <= {bug.expected for bug in maintenance.BUGS}


def test_every_invariant_of_schemas_has_a_wrong_engine_that_turns_it_red() -> None:
    """Those that only scenarios of a schema apply have, in the same way."""
    own = {each.name for each in INVARIANTS_OF_SCHEMAS} - {each.name for each in INVARIANTS}

    assert own <= {bug.expected for bug in graph_schema.BUGS}
