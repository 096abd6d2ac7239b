"""A workload that takes another path every second time: it cannot be enumerated."""

import os
from pathlib import Path

from killpoint import Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare, reach

EVEN = declare("moody.even", durable="nothing", pending="the step", rare=True)
ODD = declare("moody.odd", durable="nothing", pending="the step", rare=True)


def step(root: Path) -> None:
    """Go by a counter that no image holds, since it lies outside of the store."""
    counter = Path(os.environ["KILLPOINT_SCRATCH"]) / "moody"
    turn = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(turn + 1))
    reach(EVEN if turn % 2 == 0 else ODD)
    (root / "file").touch()


moody = Scenario(
    name="moody.step",
    system=functions(open=lambda root: root, observe=lambda root: (root / "file").exists()),
    operations=(Operation("step", step),),
    points=frozenset({PointSource.DECLARED}),
)
