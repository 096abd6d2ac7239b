"""What the tests of scenarios share: a directory in which commands are typed. Fixtures only."""

from pathlib import Path

import pytest

from tests.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a directory in which commands are typed."""
    return Shell(tmp_path)
