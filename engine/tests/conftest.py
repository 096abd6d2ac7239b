"""What the tests of the engine share: an empty store, and points that are off again afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.tests.buckets import Buckets, missing, serving
from engine.tests.stores import make_store
from killpoint import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Before any test imports them: the rows of the contract show what they compared.
for part in ("writes", "names", "locks"):
    pytest.register_assert_rewrite(f"engine.tests.storage.contract_{part}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty store."""
    return make_store(tmp_path / "store")


@pytest.fixture(scope="session")
def buckets() -> Iterator[Buckets]:
    """Return a running server, known to this process and to those that it starts."""
    if reason := missing():
        pytest.skip(reason)
    with serving() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        yield found


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    """Leave no seam behind."""
    yield
    failpoints.off()
