"""Keep everything about a case that did not pass, in a directory that a person can read.

`token.txt`, `result.json`, `output.txt`, and the store before, at each crash and after recovery as
plain directories; of a fuzzed case, a directory of these for each life. It never keeps a case that
passed, unless it is asked to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from killpoint import image
from killpoint.case import Case

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.case import CaseResult, Step
    from killpoint.process.runner import Runner


def keep(runner: Runner, result: CaseResult, directory: Path, token: str) -> None:
    """Write the case below `directory`, which is made; `runner` has just run it."""
    keep_images(runner, result.case.steps if result.crash_images else (), directory)
    keep_words(result, directory, token)


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


def keep_words(result: CaseResult, directory: Path, token: str) -> None:
    """Write what was said of the case."""
    (directory / "token.txt").write_text(token + "\n")
    (directory / "output.txt").write_text(result.output)
    encoded = msgspec.json.format(msgspec.json.encode(result))
    (directory / "result.json").write_bytes(encoded + b"\n")
