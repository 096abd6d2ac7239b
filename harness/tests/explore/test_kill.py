"""The kill strategy: completeness, de-duplication, shards."""

from killpoint.case import Case, CaseResult
from killpoint.explore.kill import KillStrategy
from killpoint.verdict import Verdict

HITS = ["a.x", "b.x", "a.x", "a.x", "b.x", "a.x"]


def _result(case: Case, image: str, recovery: tuple[str, ...] = ()) -> CaseResult:
    return CaseResult(
        case=case, verdict=Verdict.PASSED, crash_images=(image,), recovery_hits=recovery
    )


def _strategy(depth: int = 1, shard: tuple[int, int] = (1, 1)) -> KillStrategy:
    return KillStrategy(scenario="s", hits=HITS, depth=depth, shard=shard)


def test_every_pair_is_proposed_exactly_once() -> None:
    """The workload's pairs are the hits."""
    cases = _strategy().propose()

    assert len(HITS) == len({case.steps for case in cases}) == len(cases)


def test_the_recovery_of_equal_crashes_is_enumerated_once() -> None:
    """Two kills that leave the same image share one recovery."""
    strategy = _strategy()
    first, second, third, *_ = strategy.propose()
    for case, image in ((first, "i1"), (second, "i1"), (third, "i2")):
        strategy.learn(_result(case, image, ("r.x", "r.y")))

    deeper = strategy.propose()

    assert {
        (first.steps, "r.x"),
        (first.steps, "r.y"),
        (third.steps, "r.x"),
        (third.steps, "r.y"),
    } == {(case.steps[:-1], case.steps[-1].point) for case in deeper}


def test_no_recovery_is_struck_beyond_the_depth() -> None:
    """Depth 0 leaves recoveries alone."""
    strategy = _strategy(depth=0)
    for case in strategy.propose():
        strategy.learn(_result(case, "i", ("r.x",)))

    assert strategy.propose() == []


def test_tallies_count_what_is_done_and_what_there_is() -> None:
    """Per depth, with the distinct images."""
    strategy = _strategy()
    case = strategy.propose()[0]
    strategy.learn(_result(case, "i", ("r.x", "r.y")))

    tallies = [(t.depth, t.pairs_done, t.pairs_total, t.images_count) for t in strategy.tallies()]

    assert tallies == [(0, 1, 6, 1), (1, 0, 2, 0)]


def test_shards_split_the_pairs_without_overlap_and_without_gap() -> None:
    """Every pair has exactly one owner, whatever the number of shards."""
    whole = {case.steps for case in _strategy().propose()}
    parts = [{c.steps for c in _strategy(shard=(i, 3)).propose()} for i in (1, 2, 3)]

    assert whole == set().union(*parts)
    assert len(whole) == sum(len(part) for part in parts)


def test_a_point_that_must_not_be_killed_is_left_out() -> None:
    """A declaration decides what makes sense there."""
    strategy = KillStrategy(scenario="s", hits=HITS, depth=0, never_killable=frozenset({"a.x"}))

    assert {"b.x"} == {case.steps[0].point for case in strategy.propose()}
