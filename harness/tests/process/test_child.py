"""One child at a time: what it said is heard whole, and nothing of it is left over."""

from __future__ import annotations

import os
import signal
import struct
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from killpoint.process.child import EXIT_RAISED, Nursery

if TYPE_CHECKING:
    from killpoint.process.child import Channel

LONG_BYTES = 3 * 1024 * 1024


@pytest.fixture(scope="module")
def nursery() -> Nursery:
    """Return the nursery of this process."""
    return Nursery()


def die() -> None:
    """End this very process, the hard way."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_said_before_a_kill_is_heard(nursery: Nursery) -> None:
    """Messages come in order, and a frame that the kill cut off is dropped."""

    def work(channel: Channel) -> None:
        channel.send("attempt", 1)
        channel.send("ack", 1, "done")
        os.write(channel._descriptor, struct.pack("<I", 40) + b"half a fr")
        die()

    end = nursery.run(work, deadline_s=5)
    assert end.killed
    assert (["attempt", 1], ["ack", 1, "done"]) == end.messages


def test_a_child_that_says_more_than_a_pipe_holds_is_heard_whole(nursery: Nursery) -> None:
    """It need not end before it is listened to, and it is not made to wait for long."""
    end = nursery.run(lambda channel: channel.send("long", b"x" * LONG_BYTES), deadline_s=10)

    assert [b"x" * LONG_BYTES] == end.last("long")
    assert end.elapsed_s < 2


def test_an_exception_is_told_and_does_not_come_out(nursery: Nursery) -> None:
    """Its type, its sentence and its trace arrive; the exit code says so too."""
    end = nursery.run(lambda channel: channel.send("ratio", 1 // 0), deadline_s=5)

    raised = end.last("raised")
    assert EXIT_RAISED == end.exit_code
    assert raised is not None
    assert "ZeroDivisionError" == raised[0]
    assert "1 // 0" in raised[2]


def test_a_child_past_its_deadline_says_where_it_stood(nursery: Nursery) -> None:
    """It is no crash of the store: it was killed, and yet not at a point."""

    def stand_here(_: Channel) -> None:
        time.sleep(60)

    end = nursery.run(stand_here, deadline_s=0.2)
    assert (True, False) == (end.timed_out, end.killed)
    assert "in stand_here" in end.output
    assert end.elapsed_s < 5


def test_output_belongs_to_the_child_that_wrote_it(nursery: Nursery) -> None:
    """Both streams are kept, in the order in which they were written; the next starts empty."""

    def work(_: Channel) -> None:
        os.write(1, b"plain, ")
        os.write(2, b"error")

    assert "plain, error" == nursery.run(work, deadline_s=5).output
    assert "" == nursery.run(lambda _: None, deadline_s=5).output


def test_the_whole_group_dies_with_the_child(nursery: Nursery) -> None:
    """A process that the victim had started is gone when its end is known."""

    def work(channel: Channel) -> None:
        grandchild = os.fork()
        if grandchild == 0:
            time.sleep(60)
        channel.send("grandchild", grandchild)
        die()

    said = nursery.run(work, deadline_s=5).last("grandchild")
    assert said is not None
    assert not psutil.pid_exists(said[0])


def test_signals_are_as_a_program_finds_them(nursery: Nursery) -> None:
    """What a worker ignores, its victims do not."""
    names = ("SIGINT", "SIGTERM", "SIGPIPE")

    def work(channel: Channel) -> None:
        now = [signal.getsignal(signal.Signals[name]) for name in names]
        channel.send("handlers", [str(int(each)) for each in now if isinstance(each, int)])

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        said = nursery.run(work, deadline_s=5).last("handlers")
    finally:
        signal.signal(signal.SIGINT, before)
    assert [[str(int(signal.SIG_DFL))] * len(names)] == said
