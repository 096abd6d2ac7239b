"""Verdicts: the worst wins, and nothing run is undecided."""

import pytest

from killpoint.verdict import Verdict, worst


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.UNDECIDED),
        ([Verdict.PASSED], Verdict.PASSED),
        ([Verdict.PASSED, Verdict.UNDECIDED], Verdict.UNDECIDED),
        ([Verdict.UNDECIDED, Verdict.FAILED, Verdict.PASSED], Verdict.FAILED),
    ],
    ids=["nothing", "passed", "undecided beats passed", "failed beats all"],
)
def test_the_worst_wins(verdicts: list[Verdict], expected: Verdict) -> None:
    """A list of verdicts is as bad as its worst, and an empty one is undecided."""
    assert expected is worst(verdicts)


def test_exit_codes_tell_the_three_apart() -> None:
    """Passed is 0, failed 1, undecided 4."""
    assert [0, 4, 1] == [verdict.exit_code for verdict in Verdict]
