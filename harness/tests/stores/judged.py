"""A sound store under a rule that can be changed between a run and its judgement.

KILLPOINT_RULE is how many steps the rule allows after a crash; without it, any number.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from killpoint import Operation, PointSource, Reopened, Scenario, functions, invariant


def append(root: Path) -> None:
    """Take one step."""
    with (root / "log").open("a") as file:
        file.write("x")


def settle(root: Path) -> Path:
    """Write down in each opening how many steps there are, if that has changed."""
    count = str(read(root))
    told = root / "count"
    if not told.exists() or told.read_text() != count:
        told.write_text(count)
    return root


def read(root: Path) -> int:
    """Return how many steps were taken."""
    return len((root / "log").read_text()) if (root / "log").exists() else 0


@invariant("no more steps than the rule allows")
def few(store: Reopened) -> Iterable[str]:
    """Hold the state against the rule."""
    if store.state > int(os.environ.get("KILLPOINT_RULE", "9")):
        yield f"there are {store.state} steps"


def scenario(name: str) -> Scenario:
    """Return two steps under the rule."""
    return Scenario(
        name=name,
        system=functions(open=settle, observe=read),
        operations=(Operation("step 1", append), Operation("step 2", append)),
        invariants=(few,),
        points=frozenset({PointSource.PYTHON}),
    )


SCENARIOS = (
    scenario("judged.one"),
    *([] if os.environ.get("KILLPOINT_GONE") else [scenario("judged.two")]),
)
