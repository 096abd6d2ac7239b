"""Groups: one bug at many points is one failure, and two bugs are two."""

from __future__ import annotations

from dataclasses import replace

import pytest

from killpoint.case import without_accidents
from killpoint.records import Problem
from killpoint.report.groups import groups_of
from killpoint.report.lines import group_line, problem_block
from killpoint.verdict import Reason, Verdict

SIDECAR = Problem(
    scenario="graph.load",
    signature="no sidecar is left at sidecar.put.after",
    verdict=Verdict.FAILED,
    reason=Reason.VIOLATION,
    invariants=("no sidecar is left",),
    detail="the sidecar of operation 000001-run-000001 is still there",
    token="k1/graph.load/kill:sidecar.put.after@1~54af",  # noqa: S106 -- a token of a case
    cases_count=2,
)
LATER = replace(
    SIDECAR,
    signature="no sidecar is left at phase_a.after_sidecar",
    detail="the sidecar of operation 000001-run-000002 is still there",
    cases_count=3,
)
OTHER = replace(LATER, detail="two sidecars claim operation 000001-run-000002")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("has 2 audit rows, expected one", "has 13 audit rows, expected one"),
        ("operation 000001-run-000001 is lost", "operation 000002-load-7 is lost"),
        (
            "acknowledged and gone: 'a'; after 0 of 1",
            "acknowledged and gone: 'a', 'b'; after 1 of 3",
        ),
        ("cannot read /tmp/w0/store/log", "cannot read /dev/shm/killpoint-0/w1/case/store/other"),
        ("image 684c6261e7ead162 differs", "image b518e4add5e304e5 differs"),
    ],
)
def test_numbers_ids_names_and_paths_make_no_other_failure(one: str, other: str) -> None:
    """Evidence is the same once its accidents are out."""
    assert without_accidents(one) == without_accidents(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected one row, found none", "expected one row, found two"),
        ("audited RolledBack", "audited RolledForward"),
        ("open raised ValueError: bad magic", "open raised KeyError: 'rows'"),
    ],
)
def test_other_words_are_another_failure(one: str, other: str) -> None:
    """What the evidence says in words is no accident."""
    assert without_accidents(one) != without_accidents(other)


def test_one_bug_at_two_points_is_one_group() -> None:
    """It counts the cases of both, and begins with the first; another bug stands by itself."""
    first, second = groups_of((SIDECAR, OTHER, LATER))

    assert ((SIDECAR, LATER), 5) == (first.problems, first.cases_count)
    assert (OTHER,) == second.problems


def test_a_group_is_not_made_across_scenarios_or_verdicts() -> None:
    """What is undecided is no failure, and another store has its own bugs."""
    undecided = replace(SIDECAR, verdict=Verdict.UNDECIDED)

    assert 3 == len(groups_of((SIDECAR, undecided, replace(SIDECAR, scenario="kb.add"))))


def test_the_terminal_names_the_points_of_a_group() -> None:
    """In the block, and in the line at the end for what was shown before it was known."""
    (group,) = groups_of((SIDECAR, LATER))

    block = problem_block(group, None, replay="killpoint replay k1/x", kept_at="", width=80)
    line = group_line(group, 80)

    assert "  cases   5 like this" in block
    assert "  points  sidecar.put.after, phase_a.after_sidecar" in block
    assert "  in all 5 cases like it, at sidecar.put.after, phase_a.after_sidecar" in line
