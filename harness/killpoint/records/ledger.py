"""Adds events up to what can be said of a campaign so far, at any moment.

The recorder writes a ledger down, the terminal shows one, and a merge fills one from the rows of
its shards. Until the loop gives the tallies of a scenario, they are counted here: a pair is done
when its fault struck, and every distinct crash (an image, and how much was acknowledged) adds the
points of its recovery to what the next depth has to strike. It never judges a case.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from killpoint.case import Means
from killpoint.events import (
    CampaignFinished,
    CampaignStarted,
    CaseFinished,
    DepthTally,
    FailureKept,
    ScenarioFinished,
    ScenarioPrepared,
    StopReason,
)
from killpoint.records.model import (
    CaseRow,
    Kept,
    Pair,
    Points,
    Problem,
    Run,
    ScenarioPoints,
    ScenarioRecord,
)
from killpoint.records.rows import clipped, row_of
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.events import Event


@dataclass(slots=True)
class _PairCount:
    footprint: str = ""
    kills_count: int = 0
    recovery_kills_count: int = 0
    verdicts: set[Verdict] = field(default_factory=set)


class ScenarioLedger:
    """Adds up one scenario."""

    def __init__(self, name: str) -> None:
        """Start with nothing known but the name."""
        self._record = ScenarioRecord(name=name)
        self._pairs: dict[tuple[str, int], _PairCount] = {}
        self._recovery_kills: Counter[str] = Counter()
        self._finished_points = ScenarioPoints()
        self._struck: Counter[int] = Counter()
        self._not_struck: Counter[int] = Counter()
        self._by_image: Counter[int] = Counter()
        self._crashes: dict[int, dict[tuple[str, int], int]] = {}
        self._verdicts: Counter[Verdict] = Counter()
        self._problems: dict[str, Problem] = {}

    def prepare(self, record: ScenarioRecord, pairs: tuple[Pair, ...]) -> None:
        """Take over what the run without fault has shown."""
        self._record = record
        for each in pairs:
            self._pair(each.point, each.occurrence).footprint = each.footprint

    def _pair(self, point: str, occurrence: int) -> _PairCount:
        return self._pairs.setdefault((point, occurrence), _PairCount())

    def add(self, row: CaseRow) -> None:
        """Count one case."""
        self._verdicts[row.verdict] += 1
        if row.verdict is not Verdict.PASSED:
            self._add_problem(row)
        if not row.first_point:
            return
        pair = self._pair(row.first_point, row.first_occurrence)
        pair.verdicts.add(row.verdict)
        if row.depth:
            pair.recovery_kills_count += 1
            self._recovery_kills[row.point] += 1
        else:
            pair.kills_count += 1
        self._struck[row.depth] += row.struck
        self._not_struck[row.depth] += not row.struck
        self._by_image[row.depth] += row.struck and row.means is Means.IMAGE
        if row.crash_image:
            crashes = self._crashes.setdefault(row.depth, {})
            crashes.setdefault((row.crash_image, row.acknowledged_count), row.recovery_hits_count)

    def _add_problem(self, row: CaseRow) -> None:
        known = self._problems.get(row.signature)
        if known is not None:
            self._problems[row.signature] = replace(known, cases_count=known.cases_count + 1)
            return
        self._problems[row.signature] = Problem(
            scenario=row.scenario,
            signature=row.signature,
            verdict=row.verdict,
            reason=row.reason,
            invariants=row.invariants,
            detail=row.detail,
            token=row.token,
            cases_count=1,
        )

    def keep(self, signature: str, kept: Kept) -> None:
        """Attach a kept failure to its problem."""
        result = kept.result
        problem = self._problems.get(signature) or Problem(
            scenario=result.case.scenario,
            signature=signature,
            verdict=result.verdict,
            reason=result.reason,
            invariants=tuple(each.invariant for each in result.violations),
            detail=clipped(result.detail),
            token=kept.token,
            cases_count=0,
        )
        self._problems[signature] = replace(problem, kept=(*problem.kept, kept))

    def finish(self, event: ScenarioFinished) -> None:
        """Let the loop's own figures stand in place of those estimated here."""
        self._record = replace(
            self._record,
            verdict=event.verdict,
            stop=event.stop,
            finished=True,
            tallies=tuple(self._honest(each) for each in event.tallies),
            bracketing=self._record.bracketing.joined(event.recovery_bracketing),
            failures_count=event.failures_count,
            undecided_count=event.undecided_count,
            elapsed_s=event.elapsed_s,
            made_again_count=event.made_again_count,
            run_twice_count=event.run_twice_count,
            unequal_count=event.unequal_count,
        )
        self._finished_points = ScenarioPoints(
            hits=event.points, recovery_hits=event.recovery_points
        )

    def _honest(self, tally: DepthTally) -> DepthTally:
        """Return the loop's tally without the cases whose fault never struck: they are no kills."""
        struck_max = tally.pairs_total - self._not_struck[tally.depth]
        return replace(tally, pairs_done=min(tally.pairs_done, struck_max))

    def record(self, *, depth_max: int) -> ScenarioRecord:
        """Return the summary as of now; `depth_max` bounds what there was to strike."""
        record = replace(self._record, cases_count=self._verdicts.total())
        if record.finished:
            return record
        return replace(
            record,
            tallies=self.tallies(depth_max=depth_max),
            failures_count=self._verdicts[Verdict.FAILED],
            undecided_count=self._verdicts[Verdict.UNDECIDED],
        )

    def tallies(self, *, depth_max: int) -> tuple[DepthTally, ...]:
        """Count pairs per depth from the cases alone."""
        return tuple(
            DepthTally(
                depth=depth,
                pairs_done=self._struck[depth],
                pairs_total=self._to_strike(depth),
                images_count=len({image for image, _ in self._crashes.get(depth, ())}),
                by_image_count=self._by_image[depth],
            )
            for depth in range(depth_max + 1)
        )

    def _to_strike(self, depth: int) -> int:
        if depth == 0:
            return max(self._record.pairs_total, self._struck[0])
        return sum(self._crashes.get(depth - 1, {}).values())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return the problems, in the order in which they appeared."""
        return tuple(self._problems.values())

    def verdicts(self) -> set[Verdict]:
        """Return which verdicts the cases have."""
        return {verdict for verdict, count in self._verdicts.items() if count}

    def points(self) -> ScenarioPoints:
        """Return every pair in order with its kills."""
        pairs = tuple(
            Pair(
                point=point,
                occurrence=occurrence,
                footprint=count.footprint,
                kills_count=count.kills_count,
                recovery_kills_count=count.recovery_kills_count,
                verdict=worst(count.verdicts),
            )
            for (point, occurrence), count in self._pairs.items()
        )
        return replace(
            self._finished_points,
            fingerprint=self._record.fingerprint,
            pairs=pairs,
            recovery_kills=dict(sorted(self._recovery_kills.items())),
        )


class Ledger:
    """A listener that can say at any moment what the campaign came to so far."""

    def __init__(self) -> None:
        """Start with a run that nothing is known of."""
        self._run = Run()
        self._root: Path | None = None
        self.scenarios: dict[str, ScenarioLedger] = {}

    def __call__(self, event: Event) -> None:
        """Add one event."""
        match event:
            case CampaignStarted():
                self._start(event)
            case ScenarioPrepared():
                self._prepare(event)
            case CaseFinished():
                self.of(event.result.case.scenario).add(row_of(event))
            case FailureKept():
                self.of(event.result.case.scenario).keep(event.result.signature, self._kept(event))
            case ScenarioFinished():
                self.of(event.scenario).finish(event)
            case CampaignFinished():
                self._finish(event)

    def of(self, scenario: str) -> ScenarioLedger:
        """Return the ledger of one scenario, made when it is first named."""
        return self.scenarios.setdefault(scenario, ScenarioLedger(scenario))

    def run(self) -> Run:
        """Return the summary as of now."""
        records = tuple(each.record(depth_max=self._run.depth) for each in self.scenarios.values())
        run = replace(
            self._run,
            scenarios=records,
            problems=tuple(one for each in self.scenarios.values() for one in each.problems),
        )
        if run.complete or run.cases_count:
            return run
        return replace(
            run,
            cases_count=sum(each.cases_count for each in records),
            failures_count=sum(each.failures_count for each in records),
            undecided_count=sum(each.undecided_count for each in records),
        )

    def points(self) -> Points:
        """Return the points of every scenario named so far."""
        return Points(scenarios={name: each.points() for name, each in self.scenarios.items()})

    def _start(self, event: CampaignStarted) -> None:
        self._root = event.reports
        self._run = replace(
            self._run,
            strategy=event.strategy,
            workers_count=event.workers_count,
            budget_s=event.budget_s,
            depth=event.depth,
            shard=event.shard,
            settings=dict(event.settings),
            canaries=event.canaries,
        )
        for name in event.scenarios:
            self.of(name)

    def _prepare(self, event: ScenarioPrepared) -> None:
        record = ScenarioRecord(
            name=event.scenario,
            prepared=True,
            fingerprint=event.fingerprint,
            operations=event.operations,
            pairs_total=event.pairs_total,
            bracketing=event.bracketing,
        )
        pairs = tuple(
            Pair(point=hit.point, occurrence=hit.occurrence, footprint=hit.footprint)
            for hit in event.hits
        )
        self.of(event.scenario).prepare(record, pairs)

    def _kept(self, event: FailureKept) -> Kept:
        directory = event.directory
        if self._root is not None and directory.is_relative_to(self._root):
            directory = directory.relative_to(self._root)
        result = event.result
        return Kept(
            token=event.token,
            directory=str(directory),
            label=event.label,
            replays_failed=event.replays_failed,
            replays_count=event.replays_count,
            shrunk=event.shrunk,
            result=replace(result, output=clipped(result.output), detail=clipped(result.detail)),
        )

    def _finish(self, event: CampaignFinished) -> None:
        self._run = replace(
            self._run,
            complete=event.stop is not StopReason.INTERRUPTED,
            verdict=event.verdict,
            stop=event.stop,
            cases_count=event.cases_count,
            failures_count=event.failures_count,
            undecided_count=event.undecided_count,
            elapsed_s=event.elapsed_s,
            never_reached=event.never_reached,
            notes=event.notes,
            skipped=event.skipped,
        )
