"""What a campaign leaves behind, as values: the run, its scenarios, its problems, its points.

`Run` is the content of `run.json`, `Points` that of `points.json`, a `CaseRow` one row of the
table of cases. Each starts as the worst that can be said (undecided, incomplete, interrupted),
so that a campaign that dies leaves the truth. They never hold behaviour beyond looking things up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from killpoint.case import Answer, CaseResult, Means, Twice, kind_of
from killpoint.events import (
    Bracketing,
    DepthTally,
    ReplayLabel,
    StopReason,
)
from killpoint.fault import Fault
from killpoint.verdict import Reason, Verdict

FORMAT = 1
NOT_STRUCK = frozenset({Reason.NOT_FIRED, Reason.VICTIM_RAISED})
NOT_PREPARED = Bracketing(measured=False, why_not="not prepared")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One case. `point` and `occurrence` are those of its last step, `first_*` of its first.

    `parent_image` is what the last step struck: the image that the step before it left, empty
    where that step struck the workload; `parent_key` is what else that crash consisted of.
    `recovery_hits_count` are the points that the last, unharmed reopening passed. `fault`
    is that of the last step, `answer` what came of one that the process lived through.
    """

    index: int
    scenario: str
    token: str
    depth: int
    first_point: str
    first_occurrence: int
    point: str
    occurrence: int
    verdict: Verdict
    reason: Reason
    signature: str
    invariants: tuple[str, ...]
    detail: str
    parent_image: str
    crash_image: str
    recovered_image: str
    recovery_hits_count: int
    acknowledged_count: int
    victim_s: float
    verify_s: float
    worker: int
    means: Means = Means.SIGKILL
    made_again: bool = False
    twice: Twice = Twice.NO
    fault: str = Fault.KILL.value
    answer: Answer = Answer.NONE
    parent_key: str = ""

    @property
    def first_pair(self) -> str:
        """Return the pair that kills the workload, as a token prints it."""
        return f"{self.first_point}@{self.first_occurrence}"

    @property
    def struck(self) -> bool:
        """Return whether the last fault came to act; else the case is no kill of its pair."""
        return bool(self.first_point) and self.reason not in NOT_STRUCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A failure with a directory of its own. A relative `directory` is inside the record's.

    `shrunk` is the token of its smallest form; it is empty where none was looked for.
    """

    token: str
    directory: str
    label: ReplayLabel
    replays_failed: int
    replays_count: int
    result: CaseResult
    shrunk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """All cases of a scenario that failed, or stayed undecided, with one signature."""

    scenario: str
    signature: str
    verdict: Verdict
    reason: Reason
    invariants: tuple[str, ...]
    detail: str
    token: str
    cases_count: int
    kept: tuple[Kept, ...] = ()

    @property
    def kind(self) -> str:
        """Return what is wrong wherever it was struck: the same of two points of one bug."""
        return kind_of(" + ".join(self.invariants) or self.reason.value, self.detail)

    @property
    def place(self) -> str:
        """Return where it was struck last."""
        return self.signature.rpartition(" at ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRecord:
    """One scenario: how far it came. `prepared` and `finished` are False until they are true."""

    name: str
    verdict: Verdict = Verdict.UNDECIDED
    stop: StopReason = StopReason.INTERRUPTED
    prepared: bool = False
    finished: bool = False
    fingerprint: str = ""
    operations: tuple[str, ...] = ()
    pairs_total: int = 0
    bracketing: Bracketing = NOT_PREPARED
    made_again_count: int = 0
    run_twice_count: int = 0
    unequal_count: int = 0
    tallies: tuple[DepthTally, ...] = ()
    cases_count: int = 0
    failures_count: int = 0
    undecided_count: int = 0
    elapsed_s: float = 0.0

    def tally(self, depth: int) -> DepthTally:
        """Return the tally of a depth; an empty one when nothing happened there."""
        for each in self.tallies:
            if each.depth == depth:
                return each
        total = 0 if depth else self.pairs_total
        return DepthTally(depth=depth, pairs_done=0, pairs_total=total, images_count=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A campaign. `complete` means that it came to its own end and all its cases are here.

    Whether everything was killed is another question, which `report.sentence` answers.
    """

    format: int = FORMAT
    complete: bool = False
    verdict: Verdict = Verdict.UNDECIDED
    stop: StopReason = StopReason.INTERRUPTED
    strategy: str = ""
    workers_count: int = 0
    budget_s: float | None = None
    depth: int = 0
    shard: tuple[int, int] = (1, 1)
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    scenarios: tuple[ScenarioRecord, ...] = ()
    problems: tuple[Problem, ...] = ()
    cases_count: int = 0
    failures_count: int = 0
    undecided_count: int = 0
    elapsed_s: float = 0.0
    never_reached: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()

    def problems_of(self, scenario: str) -> tuple[Problem, ...]:
        """Return the problems of one scenario."""
        return tuple(each for each in self.problems if each.scenario == scenario)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A (point, occurrence) that the workload hits, and what its kills came to.

    `kills_count` are cases that strike nowhere else, `recovery_kills_count` those that strike
    here first and in recovery after; `verdict` is the worst of both, undecided when there is none.
    """

    point: str
    occurrence: int
    footprint: str = ""
    kills_count: int = 0
    recovery_kills_count: int = 0
    verdict: Verdict = Verdict.UNDECIDED

    @property
    def struck(self) -> bool:
        """Return whether any case began here."""
        return bool(self.kills_count or self.recovery_kills_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPoints:
    """The pairs of a scenario in the order in which they are hit, and its kills by point.

    `hits` and `recovery_hits` are what the loop counted; they are empty until it has finished.
    """

    fingerprint: str = ""
    pairs: tuple[Pair, ...] = ()
    recovery_kills: dict[str, int] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    recovery_hits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The points of every scenario that was prepared."""

    format: int = FORMAT
    scenarios: dict[str, ScenarioPoints] = field(default_factory=dict)
