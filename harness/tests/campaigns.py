"""Campaigns that need no process: the real loop and strategy over results that are made up.

Three scenarios: `graph.load.append` breaks its audit in one recovery, `kb.add.short` has a fault
that does not fire, `log.put` is sound. The same arguments give the same events. It never runs a
store.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from killpoint.case import CaseResult, Violation
from killpoint.events import (
    Bracketing,
    CampaignFinished,
    CampaignStarted,
    CaseFinished,
    Event,
    FailureKept,
    ReplayLabel,
    ScenarioFinished,
    ScenarioPrepared,
    StopReason,
)
from killpoint.explore.kill import KillStrategy
from killpoint.explore.loop import Budget, explore
from killpoint.failpoints import Hit
from killpoint.history import History, OperationRecord, Outcome
from killpoint.token import fingerprint
from killpoint.verdict import Reason, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from killpoint.case import Case, Step

MEASURED = Bracketing(measured=True, calls_count=212)
NO_STRACE = Bracketing(measured=False, why_not="strace is not installed")
WORKLOADS = {
    "graph.load.append": tuple(
        f"{effect}.{stage}"
        for effect in ("sidecar.put", "table.put", "table.put", "manifest.put", "sidecar.delete")
        for stage in ("before", "created", "written", "synced", "renamed", "after")
    ),
    "kb.add.short": ("journal.write.before", "journal.write.after") * 8,
    "log.put": ("log.append.before", "log.append.after") * 5,
}
RECOVERIES = {
    "graph.load.append": ("sidecar.list.before", "audit.put.before", "audit.put.after"),
    "kb.add.short": ("journal.read.before", "journal.unlink.after"),
    "log.put": ("log.truncate.before",),
}
EVIDENCE = "expected one RolledForward row for operation 7-load-1, found two"
BAD = ("sidecar.delete.before", "audit.put.after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What to make up; by default a whole campaign with a failure and an undecided case."""

    reports: Path
    scenarios: tuple[str, ...] = tuple(WORKLOADS)
    shard: tuple[int, int] = (1, 1)
    sound: bool = False
    bracketing: Bracketing = MEASURED
    never_reached: tuple[str, ...] = ()


def events(made: Made) -> Iterator[Event]:
    """Yield every event of the campaign, in order."""
    yield CampaignStarted(
        scenarios=made.scenarios,
        strategy="kill",
        workers_count=2,
        budget_s=None,
        depth=1,
        shard=made.shard,
        reports=made.reports,
        settings={"what": "mine.py"},
    )
    finished = []
    numbers = itertools.count(1)
    for name in made.scenarios:
        for event in _scenario(made, name, numbers):
            yield event
            if isinstance(event, CaseFinished):
                finished.append(event.result.verdict)
    yield CampaignFinished(
        verdict=worst(finished),
        stop=StopReason.COMPLETE,
        cases_count=len(finished),
        failures_count=finished.count(Verdict.FAILED),
        undecided_count=finished.count(Verdict.UNDECIDED),
        elapsed_s=4.2,
        never_reached=made.never_reached,
        skipped=(),
    )


def until(stream: Iterable[Event], kind: type) -> Iterator[Event]:
    """Yield the events up to and with the first of this kind."""
    for event in stream:
        yield event
        if isinstance(event, kind):
            return


def _scenario(made: Made, name: str, numbers: Iterator[int]) -> Iterator[Event]:
    hits = WORKLOADS[name]
    strategy = KillStrategy(scenario=name, hits=hits, depth=1, shard=made.shard)
    yield ScenarioPrepared(
        scenario=name,
        fingerprint=fingerprint(hits),
        hits=tuple(_numbered(hits)),
        operations=("load 1", "load 2"),
        pairs_total=strategy.pairs_total,
        bracketing=made.bracketing,
    )
    cases: list[Event] = []
    explore(
        strategy,
        execute=lambda chosen: _results(chosen, sound=made.sound),
        budget=Budget(),
        fingerprint=fingerprint(hits),
        emit=cases.append,
        rest=lambda: None,
    )
    results = [each for each in cases if isinstance(each, CaseFinished)]
    wrong = [each for each in results if each.result.verdict is not Verdict.PASSED]
    yield from results
    for each in wrong:
        yield _kept(each, made.reports / "failures" / str(next(numbers)))
    verdicts = [each.result.verdict for each in results]
    yield ScenarioFinished(
        scenario=name,
        verdict=worst(verdicts),
        stop=StopReason.COMPLETE,
        tallies=strategy.tallies(),
        points={point: hits.count(point) for point in dict.fromkeys(hits)},
        recovery_points=dict.fromkeys(RECOVERIES[name], len(results)),
        failures_count=verdicts.count(Verdict.FAILED),
        undecided_count=verdicts.count(Verdict.UNDECIDED),
        elapsed_s=1.25,
    )


def _numbered(hits: Sequence[str]) -> Iterator[Hit]:
    for index, point in enumerate(hits):
        yield Hit(point, hits[: index + 1].count(point), f"tables/{point.split('.')[0]}")


def _results(cases: Sequence[Case], *, sound: bool) -> Generator[CaseResult, None, None]:
    for case in cases:
        result = _passed(case)
        struck = tuple(step.point for step in case.steps)
        if not sound and struck == BAD:
            result = _failed(result)
        if not sound and case.scenario == "kb.add.short" and case.steps[0].occurrence == 7:
            detail = "the workload ended at its 5th time"
            result = CaseResult(
                case=case, verdict=Verdict.UNDECIDED, reason=Reason.NOT_FIRED, detail=detail
            )
        yield result


def _passed(case: Case) -> CaseResult:
    recovery = RECOVERIES[case.scenario]
    # Two neighbouring points leave the same directory: images are fewer than pairs.
    texts = [f"{case.scenario} {(case.steps[0].ordinal + 1) // 2} {number}" for number in range(9)]
    images = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
    return CaseResult(
        case=case,
        verdict=Verdict.PASSED,
        history=History(
            operations=(
                OperationRecord(index=0, name="load 1", outcome=Outcome.ACKNOWLEDGED, detail="7"),
                OperationRecord(index=1, name="load 2", outcome=Outcome.IN_FLIGHT),
            )
        ),
        crash_images=tuple(images[: len(case.steps)]),
        recovered_image=images[-1],
        recovery_hits=recovery,
        crash_key=_key(case.steps),
        parent_key=_key(case.steps[:-1]) if case.depth else "",
        victim_s=0.001 * (1 + case.steps[-1].ordinal % 7),
        verify_s=0.002,
        worker=case.steps[0].ordinal % 2,
    )


def _key(steps: Sequence[Step]) -> str:
    """Return the key of a crash: each one of a recovery is its own, and so tells its own points."""
    return str(steps[-1].ordinal) if len(steps) > 1 else "workload"


def _failed(result: CaseResult) -> CaseResult:
    violation = Violation(invariant="exactly one audit row", evidence=(EVIDENCE,))
    return replace(
        result,
        verdict=Verdict.FAILED,
        reason=Reason.VIOLATION,
        violations=(violation,),
        output="recovering\n\x1b[31mtwo rows\x1b[0m <b>&\n",
    )


def _kept(event: CaseFinished, directory: Path) -> FailureKept:
    if directory.parents[1].is_dir():
        (directory / "before").mkdir(parents=True, exist_ok=True)
        (directory / "token.txt").write_text(event.token + "\n")
    return FailureKept(
        result=event.result,
        token=event.token,
        directory=directory,
        label=ReplayLabel.DETERMINISTIC,
        replays_failed=10,
        replays_count=10,
    )
