"""When two crashes are the same, which are made again to see that they are, and what if not.

It never makes a crash and never verifies one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from killpoint import image
from killpoint.case import Case, CaseResult
from killpoint.verdict import Reason, Verdict

if TYPE_CHECKING:
    from killpoint.process.crash import Crash, Steps

MADE_AGAIN_ONE_IN = 20


def digest(crash: Crash) -> str:
    """Return what, besides the image, the verdict on a crash depends on."""
    operations = [(each.index, each.outcome.value) for each in crash.history.operations]
    told = msgspec.msgpack.encode((operations, crash.witness, crash.beside), order="deterministic")
    return hashlib.blake2b(told, digest_size=8).hexdigest()


def is_made_again(case: Case) -> bool:
    """Tell whether a crash by image is to be made again by SIGKILL: its own name says so."""
    return number_of(case.steps) % MADE_AGAIN_ONE_IN == 0


def number_of(steps: Steps) -> int:
    """Return a number that only the steps decide."""
    text = "/".join(f"{step.fault}:{step.point}@{step.occurrence}" for step in steps)
    return hashlib.blake2b(text.encode()).digest()[0]


def disagreement(case: Case, crash: Crash, by_kill: Crash) -> CaseResult:
    """Return the result of a case whose crash by image is not the one that SIGKILL makes."""
    differs = image.difference(crash.image, by_kill.image).describe()
    return CaseResult(
        case=case,
        verdict=Verdict.UNDECIDED,
        reason=Reason.NOT_DETERMINISTIC,
        detail=f"image mode and SIGKILL leave different bytes: {differs}",
        made_again=True,
    )
