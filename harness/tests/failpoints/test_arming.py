"""A plan in force: what it checks first, which hit it meets, and how it ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from killpoint.failpoints import (
    FaultKind,
    FaultNotAllowedError,
    UnknownPointError,
    arm,
    counting,
    installed,
    parse_plan,
    reach,
)
from tests.failpoints.probe import FAR, FIRST, MORTAL, SECOND

if TYPE_CHECKING:
    from killpoint.failpoints import Hit, Point


def values(plan: str, hits: int, *, entropy: int = 0, point: Point = FIRST) -> str:
    """Return one sign a hit: what the plan returned there, or a dot."""
    with arm(plan, entropy=entropy):
        return "".join(str(reach(point, payload=".")) for _ in range(hits))


CHAINS = {
    "probe.first=return(1)": "111111",
    "probe.first=2*return(1)": "11....",
    "probe.first=return(1)@3": "..1...",
    "probe.first=2*off->return(1)": "..1111",
    "probe.first=1*return(1)->2*return(2)->1*off->1*return(3)": "122.3.",
    "probe.first=off->return(1)": "......",
    "probe.first=0%return(1)->100%return(2)": "222222",
    "probe.*=1*return(1)": "1.....",
    "probe.*=return(1);probe.first=return(2)": "222222",
    "probe.f*=return(1);probe.*=return(2)": "111111",
    "probe.second=return(1)": "......",
}


@pytest.mark.parametrize(("plan", "expected"), CHAINS.items())
def test_the_first_term_that_passes_happens(plan: str, expected: str) -> None:
    """Counts run out from left to right; then nothing happens; own names go before globs."""
    assert expected == values(plan, 6)


def test_a_glob_counts_for_each_point() -> None:
    """The second hit of each point, not the second of all."""
    with arm("probe.*=sleep(0)@2") as armed:
        for point in (FIRST, SECOND, FIRST, SECOND, FIRST, FAR):
            reach(point)
    fired = [(hit.point, hit.occurrence, fault) for hit, fault in armed.fired]
    assert [("probe.first", 2, "sleep(0)"), ("probe.second", 2, "sleep(0)")] == fired


def test_chance_depends_on_entropy_and_place_alone() -> None:
    """The same entropy meets the same hits, another meets others, and about as many as asked."""
    plan = "probe.first=25%return(1)"
    drawn = values(plan, 2000)
    assert drawn == values(plan, 2000)
    assert drawn != values(plan, 2000, entropy=1)
    assert drawn != values("probe.second=25%return(1)", 2000, point=SECOND)
    assert 400 < drawn.count("1") < 600


def test_a_higher_chance_keeps_the_hits_of_a_lower_one() -> None:
    """Turning the chance up adds faults and takes none away, which makes shrinking sane."""
    low, high = values("probe.first=20%return(1)", 500), values("probe.first=60%return(1)", 500)
    assert {"1"} == {now for before, now in zip(low, high, strict=True) if before == "1"}


def test_each_term_of_a_chain_has_a_chance_of_its_own() -> None:
    """Else the second of two equal chances could never happen."""
    drawn = values("probe.first=50%return(1)->50%return(2)", 1000)
    assert 180 < drawn.count("2") < 320


def test_chance_is_diced_before_the_count_is_used_up() -> None:
    """Three firings are three, however many hits the dice let pass."""
    assert 3 == values("probe.first=3*10%return(1)", 500).count("1")


def test_counts_belong_to_the_arming_and_not_to_the_plan() -> None:
    """One plan can be armed again, and starts anew."""
    plan = parse_plan("probe.first=1*return(1)")
    for _ in range(2):
        with arm(plan):
            assert [1, None] == [reach(FIRST), reach(FIRST)]


def test_a_fault_is_announced_before_it_acts() -> None:
    """After a kill nobody could say it; the observer hears of every hit, before that."""
    heard: list[str] = []

    def observe(hit: Hit) -> None:
        heard.append(f"{hit.point} {hit.occurrence} at {hit.footprint}")

    def on_fire(hit: Hit, fault: str) -> None:
        heard.append(f"{fault} at {hit.occurrence}")

    plan = "probe.first=raise(ValueError)@2"
    with arm(plan, observe=observe, on_fire=on_fire):
        reach(FIRST, "a/b")
        with pytest.raises(ValueError, match="injected at"):
            reach(FIRST, "a/b")
    assert ["probe.first 1 at a/b", "probe.first 2 at a/b", "raise(ValueError) at 2"] == heard


def test_arming_ends_with_the_block_or_by_disarm() -> None:
    """Also when the block raises; disarming twice is harmless."""
    with pytest.raises(ValueError, match="injected at"), arm("probe.first=raise(ValueError)"):
        reach(FIRST)
    assert installed() is None
    armed = arm("probe.first=return(1)")
    assert (1, {"probe.first": 1}) == (reach(FIRST), armed.counts)
    armed.disarm()
    armed.disarm()
    assert (None, {"probe.first": 1}) == (reach(FIRST), armed.counts)


@pytest.mark.parametrize("release", ["release", "disarm"])
def test_a_paused_thread_goes_on_when_released(release: str) -> None:
    """By name or by disarming; the thread stands at the point until then."""
    paused = threading.Event()
    armed = arm("probe.first=pause", on_fire=lambda *_: paused.set())
    thread = threading.Thread(target=reach, args=[FIRST])
    thread.start()
    assert paused.wait(10)
    assert thread.is_alive()
    getattr(armed, release)()
    thread.join(10)
    assert not thread.is_alive()
    armed.disarm()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """A plan that names nothing would test nothing."""
    with pytest.raises(
        UnknownPointError, match=r"'probe\.fist': did you mean probe\.first"
    ) as caught:
        arm("probe.second=kill;probe.fist=kill")
    assert "probe.first" == caught.value.near[0]
    assert installed() is None


def test_a_glob_that_matches_nothing_is_refused() -> None:
    """A glob is no excuse."""
    with pytest.raises(UnknownPointError, match=r"no failpoint matches 'prob.\*'.*probe\."):
        arm("prob.*=kill")


@pytest.mark.parametrize("name", ["mortal.one", "mortal.*", "*"])
def test_a_fault_that_the_point_does_not_allow_is_refused(name: str) -> None:
    """By name or through a glob; the sentence lists what is allowed."""
    told = "mortal.one does not allow sleep: choose one of abort, exit, kill, or extend"
    with pytest.raises(FaultNotAllowedError, match=told):
        arm(f"{name}=1*kill->sleep(1)")
    assert FaultKind.OFF not in MORTAL.allows
    with arm("mortal.one=kill@2"):
        reach(MORTAL)


def test_a_name_of_its_own_takes_a_point_out_of_a_glob() -> None:
    """So a glob can be wide, and the points that do not allow its fault are named."""
    assert "11" == values("probe.*=return(1);mortal.*=return(1);mortal.one=off", 2)


def test_counting_injects_nothing() -> None:
    """Hits come with their numbers and footprints, in order, and end with the block."""
    with counting() as tally:
        assert [b"x", b"y", None] == [reach(FIRST, "f", b"x"), reach(FIRST, "g", b"y"), reach(FAR)]
    reach(FIRST)
    assert {"probe.first": 2, "distant.one": 1} == tally.counts
    expected = [("probe.first", 1, "f"), ("probe.first", 2, "g"), ("distant.one", 1, "")]
    assert expected == [(hit.point, hit.occurrence, hit.footprint) for hit in tally.hits]
