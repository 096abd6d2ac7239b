"""Keep everything about a case that did not pass, in a directory that a person can read.

`token.txt`, `result.json`, `output.txt`, and the store before, at each crash and after recovery as
plain directories. It never keeps a case that passed, unless it is asked to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from killpoint import image

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.case import CaseResult
    from killpoint.process.runner import Runner


def keep(runner: Runner, result: CaseResult, directory: Path, token: str) -> None:
    """Write the case below `directory`, which is made; `runner` has just run it."""
    directory.mkdir(parents=True, exist_ok=True)
    image.restore(runner.template, directory / "before")
    if result.crash_images:
        for count in range(1, len(result.case.steps) + 1):
            case = replace(result.case, steps=result.case.steps[:count])
            image.restore(runner.crash(case).image, directory / f"crash-{count}")
            image.restore(runner.recovered_image(result.case), directory / "recovered")
    (directory / "token.txt").write_text(token + "\n")
    (directory / "output.txt").write_text(result.output)
    encoded = msgspec.json.format(msgspec.json.encode(result))
    (directory / "result.json").write_bytes(encoded + b"\n")
