"""What a campaign says while it runs; everything that reports listens to this and nothing else.

The loop emits events in the order in which results are certain. Records, the terminal, the
reports and pytest are listeners. An event never asks for an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.case import CaseResult
    from killpoint.failpoints import Hit
    from killpoint.verdict import Verdict


class StopReason(StrEnum):
    """Why a campaign or a scenario ended."""

    COMPLETE = "complete"
    DEEP_BUDGET = "the budget of deeper recoveries is used up"
    FIRST_FAILURE = "the first failure was found"
    BUDGET = "the budget is used up"
    INTERRUPTED = "interrupted"


class ReplayLabel(StrEnum):
    """What ten replays of a failure say about it."""

    DETERMINISTIC = "deterministic"
    SCHEDULE_DEPENDENT = "schedule-dependent"
    ENVIRONMENTAL = "environmental"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthTally:
    """Kills at one depth: 0 in the workload, 1 in its recovery, and so on.

    `images_count` are the distinct crash images that kills of this depth left; `by_image_count`
    the pairs that were photographed in image mode and did not cost a process each.
    """

    depth: int
    pairs_done: int
    pairs_total: int
    images_count: int
    by_image_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracketing:
    """What the strace run saw between neighbouring points. `measured` is False without strace.

    `blind` has a sentence for each way in which the store may have been changed unseen.
    """

    measured: bool
    calls_count: int = 0
    unbracketed: tuple[str, ...] = ()
    why_not: str = ""
    blind: tuple[str, ...] = ()

    def joined(self, other: Bracketing) -> Bracketing:
        """Return both together; one that was not measured adds nothing to one that was."""
        if not (self.measured and other.measured):
            return other if other.measured else self
        return Bracketing(
            measured=True,
            calls_count=self.calls_count + other.calls_count,
            unbracketed=(*self.unbracketed, *other.unbracketed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStarted:
    """The first event. `settings` is what a reader needs to start the same campaign again.

    `canaries` are the known bugs that were found before it.
    """

    scenarios: tuple[str, ...]
    strategy: str
    workers_count: int
    budget_s: float | None
    depth: int
    shard: tuple[int, int]
    reports: Path
    settings: dict[str, str] = field(default_factory=dict)
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPrepared:
    """The run without fault has passed twice, with equal traces."""

    scenario: str
    fingerprint: str
    hits: tuple[Hit, ...]
    operations: tuple[str, ...]
    pairs_total: int
    bracketing: Bracketing


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFinished:
    """One case has its result. `done` and `total` count the cases known so far."""

    result: CaseResult
    token: str
    index: int
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureKept:
    """A new signature was replayed and its directory kept; `shrunk` is its smaller form's token."""

    result: CaseResult
    token: str
    directory: Path
    label: ReplayLabel
    replays_failed: int
    replays_count: int
    shrunk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFinished:
    """All cases of a scenario are done, or the budget is.

    `recovery_bracketing` is what strace saw of its longest recovery; `made_again_count` the crashes
    by image that SIGKILL made again with the same bytes. `run_twice_count` cases were run a second
    time, and `unequal_count` of them came out otherwise.
    """

    scenario: str
    verdict: Verdict
    stop: StopReason
    tallies: tuple[DepthTally, ...]
    points: dict[str, int]
    recovery_points: dict[str, int]
    failures_count: int
    undecided_count: int
    elapsed_s: float
    made_again_count: int = 0
    run_twice_count: int = 0
    unequal_count: int = 0
    recovery_bracketing: Bracketing = field(
        default_factory=lambda: Bracketing(measured=False, why_not="nothing was recovered")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFinished:
    """The last event. `never_reached` are declared points that no scenario passed."""

    verdict: Verdict
    stop: StopReason
    cases_count: int
    failures_count: int
    undecided_count: int
    elapsed_s: float
    never_reached: tuple[str, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


Event = (
    CampaignStarted
    | ScenarioPrepared
    | CaseFinished
    | FailureKept
    | ScenarioFinished
    | CampaignFinished
)
Listener = Callable[[Event], None]
