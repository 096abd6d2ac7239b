"""A sound store that declares a point which nothing passes."""

from pathlib import Path

from killpoint import Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare, reach

STEP = declare("unreached.step", durable="nothing", pending="the step")
NEVER = declare("unreached.never", durable="nothing", pending="a step that nobody takes")


def touch(root: Path) -> None:
    """Take one step."""
    reach(STEP)
    (root / "file").touch()


step = Scenario(
    name="unreached.step",
    system=functions(open=lambda root: root, observe=lambda root: (root / "file").exists()),
    operations=(Operation("touch", touch),),
    points=frozenset({PointSource.DECLARED}),
)
