"""A campaign: many cases within bounds, split over workers and machines.

For each scenario: prepare it, measure its points against strace, explore with a strategy, replay
and keep what did not pass. What was declared and never reached by a whole campaign fails it. A
campaign emits events and returns its verdict; it never writes a report and never prints.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from killpoint.case import Case
from killpoint.errors import UnknownScenarioError
from killpoint.events import (
    Bracketing,
    CampaignFinished,
    CampaignStarted,
    CaseFinished,
    DepthTally,
    FailureKept,
    ReplayLabel,
    ScenarioFinished,
    ScenarioPrepared,
    StopReason,
)
from killpoint.explore.kill import KillStrategy
from killpoint.explore.loop import Budget, explore
from killpoint.process.pool import Pool
from killpoint.token import Token
from killpoint.verdict import Reason, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from killpoint.case import CaseResult
    from killpoint.events import Event, Listener
    from killpoint.process.runner import Preparation

REPLAYS_COUNT = 10
KEPT_PER_SIGNATURE_MAX = 3
KEPT_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for. `names` empty means every scenario, and then all points must be hit."""

    names: tuple[str, ...] = ()
    depth: int = 1
    budget_s: float | None = None
    shard: tuple[int, int] = (1, 1)
    reports: Path
    workers_count: int = 1
    measure: bool = True
    notes: dict[str, str] = field(default_factory=dict)


class Campaign:
    """One run over the scenarios of a pool."""

    def __init__(self, pool: Pool, settings: Settings, listeners: Iterable[Listener]) -> None:
        """Tell `listeners` everything, in order."""
        self._pool = pool
        self._settings = settings
        self._listeners = tuple(listeners)
        self._verdicts: list[Verdict] = []
        self._reached: set[str] = set()
        self._unmeasured: set[str] = set()
        self._cases_count = 0
        self._failures_count = 0
        self._undecided_count = 0
        self._kept = 0
        self._stop = StopReason.COMPLETE
        self._notes: list[str] = []

    def run(self) -> Verdict:
        """Run all chosen scenarios; the last event is emitted however it ends."""
        started = time.monotonic()
        chosen = self._choose()
        settings = self._settings
        self._emit(
            CampaignStarted(
                scenarios=chosen,
                strategy="kill",
                workers_count=settings.workers_count,
                budget_s=settings.budget_s,
                depth=settings.depth,
                shard=settings.shard,
                reports=settings.reports,
                settings=settings.notes,
            )
        )
        end_s = None if settings.budget_s is None else started + settings.budget_s
        try:
            for number, name in enumerate(chosen):
                # What is left is shared out evenly: no scenario starves because it comes last.
                share = self._share(end_s, len(chosen) - number)
                self._verdicts.append(_Exploration(self, name, share).run())
        except KeyboardInterrupt:
            self._stop = StopReason.INTERRUPTED
        never_reached = self._never_reached()
        if never_reached:
            self._verdicts.append(Verdict.FAILED)
        if self._stop is StopReason.INTERRUPTED:
            self._verdicts.append(Verdict.UNDECIDED)
        verdict = worst(self._verdicts)
        self._emit(
            CampaignFinished(
                verdict=verdict,
                stop=self._stop,
                cases_count=self._cases_count,
                failures_count=self._failures_count,
                undecided_count=self._undecided_count,
                elapsed_s=time.monotonic() - started,
                never_reached=never_reached,
                notes=tuple(self._notes),
                skipped=tuple(sorted(self._unmeasured)),
            )
        )
        return verdict

    @property
    def interrupted(self) -> bool:
        """Tell whether somebody stopped it."""
        return self._stop is StopReason.INTERRUPTED

    @property
    def cases_count(self) -> int:
        """How many cases have a result."""
        return self._cases_count

    def _choose(self) -> tuple[str, ...]:
        known = self._pool.inventory.scenarios
        if not self._settings.names:
            return known
        chosen = []
        for name in self._settings.names:
            fitting = [each for each in known if each == name or each.startswith(name + ".")]
            if not fitting:
                raise UnknownScenarioError(name, known)
            chosen += fitting
        return tuple(name for name in known if name in set(chosen))

    def _share(self, end_s: float | None, scenarios_left: int) -> Budget:
        if end_s is None:
            return Budget()
        now = time.monotonic()
        return Budget(end_s=now + max(end_s - now, 0) / scenarios_left)

    def _never_reached(self) -> tuple[str, ...]:
        """Return declared points that a whole, complete campaign should have reached."""
        whole = not self._settings.names and self._settings.shard[1] == 1
        if not whole or self._stop is not StopReason.COMPLETE:
            return ()
        return tuple(
            point.name
            for point in self._pool.points()
            if not point.rare and point.name not in self._reached
        )

    def _emit(self, event: Event) -> None:
        if isinstance(event, CaseFinished):
            self._cases_count += 1
            self._failures_count += event.result.verdict is Verdict.FAILED
            self._undecided_count += event.result.verdict is Verdict.UNDECIDED
        for listener in self._listeners:
            listener(event)


class _Exploration:
    """One scenario of a campaign."""

    def __init__(self, campaign: Campaign, name: str, budget: Budget) -> None:
        self._campaign = campaign
        self._pool = campaign._pool  # noqa: SLF001 -- one module, one class in two parts
        self._settings = campaign._settings  # noqa: SLF001 -- as above
        self._name = name
        self._budget = budget
        self._verdicts: list[Verdict] = []
        self._kills: dict[str, int] = {}
        self._recovery_points: dict[str, int] = {}
        self._longest: tuple[int, Case | None] = (0, None)
        self._fingerprint = ""
        self._waiting: list[tuple[CaseResult, str]] = []
        self._kept_by_signature: dict[str, int] = {}
        self._undecided_count = 0
        self._failures_count = 0

    def run(self) -> Verdict:
        started = time.monotonic()
        preparation = self._pool.prepare(self._name)
        self._fingerprint = preparation.fingerprint
        points: dict[str, int] = {}
        for hit in preparation.hits:
            points[hit.point] = points.get(hit.point, 0) + 1
        strategy = KillStrategy(
            scenario=self._name,
            hits=[hit.point for hit in preparation.hits],
            depth=self._settings.depth,
            never_killable=preparation.never_killable,
            shard=self._settings.shard,
        )
        self._announce(preparation, strategy.pairs_total)
        stop = explore(
            strategy,
            execute=self._pool.run,
            budget=self._budget,
            fingerprint=self._fingerprint,
            emit=self._hear,
            rest=self._keep_waiting,
        )
        tallies = strategy.tallies()
        self._campaign._reached |= points.keys() | self._recovery_points.keys()  # noqa: SLF001
        if stop is not StopReason.COMPLETE:
            self._campaign._stop = stop  # noqa: SLF001 -- as above
        self._measure_recovery()
        verdict = worst(self._verdicts)
        self._campaign._emit(  # noqa: SLF001 -- as above
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
            )
        )
        return verdict

    def _announce(self, preparation: Preparation, pairs_total: int) -> None:
        bracketing = self._measure(Case(scenario=self._name, steps=()))
        self._campaign._emit(  # noqa: SLF001 -- as above
            ScenarioPrepared(
                scenario=self._name,
                fingerprint=preparation.fingerprint,
                hits=preparation.hits,
                operations=preparation.operations,
                pairs_total=pairs_total,
                bracketing=bracketing,
            )
        )
        if not preparation.same_images:
            note = f"{self._name}: two equal runs leave different bytes; images are not compared"
            self._campaign._notes.append(note)  # noqa: SLF001 -- as above

    def _measure(self, case: Case) -> Bracketing:
        if not self._settings.measure:
            return Bracketing(measured=False, why_not="not asked for")
        bracketing: Bracketing = self._pool.measure(case)
        if bracketing.unbracketed:
            self._verdicts.append(Verdict.UNDECIDED)
            where = "; ".join(bracketing.unbracketed[:3])
            self._campaign._notes.append(f"{self._name}: unbracketed calls: {where}")  # noqa: SLF001
        if not bracketing.measured:
            skipped = f"unbracketed calls of {self._name}: {bracketing.why_not}"
            self._campaign._unmeasured.add(skipped)  # noqa: SLF001 -- as above
        return bracketing

    def _measure_recovery(self) -> None:
        case = self._longest[1]
        if case is not None:
            self._measure(case)

    def _hear(self, event: Event) -> None:
        if isinstance(event, CaseFinished):
            result = event.result
            self._verdicts.append(result.verdict)
            for point in result.recovery_hits:
                self._recovery_points[point] = self._recovery_points.get(point, 0) + 1
            if len(result.recovery_hits) > self._longest[0]:
                self._longest = (len(result.recovery_hits), result.case)
            if result.verdict is not Verdict.PASSED:
                self._failures_count += result.verdict is Verdict.FAILED
                self._undecided_count += result.verdict is Verdict.UNDECIDED
                self._waiting.append((result, event.token))
        self._campaign._emit(event)  # noqa: SLF001 -- as above

    def _keep_waiting(self) -> None:
        """Replay and keep what did not pass, a few of each signature."""
        waiting, self._waiting = self._waiting, []
        for result, token in waiting:
            kept = self._kept_by_signature.get(result.signature, 0)
            if kept >= KEPT_PER_SIGNATURE_MAX or self._campaign._kept >= KEPT_MAX:  # noqa: SLF001
                continue
            self._kept_by_signature[result.signature] = kept + 1
            self._campaign._kept += 1  # noqa: SLF001 -- as above
            self._keep(result, token)

    def _keep(self, result: CaseResult, token: str) -> None:
        directory = self._settings.reports / "failures" / str(self._campaign._kept)  # noqa: SLF001
        # A hang takes its whole deadline each time: once more is enough to see it again.
        count = 1 if result.reason is Reason.HUNG else REPLAYS_COUNT
        failed = 0
        for turn in range(count):
            last = turn == count - 1
            again = self._pool.replay(
                result.case, directory=directory if last else None, token=token
            )
            failed += again.verdict is not Verdict.PASSED
        self._campaign._emit(  # noqa: SLF001 -- as above
            FailureKept(
                result=result,
                token=token,
                directory=directory,
                label=_label(failed, count),
                replays_failed=failed,
                replays_count=count,
            )
        )


def _label(failed: int, count: int) -> ReplayLabel:
    if failed == count:
        return ReplayLabel.DETERMINISTIC
    return ReplayLabel.SCHEDULE_DEPENDENT if failed else ReplayLabel.ENVIRONMENTAL


def _bounded(tallies: tuple[DepthTally, ...]) -> tuple[DepthTally, ...]:
    """Leave out depths at which there was nothing to do."""
    return tuple(each for each in tallies if each.pairs_total or each.depth == 0)


def replay(
    pool: Pool, token: Token, *, times: int, directory: Path | None = None
) -> tuple[Preparation, list[CaseResult]]:
    """Run a token's case `times` times; the caller compares the fingerprints."""
    if token.case.scenario not in pool.inventory.scenarios:
        raise UnknownScenarioError(token.case.scenario, pool.inventory.scenarios)
    preparation = pool.prepare(token.case.scenario)
    results = [
        pool.replay(
            token.case,
            directory=directory if turn == times - 1 else None,
            token=str(token),
        )
        for turn in range(times)
    ]
    return preparation, results
