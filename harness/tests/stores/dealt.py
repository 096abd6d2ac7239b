"""Stores with several kinds of follow-up and of kept operation, one of which is always wrong.

What a case finds then depends on which kinds it was dealt, if anything does but the case itself.
"""

from collections.abc import Iterable
from pathlib import Path

from killpoint import FollowUp, Operation, PointSource, Reopened, Scenario, functions, invariant
from killpoint.failpoints import declare, reach

FIRST = declare("dealt.first", durable="the steps before", pending="the step")
SECOND = declare("dealt.second", durable="the step", pending="its count")
SETTLED = declare("dealt.settled", durable="all steps", pending="their count", rare=True)
LOOKED = declare("dealt.looked", durable="nothing", pending="nothing", rare=True)
STEPS_COUNT = 8
DECLARED = frozenset({PointSource.DECLARED})


def append(root: Path) -> None:
    """Take one step, and count it."""
    reach(FIRST, "log")
    with (root / "log").open("a") as file:
        file.write("x")
    reach(SECOND, "count")
    (root / "count").write_text(str(read(root)))


def settle(root: Path) -> Path:
    """Count the steps that a crash left uncounted."""
    counted = (root / "count").read_text() if (root / "count").exists() else "0"
    if counted != str(read(root)):
        reach(SETTLED, "count")
        (root / "count").write_text(str(read(root)))
    return root


def read(root: Path) -> int:
    """Return how many steps were taken."""
    return len((root / "log").read_text()) if (root / "log").exists() else 0


def observe(root: Path) -> int:
    """Read, and pass a point while doing so: no part of a recovery."""
    reach(LOOKED)
    return read(root)


@invariant("looks")
def looks(store: Reopened) -> Iterable[str]:
    """Pass a point, too, and find nothing."""
    reach(LOOKED)
    return () if store.state >= 0 else ("fewer steps than none",)


@invariant("not five")
def not_five(store: Reopened) -> Iterable[str]:
    """Find something, now and then."""
    if store.state == STEPS_COUNT - 3:
        yield "there are five steps"


def follow_up(name: str, more: int) -> FollowUp:
    """Return a step more, of which so many are expected."""
    return FollowUp(name, append, lambda count: count + more)


def scenario(name: str, **parts: object) -> Scenario:
    """Return eight steps, sound but for the parts that are given."""
    sound = {
        "system": functions(open=settle, observe=observe),
        "operations": tuple(Operation(f"step {n}", append) for n in range(STEPS_COUNT)),
        "invariants": (looks,),
        "points": DECLARED,
    }
    return Scenario(name=name, **{**sound, **parts})  # type: ignore[arg-type]


RIGHT, WRONG = follow_up("one more", 1), follow_up("two more", 2)
SCENARIOS = (
    scenario("dealt.sound", follow_ups=(RIGHT, RIGHT)),
    scenario("dealt.follow_ups", follow_ups=(RIGHT, WRONG, RIGHT)),
    scenario("dealt.kept", kept=(RIGHT, WRONG)),
    scenario(
        "dealt.violated",
        invariants=(looks, not_five),
        points=frozenset({PointSource.PYTHON}),
    ),
)
