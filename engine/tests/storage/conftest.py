"""What the tests of storage share: declared effects, and one storage per backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.storage import Durability, Local
from engine.tests.storage import effects
from engine.tests.stores import ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=[Durability.FSYNC, Durability.NONE], ids=lambda kind: f"local-{kind}")
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Local]:
    """Return an empty storage of each kind that the contract holds for."""
    _, ids = ports(1)
    made = Local(tmp_path / "store", ids=ids, durability=request.param)
    made.make_fence(effects.FENCE)
    yield made
    made.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """Return an empty local storage with the default durability."""
    _, ids = ports(1)
    made = Local(tmp_path / "store", ids=ids)
    made.make_fence(effects.FENCE)
    yield made
    made.close()
