"""Scenarios that must not pass, one for each way in which a harness could fool itself."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from killpoint import (
    FollowUp,
    Operation,
    PointSource,
    Reopened,
    Scenario,
    functions,
    invariant,
)
from killpoint.failpoints import declare, reach

DECLARED = frozenset({PointSource.DECLARED})
STEP = declare("honesty.step", durable="nothing", pending="the step")
NEVER = declare("honesty.never", durable="nothing", pending="a step that nobody takes")


def append(root: Path) -> None:
    """Take one durable step, with a point before it."""
    reach(STEP, "log")
    with (root / "log").open("a") as file:
        file.write("x")


def read(root: Path) -> int:
    """Return how many steps were taken."""
    return len((root / "log").read_text()) if (root / "log").exists() else 0


def scenario(name: str, **parts: object) -> Scenario:
    """Return a sound scenario, but for the parts that are given."""
    sound = {
        "system": functions(open=lambda root: root, observe=read),
        "operations": (Operation("step 1", append), Operation("step 2", append)),
        "follow_ups": (FollowUp("one more", append, lambda count: count + 1),),
        "points": DECLARED,
        "deadline_s": 1.0,
    }
    return Scenario(name=name, **{**sound, **parts})  # type: ignore[arg-type]


def hang_after_a_crash(root: Path) -> Path:
    """Wait for ever, once a step was taken and nobody closed the store."""
    while (root / "log").exists() and not (root / "closed").exists():
        time.sleep(0.01)
    (root / "closed").unlink(missing_ok=True)
    return root


@invariant("never decided")
def raises(store: Reopened) -> Iterable[str]:
    """Raise, as a checker with a bug does."""
    message = f"no opinion on {store.state}"
    raise RuntimeError(message)


@invariant("kills the verifier")
def kills(store: Reopened) -> Iterable[str]:
    """Take the whole verifier down."""
    del store
    os.kill(os.getpid(), signal.SIGKILL)
    return ()


@invariant("at most one step")
def at_most_one(store: Reopened) -> Iterable[str]:
    """Disagree with the second step."""
    if store.state > 1:
        yield f"there are {store.state} steps"


def write_outside(root: Path) -> None:
    """Leave a file beside the root."""
    append(root)
    (root.parent / "stray").write_text("x")


def reopen_and_scribble(root: Path) -> Path:
    """Change the store at every opening."""
    with (root / "openings").open("a") as file:
        file.write("x")
    return root


SCENARIOS = (
    scenario("honesty.sound"),
    scenario(
        "honesty.hang",
        system=functions(
            open=hang_after_a_crash, observe=read, close=lambda root: (root / "closed").touch()
        ),
    ),
    scenario("honesty.raises", invariants=(raises,)),
    scenario("honesty.verifier_dies", invariants=(kills,)),
    scenario("honesty.violated", invariants=(at_most_one,)),
    scenario("honesty.empty", operations=(Operation("nothing", Path.exists),)),
    scenario("honesty.outside", operations=(Operation("step", write_outside),)),
    scenario("honesty.restless", system=functions(open=reopen_and_scribble, observe=read)),
    scenario("honesty.follow_up", follow_ups=(FollowUp("none", append, lambda count: count),)),
    scenario("honesty.unprepared", operations=(Operation("fails", Path.unlink),)),
)
