"""What the tests of the repository itself share: where it is and which files it holds.

Fixtures only. It never changes a file of the repository.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.shell import Shell

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Return every file that is or could be committed, sorted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [ROOT / name for name in names if (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def modules(files: list[Path]) -> list[Path]:
    """Return every Python file of the three packages and their tests, sorted."""
    found = [path for path in files if path.suffix == ".py"]
    assert found, "no Python file was found: these tests would hold nothing"
    return found


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a directory in which commands are typed."""
    return Shell(tmp_path)
