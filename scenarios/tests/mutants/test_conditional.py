"""A conditional is found by name, negated in the process, and nowhere else."""

import importlib
import os

import pytest

from scenarios.mutants import conditional
from scenarios.mutants.conditional import NoConditionalError, every


def _in_a_child(work: object) -> int:
    """Return the exit code of a forked process that does the work: 0 if it says so."""
    assert callable(work)
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = int(not work())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_every_conditional_has_a_name_of_its_own() -> None:
    """The name tells module, function and number; the source is there to be read."""
    found = every("graph.classify")

    assert len({each.name for each in found}) == len(found)
    decide = [each for each in found if each.function == "decide"]
    assert decide[0].name == "graph.classify:decide#1"
    assert decide[0].text == "Movement.IMPOSSIBLE in seen"


def test_a_negated_conditional_decides_the_other_way_round() -> None:
    """In the process where it was planted; this one keeps the right function."""
    classify = importlib.import_module("engine.graph.classify")
    impossible = [classify.Movement.IMPOSSIBLE]
    code = classify.decide.__code__

    def decides_otherwise() -> bool:
        conditional.plant("graph.classify", "graph.classify:decide#1")
        return classify.decide(impossible) is not classify.Action.REFUSE

    assert classify.decide(impossible) is classify.Action.REFUSE
    assert _in_a_child(decides_otherwise) == 0
    assert classify.decide.__code__ is code


def test_code_that_is_only_compiled_anew_decides_the_same() -> None:
    """So what a mutant changes is its negation, and nothing of how it is planted."""
    classify = importlib.import_module("engine.graph.classify")
    sets = [[one] for one in classify.Movement]
    right = [classify.decide(each) for each in sets]

    def decides_the_same() -> bool:
        conditional.plant("graph.classify", "graph.classify:decide#1", negate=False)
        return [classify.decide(each) for each in sets] == right

    assert _in_a_child(decides_the_same) == 0


def test_a_name_that_stands_for_nothing_is_refused() -> None:
    """A function may have changed since an argument named it."""
    with pytest.raises(NoConditionalError, match="decide#99"):
        conditional.plant("graph.classify", "graph.classify:decide#99")
