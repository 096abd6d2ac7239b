"""What the tests of failpoints share: points that are off again afterwards, and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from killpoint import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

HARNESS = Path(__file__).parents[2]
DEADLINE_S = 30
PREAMBLE = "from tests.failpoints.probe import *\nfrom killpoint.failpoints import *\n"


class Run(Protocol):
    """Runs a program in a fresh process, with FAILPOINTS and the like in its environment."""

    def __call__(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Return how it ended and what it said."""


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    """Leave no seam behind, and find none."""
    assert failpoints.installed() is None
    yield
    failpoints.off()


@pytest.fixture
def run() -> Run:
    """Return the runner; the program has the probe's points and the package's names."""

    def run_code(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(HARNESS), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, "-c", PREAMBLE + code],
            env={**os.environ, **environment, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    return run_code
