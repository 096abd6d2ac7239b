"""The report for programs: one small JSON file with the verdict, the counts and every token.

Names of fields are kept from version to version; `format` grows when one changes its meaning. It
never holds the rows: those are in the table of cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from killpoint.report.sentence import completeness
from killpoint.report.words import again, replay_arguments, replay_command

if TYPE_CHECKING:
    from killpoint.events import DepthTally
    from killpoint.records import Problem, Run, ScenarioRecord
    from killpoint.verdict import Verdict

SUMMARY_NAME = "summary.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSummary:
    """One scenario in the summary."""

    name: str
    verdict: Verdict
    finished: bool
    fingerprint: str
    cases_count: int
    elapsed_s: float
    depths: tuple[DepthTally, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemSummary:
    """One signature in the summary; `label` and `shrunk` are empty when it was not kept.

    Those of one `kind` are the same failure at several points.
    """

    scenario: str
    verdict: Verdict
    reason: str
    invariants: tuple[str, ...]
    signature: str
    token: str
    replay: str
    label: str
    directory: str
    cases_count: int
    shrunk: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole file."""

    format: int
    verdict: Verdict
    exit_code: int
    record_complete: bool
    coverage_complete: bool
    sentence: str
    cases_count: int
    failures_count: int
    undecided_count: int
    elapsed_s: float
    never_reached: tuple[str, ...]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    command: str
    canaries: tuple[str, ...]
    scenarios: tuple[ScenarioSummary, ...]
    problems: tuple[ProblemSummary, ...]


def as_summary(run: Run) -> str:
    """Return the JSON text."""
    proof = completeness(run)
    value = Summary(
        format=FORMAT,
        verdict=run.verdict,
        exit_code=run.verdict.exit_code,
        record_complete=run.complete,
        # What was drawn covers nothing whole.
        coverage_complete=proof.complete and run.strategy != "fuzz",
        sentence=proof.sentence,
        cases_count=run.cases_count,
        failures_count=run.failures_count,
        undecided_count=run.undecided_count,
        elapsed_s=run.elapsed_s,
        never_reached=run.never_reached,
        skipped=run.skipped,
        notes=run.notes,
        command=again(run),
        canaries=run.canaries,
        scenarios=tuple(_scenario(each) for each in run.scenarios),
        problems=tuple(_problem(each, replay_arguments(run.settings)) for each in run.problems),
    )
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _scenario(record: ScenarioRecord) -> ScenarioSummary:
    return ScenarioSummary(
        name=record.name,
        verdict=record.verdict,
        finished=record.finished,
        fingerprint=record.fingerprint,
        cases_count=record.cases_count,
        elapsed_s=record.elapsed_s,
        depths=record.tallies,
    )


def _problem(problem: Problem, arguments: str) -> ProblemSummary:
    kept = problem.kept[0] if problem.kept else None
    token = kept.token if kept else problem.token
    return ProblemSummary(
        scenario=problem.scenario,
        verdict=problem.verdict,
        reason=problem.reason.value,
        invariants=problem.invariants,
        signature=problem.signature,
        token=token,
        replay=replay_command(token, arguments),
        label=kept.label.value if kept else "",
        directory=kept.directory if kept else "",
        cases_count=problem.cases_count,
        shrunk=kept.shrunk if kept else "",
        kind=problem.kind,
    )
