"""`python -m killpoint.bench`: measure and print.

Exit codes: 0 when every row was measured, 3 when one could not be; with `--strict` also 1 when a
ratio misses its target. It never runs as part of a campaign.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from killpoint.bench import log_store, rows
from killpoint.bench.ratio import Measured, Unmeasured
from killpoint.bench.table import breakdown, console, table
from killpoint.bench.warm import Setting
from killpoint.errors import KillpointError
from killpoint.process.pool import WORKER_ENVIRONMENT
from killpoint.process.scratch import take

if TYPE_CHECKING:
    from collections.abc import Iterable

    from killpoint.bench.ratio import Result

MISSED = 1
NOT_MEASURED = 3
BUSY_LOAD = 0.7


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("scenario", nargs=-1, metavar="[FILE NAME]")
@click.option("--quick", is_flag=True, help="Few rounds: to see that it works.")
@click.option("--strict", is_flag=True, help="Exit 1 when a ratio misses its target.")
@click.option(
    "--row", "chosen", type=click.Choice([str(row) for row in rows.ROWS]), multiple=True,
    help="Only this row; may be given more than once.",
)  # fmt: skip
def main(scenario: tuple[str, ...], *, quick: bool, strict: bool, chosen: tuple[str, ...]) -> None:
    """Measure what the harness costs, on a small store of its own or on scenario NAME of FILE."""
    match scenario:
        case ():
            file, name = Path(log_store.__file__), log_store.scenario.name
        case (given, name):
            file = Path(given)
        case _:
            message = "give a scenario's file and its name, or neither."
            raise click.UsageError(message)
    load = os.getloadavg()[0]
    wanted = frozenset(int(row) for row in chosen) or frozenset(rows.ROWS)
    try:
        results = _measure(file.resolve(), name, wanted, rows.QUICK if quick else rows.FULL)
    except KillpointError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(error.exit_code)
    page = console()
    page.print(table(name, results))
    for each in results:
        if isinstance(each, Measured) and each.target is rows.IN_ONE_PROCESS:
            page.print(breakdown(each))
    if load >= BUSY_LOAD:
        page.print(
            f"The machine was busy before this began (load {load:.1f}): two workers against one"
            " says something only when it is idle."
        )
    sys.exit(exit_code(results, strict=strict))


def exit_code(results: Iterable[Result], *, strict: bool) -> int:
    """Return 3 when a row was not measured, 1 for a miss that counts, and 0."""
    code = 0
    for each in results:
        match each:
            case Unmeasured():
                return NOT_MEASURED
            case Measured():
                code = MISSED if strict and not each.met else code
    return code


def _measure(
    file: Path, name: str, wanted: frozenset[int], amounts: rows.Amounts
) -> tuple[Result, ...]:
    os.environ.update(WORKER_ENVIRONMENT)
    scratch = take()
    try:
        setting = Setting(file=file, name=name, directory=scratch.worker(0))
        return tuple(rows.measure(wanted, setting, amounts))
    finally:
        scratch.close()


if __name__ == "__main__":
    main()
