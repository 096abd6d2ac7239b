"""What one command does from beginning to end: open a pool, work, write the record, close.

Between the command line and the parts: it chooses the listeners, names the run's directory, and
turns verdicts into exit codes. It never explores and never renders.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from killpoint import campaign, discovery
from killpoint import shrink as shrinking
from killpoint.errors import RecordError, UnknownScenarioError
from killpoint.explain import render
from killpoint.exploration import Settings, StrategyName
from killpoint.explore import fuzz
from killpoint.judge import Comparison, Docket, Only, docket_of
from killpoint.process import traced
from killpoint.process.pool import Pool
from killpoint.records import Recorder, read_record
from killpoint.records.store import write_run
from killpoint.report import completeness, write_reports
from killpoint.report.terminal import Terminal
from killpoint.report.words import counted, replay_arguments, replay_command
from killpoint.scenario import Program
from killpoint.token import parse
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from killpoint.process.preparation import Preparation
    from killpoint.records import Run
    from killpoint.token import Token

NOTHING_RAN = 5
INTERRUPTED = 130
PROGRESS_S = 2.0
STOP_AT_FIRST = "at the first failure of each scenario"
WITHOUT_DEPTH = frozenset({StrategyName.DAMAGE, StrategyName.FUZZ})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest:
    """What `killpoint judge` was asked to do. `what` is empty for all that the record holds."""

    record: Path
    what: tuple[str, ...]
    only: Only
    budget_s: float | None
    workers_count: int
    kept_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `killpoint run` was asked to do."""

    what: tuple[str, ...]
    strategy: StrategyName
    depth: int
    budget_s: float | None
    deep_s: float | None
    shard: tuple[int, int]
    reports: Path
    workers_count: int
    measure: bool
    images: bool
    every: bool
    kept_max: int
    stop_at_first: bool
    draw: int = 0
    examples: int | None = None
    programs: tuple[Program, ...]


def run(request: Request) -> int:
    """Run a campaign, write its record and reports, and return the exit code."""
    places, names = _targets(request.what, request.programs)
    if request.programs:
        traced.require()
    if request.strategy is StrategyName.FUZZ:
        fuzz.require()
    directory = _new_directory(request.reports)
    with (
        contextlib.closing(Recorder(directory)) as recorder,
        contextlib.closing(Terminal(shown_as=str(request.reports / "latest"))) as terminal,
        open_pool(
            tuple(str(place) for place in places),
            workers_count=request.workers_count,
            programs=request.programs,
        ) as pool,
    ):
        settings = Settings(
            names=names,
            strategy=request.strategy,
            # Files that were damaged are looked at, and what is drawn has its depth from there.
            depth=0 if request.strategy in WITHOUT_DEPTH else request.depth,
            budget_s=request.budget_s,
            deep_s=request.deep_s,
            shard=request.shard,
            reports=directory,
            workers_count=request.workers_count,
            # How the points lie is a matter of kills between them.
            measure=request.measure and request.strategy is StrategyName.KILL,
            images=request.images,
            every=request.every,
            kept_max=request.kept_max,
            stop_at_first=request.stop_at_first,
            draw=request.draw,
            examples=_examples(request),
            notes=_notes(request),
        )
        whole = campaign.Campaign(pool, settings, (recorder, terminal))
        verdict = whole.run()
        known = pool.inventory.scenarios
    write_reports(directory)
    _point_latest(request.reports, directory)
    if not known:
        click.echo("nothing ran: the files hold no scenario.", err=True)
        return NOTHING_RAN
    return INTERRUPTED if whole.interrupted else verdict.exit_code


@contextlib.contextmanager
def open_pool(
    what: tuple[str, ...], *, workers_count: int, programs: tuple[Program, ...] = ()
) -> Iterator[Pool]:
    """Start workers that hold the scenarios of these files, and end them afterwards."""
    places, _ = _targets(what, programs)
    if programs:
        traced.require()
    pool = Pool(workers_count=workers_count, files=discovery.files_of(places), programs=programs)
    try:
        yield pool
    finally:
        pool.close()


def replay(pool: Pool, text: str, *, times: int, keep: Path | None) -> int:
    """Run a token's case again and say what came of it; returns the exit code."""
    token = parse(text)
    preparation, results = campaign.replay(pool, token, times=times, directory=keep)
    _warn_of_change(token, preparation)
    for result in results[:1]:
        click.echo(f"{result.verdict.upper()} {token.case.scenario}   {result.signature}".rstrip())
        for violation in result.violations:
            for sentence in violation.evidence:
                click.echo(f"  {violation.invariant}: {sentence}")
        if result.detail:
            click.echo(f"  {result.detail}")
    if times > 1:
        same = sum(r.signature == results[0].signature for r in results)
        click.echo(f"the same in {same} of {times} replays")
    return worst(result.verdict for result in results).exit_code


def explain(pool: Pool, text: str) -> int:
    """Print the story of a token's case; returns the exit code of its verdict."""
    token = parse(text)
    preparation = campaign.prepare(pool, token)
    _warn_of_change(token, preparation)
    stories = pool.tell(token.case, preparation.operations)
    click.echo(render(stories, str(token)), nl=False)
    return worst(story.result.verdict for story in stories).exit_code


def shrink(pool: Pool, text: str, what: tuple[str, ...], cmd: str | None, check: str | None) -> int:
    """Print a smaller form of a token's case, and what it leaves out; returns the exit code."""
    token = parse(text)
    _warn_of_change(token, campaign.prepare(pool, token))
    began = said = time.monotonic()

    def progress(count: int, smallest: Token) -> None:
        nonlocal said
        if (now := time.monotonic()) - said >= PROGRESS_S:
            said = now
            click.echo(f"{now - began:.0f} s, {count} cases, so far {smallest}", err=True)

    shrunk = shrinking.shrink(pool, token.case, heed=progress)
    result = shrunk.result
    if result.verdict is not Verdict.FAILED:
        verdict = f"{result.verdict.value}: {result.reason.value}".removesuffix(": ")
        click.echo(f"nothing to shrink: the case does not fail ({verdict}).")
        return result.verdict.exit_code
    click.echo(f"FAILED {token.case.scenario}   {result.signature}")
    for sentence in (each for violation in result.violations for each in violation.evidence):
        click.echo(f"  {sentence}")
    for words in shrunk.dropped:
        click.echo(f"  {words}")
    if not shrunk.dropped:
        click.echo("  it is as small as it gets")
    bound = f", ended by the bound of {shrunk.bound}" if shrunk.bound else ""
    arguments = shlex.join(["--cmd", cmd, "--check", check] if cmd and check else what)
    click.echo(f"  shrunk  {replay_command(str(shrunk.token), arguments)}")
    click.echo(f"  ran     {counted(shrunk.cases_count, 'case')}{bound}")
    return result.verdict.exit_code


def points(pool: Pool, what: tuple[str, ...]) -> None:
    """Print the catalogue, or the points of the scenarios that were named."""
    _, names = _targets(what, ())
    for name in names:
        if name not in pool.inventory.scenarios:
            raise UnknownScenarioError(name, pool.inventory.scenarios)
        preparation = pool.prepare(name)
        click.echo(f"{name}   {len(preparation.hits)} hits")
        for ordinal, hit in enumerate(preparation.hits, start=1):
            click.echo(f"{ordinal:5}  {hit.point}@{hit.occurrence}  {hit.footprint}")
    if not names:
        for point in pool.inventory.points:
            rare = "  (rare)" if point.rare else ""
            click.echo(f"{point.name}{rare}")
            click.echo(f"    durable: {point.durable}")
            click.echo(f"    pending: {point.pending}")


def merge(records: tuple[Path, ...], into: Path) -> int:
    """Unite records and return the exit code of the whole."""
    from killpoint.merge import merge as unite  # noqa: PLC0415 -- pulls in Arrow

    verdict = unite(records, into)
    united = read_record(into).run
    click.echo(completeness(united).sentence)
    click.echo(f"{verdict.value}   {united.cases_count:,} cases   {into}/index.html")
    return verdict.exit_code


def judge(request: JudgeRequest) -> int:
    """Judge the cases of a record anew, write what comes of it beside it; the worst verdict."""
    old = read_record(request.record)
    programs, recorded = _sources_of(old.run)
    what = request.what or recorded
    _, names = _targets(what, programs)
    with open_pool(what, workers_count=request.workers_count, programs=programs) as pool:
        known = pool.inventory.scenarios
        chosen = discovery.fitting(known, names)
        docket = docket_of(old, request.only, chosen)
        if not docket.cases:
            return _nothing_to_judge(request, docket)
        directory = _new_directory(request.record.resolve().parent)
        comparison = Comparison(docket)
        settings = Settings(
            names=tuple(docket.cases),
            strategy=StrategyName.JUDGE,
            depth=0,
            budget_s=request.budget_s,
            reports=directory,
            workers_count=request.workers_count,
            measure=False,
            images=docket.images,
            kept_max=request.kept_max,
            notes=old.run.settings | {"what": " ".join(what), "command": _judge_command(request)},
            listed=docket.cases,
        )
        shown_as = str(request.record.parent / directory.name)
        with (
            contextlib.closing(Recorder(directory)) as recorder,
            contextlib.closing(Terminal(shown_as=shown_as)) as terminal,
        ):
            whole = campaign.Campaign(pool, settings, (recorder, terminal, comparison))
            verdict = whole.run()
    run = read_record(directory).run
    if docket.missing and not request.what:
        verdict = worst((verdict, Verdict.UNDECIDED))
    write_run(directory, replace(run, verdict=verdict, notes=(*run.notes, *comparison.notes())))
    comparison.write(directory)
    write_reports(directory)
    click.echo("\n".join(["", *comparison.lines(), *comparison.notes()[1:]]))
    return INTERRUPTED if whole.interrupted else verdict.exit_code


def _sources_of(run: Run) -> tuple[tuple[Program, ...], tuple[str, ...]]:
    """Return the programs or the files that a record was made with."""
    arguments = tuple(shlex.split(replay_arguments(run.settings)))
    if run.settings.get("replay"):
        _, command, _, check = arguments
        return (Program(name="cmd", command=command, check=check),), ()
    return (), arguments


def _nothing_to_judge(request: JudgeRequest, docket: Docket) -> int:
    held = f"of {request.record} can be judged again"
    why = f"; not there: {', '.join(docket.missing)}" if docket.missing else ""
    click.echo(f"nothing ran: no case ({request.only.value}) {held}{why}.", err=True)
    return NOTHING_RAN


def _judge_command(request: JudgeRequest) -> str:
    words = ["killpoint", "judge", str(request.record), *request.what, "--only", request.only.value]
    return shlex.join([*words, "--workers", str(request.workers_count)])


def report(record: Path) -> Path:
    """Write the reports of a record again and return the page's path."""
    return write_reports(record)


def _examples(request: Request) -> int:
    """Return how many examples a scenario gets: with a budget alone, as many as fit."""
    if request.examples is not None:
        return request.examples
    return fuzz.EXAMPLES_COUNT if request.budget_s is None else 0


def _notes(request: Request) -> dict[str, str]:
    """Return what a reader needs to run a case, and the whole campaign, again."""
    notes = {"what": " ".join(request.what)}
    if request.strategy is StrategyName.FUZZ:
        notes["draw"] = str(request.draw)
        if request.examples is not None:
            notes["examples"] = str(request.examples)
    if request.stop_at_first:
        notes["stop"] = STOP_AT_FIRST
    if not request.programs:
        return notes
    program = request.programs[0]
    arguments = ["--cmd", program.command, "--check", program.check]
    bounds = ["--depth", str(request.depth), "--workers", str(request.workers_count)]
    bounds += ["--stop-at-first"] if request.stop_at_first else []
    return notes | {
        "replay": shlex.join(arguments),
        "command": shlex.join(["killpoint", "run", *arguments, *bounds]),
    }


def _warn_of_change(token: Token, preparation: Preparation) -> None:
    if preparation.fingerprint != token.fingerprint:
        click.echo(
            f"warning: {token.case.scenario} now hits other points than when this token was made "
            f"(their fingerprint is {preparation.fingerprint}, it was {token.fingerprint}): the "
            "same name and occurrence is struck, which may be another moment."
        )


def _targets(
    what: tuple[str, ...], programs: tuple[Program, ...]
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    if programs and not what:
        return (), ()
    return discovery.split(what, Path.cwd())


def _new_directory(reports: Path) -> Path:
    """Make the run's directory below `reports`, named by the wall clock and never twice."""
    base = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for number in range(100):
        directory = reports / (base if number == 0 else f"{base}-{number}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise RecordError(directory, error.strerror or str(error)) from error
        return directory
    raise RecordError(reports, "a hundred runs began in this second")


def _point_latest(reports: Path, directory: Path) -> None:
    link = reports / "latest"
    fresh = reports / f".latest-{os.getpid()}"
    with contextlib.suppress(OSError):
        fresh.symlink_to(directory.name)
        fresh.rename(link)
