"""Clocks and ids: replayable ones, and real ones."""

from engine.storage import CountedClock, CountedIds, SystemClock, system_ids


def test_counted_ids_sort_in_the_order_of_minting() -> None:
    """Over incarnations, too."""
    minted = [
        ids.mint()
        for ids in (CountedIds(incarnation=n, actor="w") for n in (1, 2, 11))
        for _ in range(12)
    ]
    assert "000001-w-000001" == minted[0]
    assert sorted(minted) == minted


def test_counted_clocks_of_one_incarnation_tell_the_same() -> None:
    """The n-th question gets the same answer in every run."""
    one, other = (CountedClock(incarnation=3) for _ in range(2))
    assert [3_000_000, 3_000_001] == [one.now_us(), one.now_us()]
    assert [3_000_000, 3_000_001] == [other.now_us(), other.now_us()]


def test_real_ports_differ_and_go_forward() -> None:
    """Two handles of real use mint no id in common."""
    clock = SystemClock()
    assert system_ids().mint() != system_ids().mint()
    assert clock.now_us() <= clock.now_us()
