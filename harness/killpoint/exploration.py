"""One scenario of a campaign: prepared, measured, explored, and its failures replayed and kept.

It knows the strategies' names and no engine. It never renders anything: it emits events.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from killpoint.case import Case, Twice
from killpoint.errors import PainlessError
from killpoint.events import (
    Bracketing,
    CaseFinished,
    DepthTally,
    Event,
    FailureKept,
    ReplayLabel,
    ScenarioFinished,
    ScenarioPrepared,
    StopReason,
)
from killpoint.explore.damage import DamageStrategy
from killpoint.explore.error import ErrorStrategy
from killpoint.explore.fuzz import EXAMPLES_COUNT, FuzzStrategy, fuzz
from killpoint.explore.kill import KillStrategy
from killpoint.explore.listed import ListedStrategy
from killpoint.explore.loop import Budget, explore
from killpoint.fault import DAMAGES, Fault
from killpoint.process.victim import OWN_POINTS
from killpoint.shrink import Bounds, shrink
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from killpoint.case import CaseResult
    from killpoint.explore.strategy import Strategy
    from killpoint.process.pool import Pool
    from killpoint.process.preparation import Preparation

REPLAYS_COUNT = 10
REPLAYS_S_MAX = 10.0
KEPT_PER_KIND_MAX = 3
KEPT_MAX = 8
# Of at most as many failures as are kept, and one a kind: a campaign is not slowed by more.
SHRINK_BOUNDS = Bounds(cases_max=60, seconds_max=3.0)
NOT_RECOVERED = Bracketing(measured=False, why_not="nothing was recovered")


class StrategyName(StrEnum):
    """Which strategy generates the cases."""

    KILL = "kill"
    ERROR = "error"
    DAMAGE = "damage"
    JUDGE = "judge"
    FUZZ = "fuzz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for. `names` empty means every scenario, and then all points must be hit.

    `images` asks for image mode in the workload, too: long ones cost no more a case than short.
    `every` has each crash verified, though an equal one was before.
    `stop_at_first` ends each scenario at its first failed case, and goes on with the next one.
    At most `kept_max` failures are replayed and kept with their directories. `listed` are the
    cases to judge again, by scenario. The fuzz strategy draws what `draw` decides, `examples`
    times a scenario; 0 is until the budget ends.
    """

    names: tuple[str, ...] = ()
    strategy: StrategyName = StrategyName.KILL
    depth: int = 1
    budget_s: float | None = None
    deep_s: float | None = None
    shard: tuple[int, int] = (1, 1)
    reports: Path
    workers_count: int = 1
    measure: bool = True
    images: bool = False
    every: bool = False
    kept_max: int = KEPT_MAX
    stop_at_first: bool = False
    draw: int = 0
    examples: int = EXAMPLES_COUNT
    notes: dict[str, str] = field(default_factory=dict)
    listed: dict[str, tuple[Case, ...]] = field(default_factory=dict)

    @property
    def faults(self) -> frozenset[Fault]:
        """Return the kinds of fault that are struck with, one standing for all of its kind."""
        match self.strategy:
            case StrategyName.KILL:
                return frozenset({Fault.KILL})
            case StrategyName.ERROR:
                return frozenset({Fault.EIO})
            case StrategyName.DAMAGE:
                return frozenset({Fault.FLIP})
            case StrategyName.FUZZ:
                return frozenset({Fault.KILL, Fault.EIO})
            case StrategyName.JUDGE:
                struck = {s.fault for cases in self.listed.values() for c in cases for s in c.steps}
                damages = struck & set(DAMAGES)
                errors = struck - damages - {Fault.KILL}
                kinds = {Fault.KILL} & struck
                kinds |= {Fault.EIO} if errors else set()
                return frozenset(kinds | ({Fault.FLIP} if damages else set()))


@dataclass(slots=True, kw_only=True)
class Totals:
    """What the scenarios of one campaign add up to, and where its events go."""

    emit: Callable[[Event], None]
    reached: set[str] = field(default_factory=set)
    kept: int = 0
    stop: StopReason = StopReason.COMPLETE
    notes: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)


class Exploration:
    """One scenario of a campaign."""

    def __init__(
        self, *, pool: Pool, settings: Settings, totals: Totals, name: str, budget: Budget
    ) -> None:
        """Explore the scenario `name` until the budget ends, adding to `totals`."""
        self._pool = pool
        self._settings = settings
        self._totals = totals
        self._name = name
        self._budget = budget
        self._verdicts: list[Verdict] = []
        self._kills: dict[str, int] = {}
        self._recovery_points: dict[str, int] = {}
        self._longest: tuple[int, Case | None] = (0, None)
        self._fingerprint = ""
        self._waiting: list[tuple[CaseResult, str]] = []
        self._kept_by_kind: dict[str, int] = {}
        self._undecided_count = 0
        self._failures_count = 0
        self._made_again_count = 0
        self._twice: dict[Twice, int] = dict.fromkeys(Twice, 0)

    def run(self) -> Verdict:
        """Prepare, measure, explore, keep; return the scenario's verdict."""
        started = time.monotonic()
        preparation = self._pool.prepare(
            self._name, images=self._settings.images, every=self._settings.every
        )
        self._fingerprint = preparation.fingerprint
        points: dict[str, int] = {}
        for hit in preparation.hits:
            points[hit.point] = points.get(hit.point, 0) + 1
        strategy = self._strategy(preparation)
        self._announce(preparation, strategy.pairs_total)
        stop = self._explore(strategy)
        tallies = strategy.tallies()
        self._totals.reached |= points.keys() | self._recovery_points.keys()
        if stop is StopReason.BUDGET or (
            stop is StopReason.FIRST_FAILURE and self._totals.stop is StopReason.COMPLETE
        ):
            self._totals.stop = stop
        case = self._longest[1]
        bracketing = self._measure(case) if case is not None else NOT_RECOVERED
        verdict = worst(self._verdicts)
        self._totals.emit(
            ScenarioFinished(
                scenario=self._name,
                verdict=verdict,
                stop=stop,
                tallies=_bounded(tallies),
                points=points,
                recovery_points=self._recovery_points,
                failures_count=self._failures_count,
                undecided_count=self._undecided_count,
                elapsed_s=time.monotonic() - started,
                made_again_count=self._made_again_count,
                run_twice_count=self._twice[Twice.EQUAL] + self._twice[Twice.UNEQUAL],
                unequal_count=self._twice[Twice.UNEQUAL],
                recovery_bracketing=bracketing,
            )
        )
        return verdict

    def _explore(self, strategy: Strategy | FuzzStrategy) -> StopReason:
        told: dict[str, Any] = {
            "execute": self._pool.run,
            "budget": self._budget,
            "fingerprint": self._fingerprint,
            "emit": self._hear,
            "rest": self._keep_waiting,
        }
        if not isinstance(strategy, FuzzStrategy):
            return explore(strategy, **told)
        stop = fuzz(strategy, **told)
        self._note(strategy.sentence())
        return stop

    def _strategy(
        self, preparation: Preparation
    ) -> KillStrategy | ErrorStrategy | DamageStrategy | ListedStrategy | FuzzStrategy:
        settings = self._settings
        match settings.strategy:
            case StrategyName.KILL:
                return KillStrategy(
                    scenario=self._name,
                    hits=[hit.point for hit in preparation.hits],
                    changes=preparation.changes,
                    depth=settings.depth,
                    never_killable=preparation.never_killable,
                    shard=settings.shard,
                )
            case StrategyName.ERROR:
                if not preparation.faults:
                    raise PainlessError(preparation.without_errors)
                return ErrorStrategy(
                    scenario=self._name,
                    hits=preparation.hits,
                    changes=preparation.changes,
                    faults=preparation.faults,
                    depth=settings.depth,
                    shard=settings.shard,
                )

            case StrategyName.DAMAGE:
                if not preparation.damages:
                    raise PainlessError(preparation.without_damage)
                return DamageStrategy(
                    scenario=self._name, damages=preparation.damages, shard=settings.shard
                )
            case StrategyName.JUDGE:
                return ListedStrategy(settings.listed[self._name], shard=settings.shard)

            case StrategyName.FUZZ:
                return FuzzStrategy(
                    scenario=self._name,
                    letters=self._pool.inventory.fuzzable[self._name],
                    draw=settings.draw,
                    examples=settings.examples,
                    shard=settings.shard,
                )

    def _announce(self, preparation: Preparation, pairs_total: int) -> None:
        bracketing = self._measure(Case(scenario=self._name, steps=()))
        self._totals.emit(
            ScenarioPrepared(
                scenario=self._name,
                fingerprint=preparation.fingerprint,
                hits=preparation.hits,
                operations=preparation.operations,
                pairs_total=pairs_total,
                bracketing=bracketing,
            )
        )
        passed = {*preparation.rehearsed, *(hit.point for hit in preparation.hits)}
        if not passed - OWN_POINTS:
            # Only the harness's own points were passed: nothing of the store was enumerated.
            self._verdicts.append(Verdict.UNDECIDED)
            note = f"{self._name}: the store passed no point; declare some, or choose other points"
            self._totals.notes.append(note)
        # Points that are doubtful prove nothing, however the cases end.
        self._verdicts += [Verdict.UNDECIDED for _ in preparation.doubts]
        self._note(*preparation.doubts, *preparation.notes)
        if not preparation.same_images:
            note = f"{self._name}: two equal runs leave different bytes; images are not compared"
            self._totals.notes.append(note)

    def _note(self, *sentences: str) -> None:
        for each in sentences:
            if (note := f"{self._name}: {each}") not in self._totals.notes:
                self._totals.notes.append(note)

    def _measure(self, case: Case) -> Bracketing:
        if not self._settings.measure:
            return Bracketing(measured=False, why_not="not asked for")
        bracketing: Bracketing = self._pool.measure(case)
        self._note(*bracketing.blind)
        if bracketing.unbracketed:
            self._verdicts.append(Verdict.UNDECIDED)
            where = "; ".join(bracketing.unbracketed[:3])
            self._totals.notes.append(f"{self._name}: unbracketed calls: {where}")
        if not bracketing.measured:
            skipped = f"unbracketed calls of {self._name}: {bracketing.why_not}"
            self._totals.skipped.add(skipped)
        return bracketing

    def _hear(self, event: Event) -> None:
        if isinstance(event, CaseFinished):
            result = event.result
            self._verdicts.append(result.verdict)
            self._made_again_count += result.made_again
            self._twice[result.twice] += 1
            if result.note:
                self._note(result.note)
            for point in result.recovery_hits:
                self._recovery_points[point] = self._recovery_points.get(point, 0) + 1
            if len(result.recovery_hits) > self._longest[0]:
                self._longest = (len(result.recovery_hits), result.case)
            if result.verdict is not Verdict.PASSED:
                self._failures_count += result.verdict is Verdict.FAILED
                self._undecided_count += result.verdict is Verdict.UNDECIDED
                self._waiting.append((result, event.token))
        self._totals.emit(event)

    def _keep_waiting(self) -> None:
        """Replay and keep what did not pass, a few of each kind."""
        waiting, self._waiting = self._waiting, []
        for result, token in waiting:
            kept = self._kept_by_kind.get(result.kind, 0)
            if kept >= KEPT_PER_KIND_MAX or self._totals.kept >= self._settings.kept_max:
                continue
            self._kept_by_kind[result.kind] = kept + 1
            self._totals.kept += 1
            self._keep(result, token)

    def _keep(self, result: CaseResult, token: str) -> None:
        directory = self._settings.reports / "failures" / str(self._totals.kept)
        # The first replay is the one that is kept. Something that hangs takes its whole deadline
        # each time: after some seconds what was seen so far is said, with its count.
        began = time.monotonic()
        again = self._pool.replay(result.case, directory=directory, token=token)
        failed, count = int(again.verdict is not Verdict.PASSED), 1
        while count < REPLAYS_COUNT and time.monotonic() - began < REPLAYS_S_MAX:
            again = self._pool.replay(result.case)
            failed, count = failed + (again.verdict is not Verdict.PASSED), count + 1
        label = _label(failed, count)
        self._totals.emit(
            FailureKept(
                result=result,
                token=token,
                directory=directory,
                label=label,
                replays_failed=failed,
                replays_count=count,
                shrunk=self._shrunk(result, label, directory),
            )
        )

    def _shrunk(self, result: CaseResult, label: ReplayLabel, directory: Path) -> str:
        """Keep a smaller form of the first failure of each kind; return its token, if any.

        Only of one that fails every time, and only as far as it costs the campaign little.
        """
        first = self._kept_by_kind[result.kind] == 1
        failed = result.verdict is Verdict.FAILED
        if not (first and failed and label is ReplayLabel.DETERMINISTIC):
            return ""
        found = shrink(self._pool, result.case, bounds=SHRINK_BOUNDS)
        token = str(found.token)
        bound = f"ended by the bound of {found.bound}" if found.bound else "as small as it gets"
        lines = [token, *found.dropped, f"{found.cases_count} cases, {bound}"]
        (directory / "shrunk.txt").write_text("".join(f"{line}\n" for line in lines))
        if found.dropped:
            self._pool.replay(found.token.case, directory=directory / "shrunk", token=token)
        return token


def _label(failed: int, count: int) -> ReplayLabel:
    if failed == count:
        return ReplayLabel.DETERMINISTIC
    return ReplayLabel.SCHEDULE_DEPENDENT if failed else ReplayLabel.ENVIRONMENTAL


def _bounded(tallies: tuple[DepthTally, ...]) -> tuple[DepthTally, ...]:
    """Leave out depths at which there was nothing to do."""
    return tuple(each for each in tallies if each.pairs_total or each.depth == 0)
