"""What the tests of the knowledge base share: one with two documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.tests.kb.bases import make_base


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a knowledge base with two documents."""
    return make_base(tmp_path / "base")
