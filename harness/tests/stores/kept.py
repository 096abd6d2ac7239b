"""Stores whose handles are open while another process dies: sound, stale, stuck, wrecking."""

from pathlib import Path

from killpoint import FollowUp, Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare, reach

STEP = declare("kept.step", durable="the steps before", pending="the step")


class StaleError(Exception):
    """The handle must be refreshed."""


class Counter:
    """A file whose length is the count; every handle looks at it before it writes."""

    def __init__(self, root: Path) -> None:
        """Remember what is there."""
        self.path = root / "count"
        self.seen = self.count()

    def count(self) -> int:
        """Return the count on disk."""
        return len(self.path.read_text()) if self.path.exists() else 0

    def step(self) -> None:
        """Add one to what is on disk."""
        reach(STEP)
        self.path.write_text("x" * (self.count() + 1))


class Stale(Counter):
    """Adds one to what it remembers: a lost update."""

    def step(self) -> None:
        """Write what this handle believes."""
        reach(STEP)
        self.seen += 1
        self.path.write_text("x" * self.seen)


class Stuck(Counter):
    """Refuses for ever once the count has moved without it."""

    def step(self) -> None:
        """Refuse a count that is not the remembered one."""
        if self.count() != self.seen:
            raise StaleError
        super().step()
        self.seen = self.count()


class WreckedError(Exception):
    """Nobody can open this any more."""


class Wrecking(Counter):
    """Counts right, and leaves what nobody can open once the count has moved without it."""

    def __init__(self, root: Path) -> None:
        """Refuse what another handle has wrecked."""
        self.wreck = root / "wreck"
        if self.wreck.exists():
            raise WreckedError
        super().__init__(root)

    def step(self) -> None:
        """Count, whatever it does to others."""
        if self.count() != self.seen:
            self.wreck.touch()
        super().step()
        self.seen = self.count()


class Careful(Stuck):
    """Refuses once, and looks again."""

    def step(self) -> None:
        """Refuse a count that is not the remembered one, this time."""
        try:
            super().step()
        except StaleError:
            self.seen = self.count()
            raise


def scenario(name: str, kind: type[Counter]) -> Scenario:
    """Return a scenario over one kind of handle."""
    names = ("step", "another step")
    steps = tuple(FollowUp(name, kind.step, lambda count: count + 1) for name in names)
    return Scenario(
        name=f"kept.{name}",
        system=functions(open=kind, observe=Counter.count),
        operations=(Operation("step 1", kind.step), Operation("step 2", kind.step)),
        kept=steps,
        refused=lambda error: isinstance(error, StaleError),
        points=frozenset({PointSource.DECLARED}),
    )


SCENARIOS = (
    scenario("sound", Counter),
    scenario("careful", Careful),
    scenario("stale", Stale),
    scenario("stuck", Stuck),
    scenario("wrecking", Wrecking),
)
