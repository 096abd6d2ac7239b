"""The report for the page of a CI job: the verdict, the sentence, a table, the tokens of failures.

Short, because such a page is read in passing and has a limit. It never lets text of the store
under test become markup.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from killpoint.report.groups import groups_of
from killpoint.report.lines import evidence_of, pairs, places
from killpoint.report.sentence import completeness
from killpoint.report.words import (
    counted,
    depth_word,
    duration,
    label,
    pairs_word,
    plain,
    rate,
    replay_arguments,
    replay_command,
    shrunk_command,
    title,
)
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from killpoint.records import Run, ScenarioRecord
    from killpoint.report.groups import ProblemGroup

MARKDOWN_NAME = "summary.md"
PROBLEMS_MAX = 20
_MARKUP = re.compile(r"([\\`*_\[\]|~])")


def as_markdown(run: Run) -> str:
    """Return the Markdown text."""
    counts = f"{counted(run.cases_count, 'case')} in {duration(run.elapsed_s)}"
    lines = [f"## killpoint: {_loud(run.verdict)}, {counts}", ""]
    if not run.complete:
        lines += ["> **This record is incomplete**: the end of a campaign is missing.", ""]
    lines += [_escaped(completeness(run).sentence), "", *_table(run), ""]
    groups = groups_of(sorted(run.problems, key=lambda each: each.verdict is not Verdict.FAILED))
    for group in groups[:PROBLEMS_MAX]:
        lines += _group(group, replay_arguments(run.settings))
    if len(groups) > PROBLEMS_MAX:
        lines += [f"... and {len(groups) - PROBLEMS_MAX:,} more in the report.", ""]
    lines += [f"- skipped: {_escaped(each)}" for each in run.skipped]
    lines += [f"- {_escaped(each)}" for each in run.notes]
    return "\n".join(lines).rstrip() + "\n"


def _table(run: Run) -> Iterable[str]:
    depths = range(1, run.depth + 1)
    names = [depth_word(each, run.strategy) for each in depths]
    words = ["scenario", pairs_word(run.strategy), *names, "rate", "verdict"]
    yield "| " + " | ".join(words) + " |"
    yield "|" + "|".join(["---", *["--:"] * (len(names) + 2), "---"]) + "|"
    for scenario in run.scenarios:
        yield "| " + " | ".join(_cells(scenario, run.depth)) + " |"


def _cells(scenario: ScenarioRecord, depth: int) -> Iterable[str]:
    yield _escaped(scenario.name)
    for each in range(depth + 1):
        yield pairs(scenario, each)
    yield rate(scenario.cases_count, scenario.elapsed_s)
    yield _loud(scenario.verdict) + ("" if scenario.finished else " (not finished)")


def _group(group: ProblemGroup, arguments: str) -> Iterable[str]:
    problem = group.first
    kept = problem.kept[0] if problem.kept else None
    what = _escaped(title(problem)) + (f"; {label(kept)}" if kept else "")
    what += f"; {counted(group.cases_count, 'case')}" if group.cases_count > 1 else ""
    what += f" at {_escaped(at)}" if (at := places(group)) else ""
    yield f"**{problem.verdict.value.upper()}** {_escaped(problem.scenario)}: {what}"
    evidence = evidence_of(problem, kept)
    if evidence:
        last = evidence[-1] if kept and not kept.result.violations else evidence[0]
        yield f"<br>{_escaped(last)}"
    yield ""
    # An indented block: nothing inside it is markup, whatever the token holds.
    replay = replay_command(kept.token if kept else problem.token, arguments)
    yield f"    {replay}"
    if smaller := shrunk_command(kept, replay):
        yield f"    {smaller}"
    yield ""


def _loud(verdict: Verdict) -> str:
    return verdict.value if verdict is Verdict.PASSED else f"**{verdict.value}**"


def _escaped(text: str) -> str:
    one_line = " ".join(plain(text).split())
    return _MARKUP.sub(r"\\\1", html.escape(one_line, quote=False))
