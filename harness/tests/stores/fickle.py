"""Stores that answer differently the second time, by a counter that no image holds.

The counter lies beside the scratch place and counts only what a crash has been through, so that
the runs without fault agree. Each store is fickle in one thing that a second run must compare.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from killpoint import Operation, PointSource, Reopened, Scenario, functions, invariant
from killpoint.failpoints import declare, reach

STEP = declare("fickle.step", durable="nothing", pending="the step")
LATE = declare("fickle.late", durable="the step", pending="nothing", rare=True)


def turn() -> int:
    """Return how often this was asked before."""
    counter = Path(os.environ["KILLPOINT_SCRATCH"]) / "turn"
    number = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(number + 1))
    return number


def append(root: Path) -> None:
    """Take one durable step, with a point before it."""
    reach(STEP, "log")
    with (root / "log").open("a") as file:
        file.write("x")
    (root / "closed").unlink(missing_ok=True)


def close(root: Path) -> None:
    """Say that nothing has crashed."""
    (root / "closed").touch()


def crashed(root: Path) -> bool:
    """Tell whether this store was not closed."""
    return not (root / "closed").exists() and any(root.iterdir())


def open_and_scribble(root: Path) -> Path:
    """After a crash leave another number each time."""
    if crashed(root):
        (root / "number").write_text(str(turn()))
    return root


def open_another_way(root: Path) -> Path:
    """After every other crash pass a point more."""
    if crashed(root) and turn() % 2:
        reach(LATE)
    return root


def scribble_before_the_step(root: Path) -> None:
    """Leave another number each time, for the crash only."""
    (root / "number").write_text(str(turn()))
    append(root)
    (root / "number").unlink()


def read(root: Path) -> int:
    """Return how many steps were taken."""
    return len((root / "log").read_text()) if (root / "log").exists() else 0


@invariant("every other time")
def every_other_time(store: Reopened) -> Iterable[str]:
    """Hold every other time."""
    if turn() % 2:
        yield f"there are {store.state} steps"


def prepare(root: Path) -> None:
    """Begin with a store at rest."""
    (root / "log").touch()
    (root / "closed").touch()


def scenario(name: str, **parts: object) -> Scenario:
    """Return a store that is steady but for the parts that are given."""
    steady = {
        "system": functions(prepare=prepare, open=lambda root: root, observe=read, close=close),
        "operations": (Operation("step 1", append), Operation("step 2", append)),
        "points": frozenset({PointSource.DECLARED}),
    }
    return Scenario(name=name, **{**steady, **parts})  # type: ignore[arg-type]


SCENARIOS = (
    scenario("fickle.steady"),
    scenario("fickle.verdict", invariants=(every_other_time,)),
    scenario(
        "fickle.recovery",
        system=functions(prepare=prepare, open=open_another_way, observe=read, close=close),
    ),
    scenario(
        "fickle.recovered",
        system=functions(prepare=prepare, open=open_and_scribble, observe=read, close=close),
    ),
    scenario(
        "fickle.crash",
        operations=(
            Operation("step 1", append),
            Operation("step 2", scribble_before_the_step),
        ),
    ),
)
