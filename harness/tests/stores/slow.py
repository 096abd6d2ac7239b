"""A sound store with many slow operations: long enough to interrupt its campaign."""

import subprocess
import sys
from pathlib import Path

from killpoint import Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare, reach

STEP = declare("slow.step", durable="the steps before", pending="the step")


def step(root: Path) -> None:
    """Take a step, with a grandchild that would outlive a careless harness."""
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    reach(STEP)
    with (root / "log").open("a") as file:
        file.write("x")


def read(root: Path) -> int:
    """Return how many steps were taken."""
    return len((root / "log").read_text()) if (root / "log").exists() else 0


slow = Scenario(
    name="slow.step",
    system=functions(open=lambda root: root, observe=read),
    operations=tuple(Operation(f"step {i}", step) for i in range(30)),
    points=frozenset({PointSource.DECLARED}),
)
