"""What the tests of storage share: a local storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.storage import Local
from engine.tests.storage import effects
from engine.tests.stores import ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """Return an empty local storage with the default durability."""
    _, ids = ports(1)
    made = Local(tmp_path / "store", ids=ids)
    made.make_fence(effects.FENCE)
    yield made
    made.close()
