"""Adding to a number by compare-and-swap, again and again until it is done."""

from __future__ import annotations

from engine.storage import StaleTokenError, Storage
from engine.tests.storage import effects

ATTEMPTS_MAX = 1_000


def add(storage: Storage, path: str, count: int) -> None:
    """Add one, `count` times; who lost reads again, but not for ever."""
    for _ in range(ATTEMPTS_MAX * count):
        found = storage.get_versioned(effects.READ, path)
        try:
            data = b"%d" % (int(found.data) + 1)
            storage.put_if_match(effects.SWAP, path, data, found.token)
        except StaleTokenError:
            continue
        count -= 1
        if not count:
            return
    raise AssertionError(f"{path} never let itself be swapped")
