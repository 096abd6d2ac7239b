"""Locks exclude threads and processes, die with their owner, and leave nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.storage import Fence, FenceMissingError, LockBusyError
from engine.storage.fence import offset
from engine.tests.stores import ROOT, image

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, signal
from pathlib import Path
from engine.storage import Fence
held = Fence(Path(sys.argv[1])).hold_all(("table:a", "table:b"), 0)
print("held", flush=True)
signal.pause()
"""


@pytest.fixture
def fence(tmp_path: Path) -> Fence:
    """Return a fence with its file."""
    (tmp_path / "fence").touch()
    return Fence(tmp_path)


def test_a_lock_excludes_another_holder_in_the_same_process(fence: Fence) -> None:
    """Until it is released; other names are free all the while."""
    with fence.hold_all(("a",), 0):
        assert fence.try_hold("a") is None
        other = fence.try_hold("b")
        assert other is not None
        other.release()
    again = fence.try_hold("a")
    assert again is not None
    again.release()


def test_a_lock_of_another_process_dies_with_it(fence: Fence, tmp_path: Path) -> None:
    """SIGKILL releases it, and the directory looks as before."""
    before = image(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    path = f"{ROOT / 'harness'}:{ROOT}"
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": path}) as owner:
        assert owner.stdout is not None
        assert b"held\n" == owner.stdout.readline()
        assert fence.try_hold("table:b") is None
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    held = fence.try_hold("table:b")
    assert held is not None
    held.release()
    assert before == image(tmp_path)


def test_waiting_is_bounded_and_the_refusal_names_the_lock(fence: Fence) -> None:
    """What was taken on the way is let go again."""
    with fence.hold_all(("b",), 0):
        with pytest.raises(LockBusyError, match=r"'b' is still held .* try again"):
            fence.hold_all(("a", "b"), 0.01)
        taken = fence.try_hold("a")
    assert taken is not None
    taken.release()


def test_sharers_hold_beside_each_other_and_keep_others_out(fence: Fence) -> None:
    """Who wants it alone waits for the last of them, and then keeps all of them out."""
    with fence.hold_shared("a", 0), fence.hold_shared("a", 0), pytest.raises(LockBusyError):
        fence.hold_all(("a",), 0.01)
    with fence.hold_all(("a",), 0), pytest.raises(LockBusyError):
        fence.hold_shared("a", 0.01)
    fence.hold_shared("a", 0).release()


def test_holders_of_many_do_not_block_each_other_for_ever(fence: Fence) -> None:
    """Names are taken in sorted order, whatever order they are asked for in."""

    def hold(names: tuple[str, ...]) -> None:
        for _ in range(50):
            fence.hold_all(names, 10).release()

    with ThreadPoolExecutor(2) as holders:
        for done in [holders.submit(hold, names) for names in (("a", "b"), ("b", "a"))]:
            done.result()


def test_a_store_without_a_fence_says_so(tmp_path: Path) -> None:
    """The next step is init."""
    with pytest.raises(FenceMissingError, match="run init"):
        Fence(tmp_path).try_hold("a")


def test_offsets_fit_into_a_file_and_differ() -> None:
    """62 bits: the kernel takes signed 64."""
    offsets = {offset(f"table:{number}") for number in range(1_000)}
    assert 1_000 == len(offsets)
    assert max(offsets) < 2**62
