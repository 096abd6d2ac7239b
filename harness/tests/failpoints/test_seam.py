"""The three states of the seam, seams on top of each other, threads and forks."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from killpoint.failpoints import (
    Hit,
    Seam,
    arm,
    counting,
    install,
    installed,
    off,
    push,
    reach,
    remove,
)
from killpoint.failpoints.seam import _through
from tests.failpoints.probe import FIRST, SECOND

if TYPE_CHECKING:
    from tests.failpoints.conftest import Run

THREADS = 4
HITS = 50


def test_off_counts_nothing_and_hands_the_payload_through() -> None:
    """Nothing is in force, and what was reached while off is not counted later."""
    assert b"x" == reach(FIRST, "f", b"x")
    assert {} == install(Seam()).counts


def test_counting_numbers_each_point_by_itself() -> None:
    """Occurrences begin at 1 for every point, and the observer gets each hit."""
    seen: list[Hit] = []
    seam = install(Seam(observe=seen.append))
    for point, footprint in ((FIRST, "a"), (SECOND, "b"), (FIRST, "c")):
        assert b"x" == reach(point, footprint, b"x")
    expected = [("probe.first", 1, "a"), ("probe.second", 1, "b"), ("probe.first", 2, "c")]
    assert [Hit(*each) for each in expected] == seen
    assert {"probe.first": 2, "probe.second": 1} == seam.counts


def test_states_follow_each_other() -> None:
    """Off, counting, armed, off; each state ends the one before it, and counts start anew."""
    first = install(Seam())
    reach(FIRST)
    with arm("probe.first=1*return(1)") as armed:
        assert [1, None] == [reach(FIRST), reach(FIRST)]
    off()
    reach(FIRST)
    assert installed() is None
    assert ({"probe.first": 3}, {"probe.first": 2}) == (first.counts, armed.counts)


def test_installing_replaces_every_seam() -> None:
    """A campaign's seam is alone, whatever was in force before it."""
    with counting() as tally:
        install(Seam())
        reach(FIRST)
    assert () == tally.hits


def test_every_seam_notes_a_hit_before_one_of_them_acts() -> None:
    """A fault in one plan hides the hit from no other."""
    with (
        counting() as outer,
        arm("probe.first=raise(ValueError)"),
        counting() as inner,
        pytest.raises(ValueError, match="injected"),
    ):
        reach(FIRST)
    assert {"probe.first": 1} == outer.counts == inner.counts


def test_the_newest_plan_acts_first_and_both_act() -> None:
    """The older plan gets what the newer one made of the payload, and its word is the last."""
    spoken: list[str] = []
    with (
        arm("probe.first=return(1)", on_fire=lambda _, fault: spoken.append(fault)),
        arm("probe.first=return(2)", on_fire=lambda _, fault: spoken.append(fault)),
    ):
        assert 1 == reach(FIRST)
    assert ["return(2)", "return(1)"] == spoken


def test_a_seam_can_be_taken_out_of_the_middle() -> None:
    """Those above and beneath it stay in force; taking it out again changes nothing."""
    seams = [push(Seam()) for _ in range(3)]
    remove(seams[1])
    remove(seams[1])
    reach(FIRST)
    assert [1, 0, 1] == [len(seam.counts) for seam in seams]


def test_a_seam_pushed_twice_notes_a_hit_once() -> None:
    """It moves to the top, and a hit comes to an end."""
    lower, upper = push(Seam()), push(Seam())
    push(lower)
    reach(FIRST)
    assert (lower, {"probe.first": 1}) == (installed(), lower.counts)
    assert {"probe.first": 1} == upper.counts


class SlowCounts(dict[str, int]):
    """Lets other threads in between reading a number and writing the next."""

    def get(self, name: str, default: int = 0) -> int:  # type: ignore[override]
        number = super().get(name, default)
        time.sleep(0.0002)
        return number


def test_threads_share_the_numbers_and_lose_none() -> None:
    """Every occurrence from 1 up is given to exactly one hit."""
    seen: list[Hit] = []
    install(Seam(observe=seen.append))._counts = SlowCounts()

    def work() -> None:
        for _ in range(HITS):
            reach(FIRST)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(range(1, THREADS * HITS + 1)) == sorted(hit.occurrence for hit in seen)


def test_a_count_keeps_to_the_occurrence_when_a_thread_is_overtaken() -> None:
    """The second hit fires though its thread comes to an end before that of the first."""
    second_is_over = threading.Event()

    def hold_the_first(hit: Hit) -> None:
        if hit.occurrence == 1:
            assert second_is_over.wait(10)

    with arm("probe.first=sleep(0)@2", observe=hold_the_first) as armed:
        overtaken = threading.Thread(target=reach, args=[FIRST])
        overtaken.start()
        while not armed.counts:
            continue
        reach(FIRST)
        second_is_over.set()
        overtaken.join()
    assert [2] == [hit.occurrence for hit, _ in armed.fired]


def test_a_seam_may_vanish_between_the_look_and_the_step_of_a_thread() -> None:
    """Then the point is off, which is no error: the payload goes through."""
    arm("probe.first=return(1)").disarm()
    assert b"x" == _through(FIRST, "", b"x")


def test_a_forked_child_goes_on_with_numbers_and_plan_of_its_own() -> None:
    """It inherits what its parent counted, and what it counts stays with it."""
    with arm("probe.first=2*off->1*exit(9)") as armed:
        reach(FIRST)
        if (child := os.fork()) == 0:
            reach(FIRST)
            reach(FIRST)  # the third: exits
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert 9 == os.waitstatus_to_exitcode(status)
        assert {"probe.first": 1} == armed.counts


def test_a_fork_under_the_lock_of_another_thread_does_not_hang_the_child(run: Run) -> None:
    """A thread that is just numbering its hit does not exist in the child; its lock must not."""
    ended = run("""
import os, threading
inside, leave = threading.Event(), threading.Event()
class Slow:
    def decide(self, hit):
        if hit.point == "probe.second":
            inside.set()
            leave.wait(20)
seam = install(Seam(plan=Slow()))
push(Seam())
thread = threading.Thread(target=reach, args=[SECOND])
thread.start()
inside.wait(20)
if (child := os.fork()) == 0:
    reach(FIRST)
    os._exit(5)
status = os.waitpid(child, 0)[1]
leave.set()
thread.join()
print(os.waitstatus_to_exitcode(status))
""")
    assert ("5\n", "") == (ended.stdout, ended.stderr)
