"""A thread parks at a point until the test lets it go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from killpoint.failpoints import (
    NeverReachedError,
    ParkTimeoutError,
    UnknownPointError,
    arm,
    counting,
    installed,
    park_first,
    reach,
)
from tests.failpoints.probe import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable


class Actor:
    """A thread that reaches points, says how far it came, and keeps what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[work])
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- handed to the test
            self.error = error

    def is_working(self) -> bool:
        """Say whether it has not come to its end."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(10)
        assert not self._thread.is_alive()


def test_the_first_arrival_parks_until_it_is_released() -> None:
    """What the test does in between happens while the other stands at the point."""
    order: list[str] = []

    def work() -> None:
        reach(FIRST, "f")
        order.append("actor")

    with park_first(FIRST) as meeting:
        actor = Actor(work)
        hit = meeting.wait_until_reached()
        order.append("test")
        meeting.release()
        actor.join()
    assert (["test", "actor"], ("probe.first", 1, "f")) == (
        order,
        (hit.point, hit.occurrence, hit.footprint),
    )


def test_later_arrivals_pass() -> None:
    """Also those of other threads, while the first one is parked; the payload goes through."""
    with park_first("probe.first") as meeting:
        actor = Actor(lambda: reach(FIRST))
        meeting.wait_until_reached()
        assert b"x" == reach(FIRST, "", b"x")
        assert actor.is_working()
        reach(SECOND)
    actor.join()


def test_leaving_the_block_releases_and_takes_the_seam_away() -> None:
    """Also when the block raises, whose error is the one that counts."""
    actors: list[Actor] = []

    def fail() -> None:
        with park_first(FIRST) as meeting:
            actors.append(Actor(lambda: reach(FIRST)))
            meeting.wait_until_reached()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    actors[0].join()
    assert (None, None) == (actors[0].error, installed())


def test_a_block_in_which_nobody_came_fails() -> None:
    """A test whose interleaving did not happen must not pass."""
    told = r"nobody reached probe\.first before the block"
    with pytest.raises(NeverReachedError, match=told), park_first(FIRST):
        reach(SECOND)
    assert installed() is None


def test_an_error_of_the_block_is_not_hidden_by_nobody_having_come() -> None:
    """What went wrong first is what the reader needs."""
    with pytest.raises(ZeroDivisionError), park_first(FIRST):
        _ = 1 / 0


def test_waiting_for_nobody_ends() -> None:
    """With the same error, which says how long it waited."""
    told = r"probe\.first within 0\.02 s"
    with pytest.raises(NeverReachedError, match=told), park_first(FIRST, timeout_s=0.02) as meeting:
        meeting.wait_until_reached()


def test_a_parked_thread_that_nobody_releases_gives_up_and_the_block_fails() -> None:
    """The engine may swallow the error in its thread; the test still hears of it."""
    actors: list[Actor] = []

    def forget() -> None:
        with park_first(FIRST, timeout_s=0.02):
            actors.append(Actor(lambda: reach(FIRST)))
            actors[0].join()

    with pytest.raises(ParkTimeoutError, match=r"call release\(\)"):
        forget()
    assert isinstance(actors[0].error, ParkTimeoutError)


def test_a_rendezvous_at_an_unknown_point_is_refused() -> None:
    """At once, with the nearest name."""
    with (
        pytest.raises(UnknownPointError, match=r"did you mean probe\.first"),
        park_first("probe.fir"),
    ):
        pass


def test_a_plan_in_force_goes_on_beneath_a_rendezvous() -> None:
    """The thread parks, and then meets the fault that the plan has for this hit."""
    with arm("probe.first=raise(ValueError)@2") as armed, counting() as tally:
        reach(FIRST)
        with park_first(FIRST) as meeting:
            actor = Actor(lambda: reach(FIRST))
            meeting.wait_until_reached()
            assert () == armed.fired
        actor.join()
    assert isinstance(actor.error, ValueError)
    assert {"probe.first": 2} == tally.counts == armed.counts


def test_a_plan_armed_inside_the_block_does_not_lose_the_meeting() -> None:
    """Order of arming and meeting does not matter."""
    with park_first(FIRST) as meeting, arm("probe.second=return(1)"):
        actor = Actor(lambda: reach(FIRST))
        meeting.wait_until_reached()
        assert 1 == reach(SECOND)
    actor.join()


def test_two_threads_can_be_held_at_two_points() -> None:
    """That is how an interleaving is forced: each goes on when its turn comes."""
    order: list[str] = []
    with park_first(FIRST) as early, park_first(SECOND) as late:
        writer = Actor(lambda: order.append(str(reach(FIRST, payload="writer"))))
        reader = Actor(lambda: order.append(str(reach(SECOND, payload="reader"))))
        early.wait_until_reached()
        late.wait_until_reached()
        late.release()
        reader.join()
        early.release()
        writer.join()
    assert ["reader", "writer"] == order
