"""What the tests of the engine share: an empty store, and points that are off again afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.tests.stores import make_store
from killpoint import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty store."""
    return make_store(tmp_path / "store")


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    """Leave no seam behind."""
    yield
    failpoints.off()
