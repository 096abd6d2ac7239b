"""The rows of the contract about locks, and about using a storage again after closing it."""

from __future__ import annotations

import signal

import pytest

from engine.storage import LockBusyError
from engine.tests.storage import effects
from engine.tests.storage.place import Place


def a_lock_excludes_other_handles_until_it_is_released(place: Place) -> None:
    """Of the same name only; releasing twice is harmless."""
    other = place.again()
    held = place.storage.fence.try_hold("a")
    assert held is not None
    assert other.fence.try_hold("a") is None
    with pytest.raises(LockBusyError, match="'a' is still held"):
        other.fence.hold_all(("b", "a"), 0.01)
    other.fence.hold_all(("b",), 0).release()
    for _ in range(2):
        held.release()
    other.fence.hold_all(("a", "b"), 0).release()


def sharers_keep_out_who_wants_it_alone(place: Place) -> None:
    """And are kept out by it; among themselves they do not wait."""
    other = place.again()
    with place.storage.fence.hold_shared("a", 0), other.fence.hold_shared("a", 0):
        assert other.fence.try_hold("a") is None
    with place.storage.fence.hold_all(("a",), 0), pytest.raises(LockBusyError):
        other.fence.hold_shared("a", 0.01)
    other.fence.hold_shared("a", 0).release()


def a_lock_dies_with_its_process(place: Place) -> None:
    """While the process lives nobody else gets it; after SIGKILL anybody does."""
    with place.start("hold", "a") as owner:
        assert owner.stdout is not None
        assert "holding\n" == owner.stdout.readline()
        assert "free" != place.elsewhere("try", "a")
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    held = place.storage.fence.try_hold("a")
    assert held is not None
    held.release()


def a_closed_storage_can_be_used_again(place: Place) -> None:
    """Closing lets go of what it holds and forbids nothing; settle and sweep find nothing."""
    place.storage.put(effects.PUT, "a", b"1")
    for _ in range(2):
        place.storage.close()
    place.storage.put(effects.PUT, "a", b"2")
    place.storage.settle(effects.SETTLE, "none")
    assert () == place.storage.sweep(effects.LIST, effects.DELETE)
    assert b"2" == place.storage.get(effects.READ, "a")


LOCKING = (
    a_lock_excludes_other_handles_until_it_is_released,
    sharers_keep_out_who_wants_it_alone,
    a_lock_dies_with_its_process,
    a_closed_storage_can_be_used_again,
)
