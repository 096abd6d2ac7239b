"""The report as one page: everything inline, readable for ever, from any place, without a network.

The page is built from a record alone, so a campaign that was killed gets one too, under a banner.
Text of the store under test is escaped by the template engine and never becomes markup. It never
holds a script, and never points outside its own directory.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2

from killpoint.case import Phase
from killpoint.errors import RecordError
from killpoint.history import Outcome
from killpoint.records import read_record
from killpoint.records.model import NOT_STRUCK
from killpoint.report import words
from killpoint.report.charts import Cell, TimeBar, cells, spread, times
from killpoint.report.groups import groups_of
from killpoint.report.lines import evidence_of, pairs
from killpoint.report.matrix import MatrixRow, matrix_of
from killpoint.report.sentence import Completeness, completeness
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from killpoint.case import CaseResult
    from killpoint.records import CaseRow, Kept, Problem, Record, Run, ScenarioRecord
    from killpoint.report.groups import ProblemGroup

PAGE_NAME = "index.html"
SLOWEST_COUNT = 10
MATRIX_OF = frozenset({"error", "damage"})
TIMELINE_STEPS_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of a failure's timeline. `kind` is its class in the style sheet."""

    kind: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """A problem as the page shows it."""

    problem: Problem
    title: str
    struck: str
    cases_count: int
    evidence: tuple[str, ...]
    command: str
    shrunk: str
    smallest: bool
    others: tuple[tuple[str, int, str], ...]
    advice: str
    label: str
    directory: str
    href: str
    files: tuple[tuple[str, str], ...]
    timeline: tuple[Moment, ...]
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioView:
    """A scenario as the page shows it: figures, and a cell for each pair."""

    record: ScenarioRecord
    pairs: str
    recovery: str
    deeper: str
    images: str
    rate: str
    cells: tuple[Cell, ...]
    pairs_per_cell: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the template needs."""

    run: Run
    proof: Completeness
    problems: tuple[ProblemView, ...]
    scenarios: tuple[ScenarioView, ...]
    slowest: tuple[CaseRow, ...]
    bars: tuple[TimeBar, ...]
    matrix: tuple[MatrixRow, ...]
    command: str
    facts: tuple[tuple[str, str], ...]
    pairs_word: str
    deeper_word: str


def write_html(directory: Path) -> Path:
    """Write `index.html` into a record, and return its path."""
    path = directory / PAGE_NAME
    content = render(page_of(read_record(directory)))
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RecordError(path, error.strerror or str(error)) from error
    return path


def render(page: Page) -> str:
    """Return the page as HTML."""
    folder = resources.files("killpoint.report") / "templates"
    sources = {
        name: (folder / name).read_text(encoding="utf-8")
        for name in ("page.html", "problem.html", "style.css")
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": words.plain,
        "count": lambda number: f"{number:,}",
        "duration": words.duration,
        "milliseconds": lambda seconds: f"{seconds * 1000:,.1f} ms",
        "replay": words.replay_command,
    }
    return environment.get_template("page.html").render(page=page, run=page.run)


def page_of(record: Record) -> Page:
    """Gather what the page shows, in one pass over the rows."""
    run = record.run
    slowest, bars = _slowest_and_times(record.rows())
    problems = sorted(run.problems, key=lambda each: each.verdict is not Verdict.FAILED)
    groups = groups_of(problems)
    return Page(
        run=run,
        proof=completeness(run),
        problems=tuple(_problem_view(record, each) for each in groups),
        scenarios=tuple(_scenario_view(record, each) for each in run.scenarios),
        slowest=slowest,
        bars=bars,
        matrix=matrix_of(record.rows()) if run.strategy in MATRIX_OF else (),
        command=words.again(run),
        facts=tuple(_facts(run)),
        pairs_word=words.pairs_word(run.strategy),
        deeper_word=words.depth_word(1, run.strategy),
    )


def _slowest_and_times(rows: Iterable[CaseRow]) -> tuple[tuple[CaseRow, ...], tuple[TimeBar, ...]]:
    heap: list[tuple[float, int, CaseRow]] = []

    def durations() -> Iterable[float]:
        for number, row in enumerate(rows):
            took_s = row.victim_s + row.verify_s
            entry = (took_s, -number, row)
            if len(heap) < SLOWEST_COUNT:
                heapq.heappush(heap, entry)
            else:
                heapq.heappushpop(heap, entry)
            if took_s > 0:
                yield took_s

    bars = times(spread(durations()))
    return tuple(row for _, _, row in sorted(heap, reverse=True)), bars


def _scenario_view(record: Record, scenario: ScenarioRecord) -> ScenarioView:
    points = record.points.scenarios.get(scenario.name)
    known = points.pairs if points else ()
    first = scenario.tally(0)
    if first.pairs_done >= first.pairs_total:
        # What is left is another shard's, or declared as no place for a kill: it is not missing.
        known = tuple(each for each in known if each.struck)
    shown, pairs_per_cell = cells(known)
    depth = record.run.depth
    images = sum(scenario.tally(each).images_count for each in range(max(depth, 1)))
    return ScenarioView(
        record=scenario,
        pairs=pairs(scenario, 0),
        recovery=pairs(scenario, 1) if depth else "",
        deeper=", ".join(f"depth {each}: {pairs(scenario, each)}" for each in range(2, depth + 1)),
        images=f"{images:,}" if scenario.prepared else "-",
        rate=words.rate(scenario.cases_count, scenario.elapsed_s),
        cells=shown,
        pairs_per_cell=pairs_per_cell,
    )


def _problem_view(record: Record, group: ProblemGroup) -> ProblemView:
    problem, arguments = group.first, words.replay_arguments(record.run.settings)
    kept = problem.kept[0] if problem.kept else None
    place = kept.directory if kept else ""
    inside = _inside(record.directory, place)
    names = sorted(each.name + "/" * each.is_dir() for each in inside.iterdir()) if inside else ()
    command = words.replay_command(kept.token if kept else problem.token, arguments)
    return ProblemView(
        problem=problem,
        cases_count=group.cases_count,
        title=words.title(problem),
        struck=words.struck(kept.result.case, problem.reason) if kept else "",
        evidence=tuple(evidence_of(problem, kept)),
        command=command,
        shrunk=words.shrunk_command(kept, command),
        smallest=kept is not None and kept.shrunk == kept.token,
        others=tuple(
            (
                words.plain(each.place),
                each.cases_count,
                words.replay_command(each.token, arguments),
            )
            for each in group.others
        ),
        advice=words.advice_for(problem.verdict, problem.reason),
        label=words.label(kept) if kept else "",
        directory=words.plain(place),
        href=quote(place) if inside else "",
        files=tuple((quote(f"{place}/{name}"), words.plain(name)) for name in names),
        timeline=_timeline(kept) if kept else (),
        output=words.plain(kept.result.output) if kept else "",
    )


def _inside(directory: Path, place: str) -> Path | None:
    """Return the kept directory if it is there and within the record; links lead nowhere else."""
    path = directory / place
    if not place or not path.is_dir() or not path.resolve().is_relative_to(directory.resolve()):
        return None
    return path


def _timeline(kept: Kept) -> tuple[Moment, ...]:
    result = kept.result
    moments = [*_operations(result), *_deaths(result)]
    if len(moments) > TIMELINE_STEPS_MAX:
        left_out = len(moments) - TIMELINE_STEPS_MAX
        between = Moment(kind="calm", text=f"({left_out:,} earlier steps are in the history)")
        moments = [between, *moments[-TIMELINE_STEPS_MAX:]]
    passed = len(result.recovery_hits)
    if passed or result.recovered_image:
        points = words.counted(passed, "point")
        note = f"image {result.recovered_image}" if result.recovered_image else ""
        moments.append(Moment(kind="calm", text=f"reopened, passing {points}", note=note))
    verdict = result.verdict.value
    wrong = words.plain(" + ".join(v.invariant for v in result.violations) or result.reason.value)
    moments.append(Moment(kind=verdict, text=f"{verdict}: {wrong}"))
    return tuple(moments)


def _operations(result: CaseResult) -> Iterable[Moment]:
    for each in result.history.operations:
        kind = "calm" if each.outcome is Outcome.ACKNOWLEDGED else "undecided"
        text = f"{words.plain(each.name)}: {each.outcome.value}"
        word = "returned " if each.outcome is Outcome.ACKNOWLEDGED and each.detail else ""
        yield Moment(kind=kind, text=text, note=word + words.plain(each.detail))


def _deaths(result: CaseResult) -> Iterable[Moment]:
    for number, step in enumerate(result.case.steps):
        who = "recovery" if step.phase is Phase.RECOVER else "the workload"
        image = result.crash_images[number] if number < len(result.crash_images) else ""
        if not image and result.reason in NOT_STRUCK:
            text = f"{who}, not struck: {step.fault.words} at {words.place(step)}"
            yield Moment(kind="calm", text=text)
            continue
        text = f"{who}: {step.fault.words} at {words.place(step)}"
        yield Moment(kind="dead", text=text, note=f"image {image}" if image else "")


def _facts(run: Run) -> Iterable[tuple[str, str]]:
    yield "strategy", run.strategy or "unknown"
    yield "depth", str(run.depth)
    yield "budget", "none" if run.budget_s is None else words.duration(run.budget_s)
    yield "workers", str(run.workers_count)
    yield "shard", f"{run.shard[0]} of {run.shard[1]}"
    yield "ended", run.stop.value
    if run.canaries:
        yield "canary", f"found: {', '.join(run.canaries)}"
    for name, value in (*run.settings.items(), *run.environment.items()):
        yield words.plain(name), words.plain(value)
    if run.merged:
        yield "merged from", words.plain(", ".join(run.merged))
