"""The command line: run, replay, explain, shrink, list, points, merge, judge, report.

Each command reads its arguments, calls one function of the harness and answers with an exit code:
0 passed, 1 failed, 2 usage, 3 harness error, 4 undecided, 5 nothing ran. It never judges.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from killpoint.errors import BudgetError, KillpointError, ShardError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import FrameType

    from killpoint.process.pool import Pool
    from killpoint.scenario import Program

NOTHING_RAN = 5
INTERRUPTED = 130
_DURATION = re.compile(r"^(?P<number>\d+(?:\.\d+)?)(?P<unit>[smh]?)$")
_UNIT_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

arguments = click.argument("what", nargs=-1, metavar="[FILE|SCENARIO]...")
cmd_option = click.option("--cmd", help="Any program that writes into {dir}, instead of scenarios.")
check_option = click.option("--check", help="The program that judges {dir} after a crash.")
reports_option = click.option(
    "--reports",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Where the record of the run is written.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88})
@click.version_option(package_name="killpoint")
def cli() -> None:
    """Kill it anywhere, reopen it, prove it."""


@cli.command()
@arguments
@click.option(
    "--strategy",
    type=click.Choice(["kill", "error", "damage", "fuzz"]),
    default="kill",
    show_default=True,
    help="Kill processes, make their storage fail, damage files at rest, or draw all of it.",
)
@click.option(
    "--draw",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="What the fuzz strategy draws: the same number, the same cases.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    help="How many examples it draws from a scenario: 300, or as many as fit the budget.",
)
@click.option("--budget", help="Stop after this long: 90s, 5m, 1h.")
@click.option("--deep", help="Time for depth 2 and more, shared by all scenarios: 90s, 5m.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Worker processes.",
)
@click.option("--shard", default="1/1", show_default=True, help="Which part of the cases: I/N.")
@click.option(
    "--depth",
    type=click.IntRange(min=0, max=4),
    default=1,
    show_default=True,
    help="How many kills inside recoveries; of errors: 1 is what strikes after an error, too.",
)
@cmd_option
@check_option
@click.option(
    "--images",
    is_flag=True,
    help="Photograph a workload at its points instead of killing it there, for long ones;"
    " 1 in 20 is killed all the same, and must leave the same bytes.",
)
@click.option(
    "--every",
    is_flag=True,
    help="Verify each crash, though an equal one was verified; else 1 in 20 of these is.",
)
@click.option(
    "--kept",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="How many failures are replayed and kept.",
)
@click.option(
    "--stop-at-first",
    is_flag=True,
    help="End each scenario at its first failed case, in the order of the cases however many"
    " workers run them, and go on with the next scenario. Undecided cases end nothing.",
)
@click.option("--measure/--no-measure", default=True, help="Hold the points against strace.")
@reports_option
def run(what: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 -- click's keywords
    """Strike at every point of the scenarios, reopen, and check what must hold.

    Without a file, the places that [tool.killpoint] scenarios names in pyproject.toml.
    """
    from killpoint import session  # noqa: PLC0415 -- `--help` must not wait for it
    from killpoint.exploration import StrategyName  # noqa: PLC0415 -- as above

    settings = session.Request(
        what=what,
        strategy=StrategyName(options["strategy"]),
        depth=options["depth"],
        budget_s=_budget(options["budget"]),
        deep_s=_budget(options["deep"]),
        shard=_shard(options["shard"]),
        reports=options["reports"],
        workers_count=options["workers"],
        measure=options["measure"],
        images=options["images"],
        every=options["every"],
        kept_max=options["kept"],
        stop_at_first=options["stop_at_first"],
        draw=options["draw"],
        examples=options["examples"],
        programs=_programs(options["cmd"], options["check"]),
    )
    sys.exit(session.run(settings))


@cli.command()
@click.argument("token")
@click.argument("what", nargs=-1, metavar="[FILE]...")
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True)
@cmd_option
@check_option
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Keep the directories of the case here."
)
def replay(token: str, what: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Run the case that TOKEN names again."""
    from killpoint import session  # noqa: PLC0415 -- as above

    with _pool(what, options["cmd"], options["check"]) as pool:
        sys.exit(session.replay(pool, token, times=options["times"], keep=options["keep"]))


@cli.command()
@click.argument("token")
@click.argument("what", nargs=-1, metavar="[FILE]...")
@cmd_option
@check_option
def explain(token: str, what: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Tell the story of the case that TOKEN names: what was durable, what died, what is wrong."""
    from killpoint import session  # noqa: PLC0415 -- as above

    with _pool(what, options["cmd"], options["check"]) as pool:
        sys.exit(session.explain(pool, token))


@cli.command()
@click.argument("token")
@click.argument("what", nargs=-1, metavar="[FILE]...")
@cmd_option
@check_option
def shrink(token: str, what: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Make the failing case that TOKEN names smaller: fewer steps, operations, occurrences.

    It must go on breaking the same invariants. Exits with the verdict of the smaller case; a case
    that passes, or is undecided, has nothing to shrink, and its own verdict is the exit code.
    """
    from killpoint import session  # noqa: PLC0415 -- as above

    with _pool(what, options["cmd"], options["check"]) as pool:
        sys.exit(session.shrink(pool, token, what, options["cmd"], options["check"]))


@cli.command("list")
@click.argument("what", nargs=-1, metavar="[FILE]...")
def list_scenarios(what: tuple[str, ...]) -> None:
    """List the scenarios."""
    with _pool(what) as pool:
        for name in pool.inventory.scenarios:
            click.echo(name)
        if not pool.inventory.scenarios:
            sys.exit(NOTHING_RAN)


@cli.command()
@arguments
def points(what: tuple[str, ...]) -> None:
    """List the points: of a scenario, those it hits in order; else all that are declared."""
    from killpoint import session  # noqa: PLC0415 -- as above

    with _pool(what) as pool:
        session.points(pool, what)


@cli.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--into", type=click.Path(path_type=Path), required=True)
def merge(records: tuple[Path, ...], into: Path) -> None:
    """Unite the records of shards into one."""
    from killpoint import session  # noqa: PLC0415 -- as above

    sys.exit(session.merge(records, into))


@cli.command()
@click.argument("record", type=click.Path(path_type=Path))
@arguments
@click.option(
    "--only",
    type=click.Choice(["all", "failed"]),
    default="all",
    show_default=True,
    help="Every case of the record, or those that did not pass.",
)
@click.option("--budget", help="Stop after this long: 90s, 5m, 1h.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Worker processes.",
)
@click.option(
    "--kept",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="How many failures are replayed and kept.",
)
def judge(record: Path, what: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Judge the cases of RECORD anew, and say which verdicts have changed.

    Without a file, those that the record was made with. The new record stands beside the old one.
    """
    from killpoint import session  # noqa: PLC0415 -- as above
    from killpoint.judge import Only  # noqa: PLC0415 -- as above

    asked = session.JudgeRequest(
        record=record,
        what=what,
        only=Only(options["only"]),
        budget_s=_budget(options["budget"]),
        workers_count=options["workers"],
        kept_max=options["kept"],
    )
    sys.exit(session.judge(asked))


@cli.command()
@click.argument(
    "record", default=Path("reports/latest"), type=click.Path(path_type=Path), required=False
)
def report(record: Path) -> None:
    """Write the reports of a record again."""
    from killpoint import session  # noqa: PLC0415 -- as above

    click.echo(session.report(record))


def _pool(
    what: tuple[str, ...], cmd: str | None = None, check: str | None = None
) -> AbstractContextManager[Pool]:
    from killpoint import session  # noqa: PLC0415 -- as above

    return session.open_pool(what, workers_count=1, programs=_programs(cmd, check))


def _programs(cmd: str | None, check: str | None) -> tuple[Program, ...]:
    from killpoint.scenario import Program  # noqa: PLC0415 -- as above

    if cmd is None and check is None:
        return ()
    if cmd is None or check is None:
        message = "--cmd and --check belong together: one writes into {dir}, the other judges it."
        raise click.UsageError(message)
    for name, text in (("--cmd", cmd), ("--check", check)):
        if "{dir}" not in text:
            message = f"{name} does not mention {{dir}}: write where the directory belongs."
            raise click.UsageError(message)
    return (Program(name="cmd", command=cmd, check=check),)


def _budget(text: str | None) -> float | None:
    if text is None:
        return None
    match = _DURATION.match(text.strip())
    seconds = float(match["number"]) * _UNIT_S[match["unit"]] if match else 0.0
    if seconds <= 0:
        raise BudgetError(text)
    return seconds


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ShardError(text)
    return int(match[1]), int(match[2])


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Treat SIGTERM as Ctrl-C: the record is closed and every process ended."""
    del number, frame
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; every expected error is one sentence and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except KillpointError as error:
        click.echo(f"killpoint: {error}", err=True)
        sys.exit(error.exit_code)
