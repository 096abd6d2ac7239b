"""Keep everything about a case that did not pass, in a directory that a person can read.

Its token and the command that runs it again, the plan of its faults, the history of its operations,
what is wrong, what it printed, all of that for programs in `result.json`; the store before, at each
crash and after recovery as plain directories, of a fuzzed case a directory of these for each life;
and a script that shows the failure without killpoint, unless it has lives. It never keeps a case
that passed, unless it is asked to.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import msgspec

from killpoint import image
from killpoint.case import Case
from killpoint.process.script import (
    NOT_SHOWN,
    history_words,
    plan_words,
    python_script,
    shell_script,
    shown_invariant,
)
from killpoint.scenario import Program, Scenario
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from killpoint.case import CaseResult, Step
    from killpoint.discovery import Origin
    from killpoint.process.runner import Runner


def keep(
    runner: Runner, result: CaseResult, directory: Path, token: str, origin: Origin | None
) -> None:
    """Write the case below `directory`, which is made; `runner` has just run it."""
    keep_images(runner, result.case.steps if result.crash_images else (), directory)
    keep_words(runner.scenario, result, directory, token, origin)


def keep_images(runner: Runner, steps: tuple[Step, ...], directory: Path) -> None:
    """Write the store before, after each of these steps, and after recovery."""
    directory.mkdir(parents=True, exist_ok=True)
    image.restore(runner.template, directory / "before")
    for count in range(1, len(steps) + 1):
        case = Case(scenario=runner.scenario.name, steps=steps[:count])
        image.restore(runner.crash(case).image, directory / f"crash-{count}")
    if steps:
        case = Case(scenario=runner.scenario.name, steps=steps)
        image.restore(runner.recovered_image(case), directory / "recovered")


def keep_words(
    scenario: Scenario | Program,
    result: CaseResult,
    directory: Path,
    token: str,
    origin: Origin | None,
) -> None:
    """Write what was said of the case, and the script that shows it."""
    texts = {
        "token": [token],
        "command": [f"killpoint replay {token} {_arguments(scenario, origin)}".rstrip()],
        "plan": [plan_words(result.case.steps)],
        "history": history_words(result),
        "violation": _wrong(result),
    }
    for name, lines in texts.items():
        (directory / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    (directory / "output.txt").write_text(result.output)
    if result.verdict is Verdict.FAILED:
        _write_script(scenario, origin, result, directory)
    encoded = msgspec.json.format(msgspec.json.encode(result))
    (directory / "result.json").write_bytes(encoded + b"\n")


def _write_script(
    scenario: Scenario | Program, origin: Origin | None, result: CaseResult, directory: Path
) -> None:
    if isinstance(scenario, Program):
        script = shell_script(scenario, result)
        printed = "".join(f"{each.name}\n" for each in result.history.operations)
        (directory / "printed.txt").write_text(printed)
        (directory / "working-directory.txt").write_text(os.getcwd() + "\n")
    elif origin is None or result.case.lives or not shown_invariant(result):
        (directory / "show.txt").write_text(NOT_SHOWN + "\n")
        return
    else:
        script = python_script(scenario, origin, result)
    (directory / script.name).write_text(script.text)
    (directory / script.name).chmod(0o755)


def _arguments(scenario: Scenario | Program, origin: Origin | None) -> str:
    """Return what a replay needs to find the scenario."""
    if isinstance(scenario, Program):
        return shlex.join(["--cmd", scenario.command, "--check", scenario.check])
    return shlex.quote(str(origin.file)) if origin is not None else ""


def _wrong(result: CaseResult) -> Iterator[str]:
    """Yield the invariants that do not hold with their evidence, or the reason."""
    for violation in result.violations:
        for sentence in violation.evidence:
            yield f"{violation.invariant}: {sentence}"
    if not result.violations:
        yield f"{result.verdict.value}: {result.reason.value} {result.detail}".rstrip()
