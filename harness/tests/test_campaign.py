"""How the time of a campaign is shared out among its scenarios."""

from __future__ import annotations

import pytest

from killpoint.campaign import SHARES_MAX, share_s


@pytest.mark.parametrize("count", [1, 2, 3, 7, 54])
def test_the_last_scenarios_have_time_however_greedy_the_first_are(count: int) -> None:
    """Half an even share at least; all together take no more than there is."""
    left_s, reserve_s = 1000.0, 1000.0 / count / 2
    shares = []
    for left_count in range(count, 0, -1):
        share = share_s(left_s, left_count, reserve_s=reserve_s, shares_max=SHARES_MAX)
        shares.append(share)
        left_s -= share

    assert min(shares) >= reserve_s * 0.999
    assert sum(shares) == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("left_s", "left_count", "shares_max", "mine_s"),
    [(540, 54, 4, 40), (540, 54, 1, 10), (30, 3, 4, 20), (3, 3, 4, 0), (-1, 3, 4, 0)],
    ids=["four shares", "one, drawn without end", "what others spare", "all is reserved", "late"],
)
def test_who_needs_more_than_most_may_have_more(
    left_s: float, left_count: int, shares_max: int, mine_s: float
) -> None:
    """Up to four even shares, or what the others can spare; no time left is no time."""
    assert share_s(left_s, left_count, reserve_s=5, shares_max=shares_max) == mine_s
