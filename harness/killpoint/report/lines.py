"""The text blocks that the terminal shows: a scenario's line, a failure, the end of a campaign.

Pure functions from records to lines, so that what a user sees is tested without a terminal. A line
fits the width it is given, except those that somebody will copy: tokens, commands and paths are
never broken.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.report.words import (
    advice_for,
    clock,
    counted,
    depth_word,
    duration,
    label,
    pairs_word,
    plain,
    rate,
    shrunk_command,
    struck,
    title,
)
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from killpoint.records import Kept, Problem, Run, ScenarioRecord
    from killpoint.report.groups import ProblemGroup

BAR_CHARACTERS = 16
EVIDENCE_LINES_MAX = 12
PLACES_MAX = 4
NAME_COLUMN_MAX = 26
_GAP = "   "


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running scenario is: cases done of those known, and its pairs in the workload."""

    name: str
    started_s: float
    pairs_total: int
    word: str = "pairs"
    done: int = 0
    total: int = 0


def finished_line(
    record: ScenarioRecord, *, depth: int, width: int, name_width: int, strategy: str = ""
) -> list[str]:
    """Return what one scenario came to, as one line, or two when its name is long."""
    depths = range(1, depth + 1)
    fields = [
        record.name.ljust(min(name_width, NAME_COLUMN_MAX)),
        f"{pairs(record, 0)} {pairs_word(strategy)}".ljust(13),
        *(f"{depth_word(each, strategy)} {pairs(record, each)}".ljust(14) for each in depths),
        rate(record.cases_count, record.elapsed_s).rjust(5),
        shown_verdict(record.verdict),
    ]
    return _fitted(fields, width)


def running_line(progress: Progress, *, now_s: float, end_s: float | None, name_width: int) -> str:
    """Return how far a scenario is, with a bar, its rate and the time that is left.

    The time is what the rate so far promises, and never reaches past `end_s`, the budget's end.
    """
    done, total = progress.done, progress.total
    filled = BAR_CHARACTERS * min(done, total) // total if total else 0
    first = progress.pairs_total
    deeper = f"{done - first:,}/{total - first:,} deeper"
    all_alike = progress.word == pairs_word("fuzz")
    what = f"{done:,}/{total if all_alike else first:,} {progress.word}"
    what = deeper if done >= first and not all_alike else what
    elapsed_s = now_s - progress.started_s
    # Where the budget alone is the end, what was drawn so far is all that is known of.
    foreseen = done and not (all_alike and done >= total)
    left_s = [elapsed_s * max(total - done, 0) / done] if foreseen else []
    left_s += [] if end_s is None else [max(end_s - now_s, 0.0)]
    fields = [
        progress.name.ljust(min(name_width, NAME_COLUMN_MAX)),
        "#" * filled + "-" * (BAR_CHARACTERS - filled),
        what.ljust(13),
        rate(done, elapsed_s).rjust(5),
        f"{clock(min(left_s))} left" if left_s else "",
    ]
    return _GAP.join(fields).rstrip()


def pairs(record: ScenarioRecord, depth: int) -> str:
    """Return `171/171`: the pairs of a depth that are done, and all; `-` before they are known."""
    if not record.prepared:
        return "-"
    tally = record.tally(depth)
    return f"{tally.pairs_done:,}/{tally.pairs_total:,}"


def shown_verdict(verdict: Verdict) -> str:
    """Return the word for a verdict: only `passed` is quiet."""
    return verdict.value if verdict is Verdict.PASSED else verdict.value.upper()


def problem_block(
    group: ProblemGroup, kept: Kept | None, *, replay: str, kept_at: str, width: int
) -> list[str]:
    """Return a failure, or an undecided case, with everything that is needed to go on."""
    problem, cases_count = group.first, group.cases_count
    lines = [f"{shown_verdict(problem.verdict)} {plain(problem.scenario)}   {title(problem)}"]
    if kept is not None:
        lines += _indented(struck(kept.result.case, problem.reason), width)
    lines += _evidence(problem, kept, width)
    advice = advice_for(problem.verdict, problem.reason)
    lines += wrapped(advice, width, indent="  next    ", hanging=" " * 10) if advice else []
    fields = [
        ("replay", replay),
        ("shrunk", shrunk_command(kept, replay)),
        ("kept", kept_at),
        ("label", label(kept) if kept else ""),
        ("cases", f"{cases_count:,} like this" if cases_count > 1 else ""),
    ]
    lines += [f"  {name:<6}  {plain(text)}" for name, text in fields if text]
    at = plain(places(group))
    return lines + (wrapped(at, width, indent="  points  ", hanging=" " * 10) if at else [])


def places(group: ProblemGroup) -> str:
    """Return the points where a group struck, when there are several."""
    names = list(dict.fromkeys(each.place for each in group.problems))
    more = f" and {len(names) - PLACES_MAX:,} more" if len(names) > PLACES_MAX else ""
    return ", ".join(names[:PLACES_MAX]) + more if len(names) > 1 else ""


def group_line(group: ProblemGroup, width: int) -> list[str]:
    """Return what became of a failure that was shown while the campaign ran."""
    problem = group.first
    head = f"{shown_verdict(problem.verdict)} {plain(problem.scenario)}   {title(problem)}"
    text = f"in all {counted(group.cases_count, 'case')} like it, at {plain(places(group))}"
    return [head, *wrapped(text, width, indent="  ", hanging="  ")]


def evidence_of(problem: Problem, kept: Kept | None) -> list[str]:
    """Return the sentences of evidence; each names its invariant when there are several."""
    if kept is None or not (kept.result.violations or kept.result.detail):
        return plain(problem.detail).splitlines()
    violations = kept.result.violations
    several = len(violations) > 1
    found = [
        f"{each.invariant}: {sentence}" if several else sentence
        for each in violations
        for sentence in each.evidence
    ]
    detail = [] if found else kept.result.detail.splitlines()
    return [plain(line) for line in (*found, *detail)]


def _evidence(problem: Problem, kept: Kept | None, width: int) -> list[str]:
    evidence = evidence_of(problem, kept)
    lines = [line for each in evidence for line in _indented(each, width)]
    if len(lines) <= EVIDENCE_LINES_MAX:
        return lines
    left_out = len(lines) - EVIDENCE_LINES_MAX
    # A traceback says what is wrong in its last lines, evidence in its first.
    if kept is None or kept.result.violations:
        return [*lines[:EVIDENCE_LINES_MAX], f"  ... and {left_out:,} more lines in the report"]
    return [f"  ... {left_out:,} lines before this in the report", *lines[-EVIDENCE_LINES_MAX:]]


def left_to_the_report(problems: Iterable[Problem], width: int) -> list[str]:
    """Return problems that have no block of their own: what is wrong, where, how often."""
    alike: dict[tuple[str, str], list[Problem]] = {}
    for each in problems:
        alike.setdefault((each.scenario, title(each)), []).append(each)
    if not alike:
        return []
    count = sum(map(len, alike.values()))
    lines = ["", f"and {counted(count, 'more signature')}, each with its token in the report:"]
    for (scenario, what), group in alike.items():
        cases = counted(sum(each.cases_count for each in group), "case")
        lines += wrapped(
            f"{plain(scenario)}   {what}   {cases} at {counted(len(group), 'place')}",
            width,
            indent="  ",
            hanging="    ",
        )
    return lines


def closing_notes(run: Run) -> list[str]:
    """Return what was left out and what else a reader should know."""
    notes = [f"note     {plain(each)}" for each in run.notes]
    return notes + [f"skipped  {plain(each)}" for each in run.skipped]


def summary_line(run: Run, *, page: str) -> str:
    """Return the last line: the verdict, the counts, and where the report is."""
    counts = f"{counted(run.cases_count, 'case')} in {duration(run.elapsed_s)}"
    wrong = [
        f"{count:,} {word}"
        for count, word in ((run.failures_count, "failed"), (run.undecided_count, "undecided"))
        if count
    ]
    return _GAP.join([shown_verdict(run.verdict), ", ".join([counts, *wrong]), page])


def _fitted(fields: Iterable[str], width: int) -> list[str]:
    """Join the fields into lines that fit, the first field alone when it must be."""
    fields = [field for field in fields if field.strip()]
    line = _GAP.join(fields)
    if len(line) <= width:
        return [line]
    tight = "  ".join(field.strip() for field in fields)
    if len(tight) <= width:
        return [tight]
    rest = "  ".join(field.strip() for field in fields[1:])
    return [fields[0].strip(), *textwrap.wrap(rest, width - 4, initial_indent="    ")]


def _indented(text: str, width: int) -> list[str]:
    return wrapped(text, width, indent="  ")


def wrapped(text: str, width: int, *, indent: str = "", hanging: str = "") -> list[str]:
    """Return the text in lines that fit, words whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=hanging or indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
