"""One case in twenty is run a second time: which, and what must be the same then.

Chosen by the case's own name, so that every machine, worker and shard chooses the same. The kill at
the second point of a workload, where something has happened already, and EIO at its first are
always among them, so that a short campaign is not without. What must be equal is what a
verdict rests on: how far the operations came, what stood on disk, what recovery passed and left,
and what the invariants said. Times, and the words of a checker, may differ.

Bytes are held equal where two runs without fault ended alike and points are passed inside the
child: a native engine may write chance into its journal. It never runs anything.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from killpoint import image
from killpoint.case import CaseResult, Twice
from killpoint.fault import Fault
from killpoint.verdict import Reason, Verdict

if TYPE_CHECKING:
    from killpoint.case import Case
    from killpoint.process.crash import Crash, Steps

ONE_IN = 20
ALWAYS = frozenset({(Fault.KILL, 2), (Fault.EIO, 1)})


def number_of(steps: Steps, *, purpose: int = 0) -> int:
    """Return a number below 256 that only the steps decide; another one for each purpose."""
    text = "/".join(f"{step.fault}:{step.point}@{step.occurrence}" for step in steps)
    return hashlib.blake2b(text.encode()).digest()[purpose]


def is_chosen(case: Case) -> bool:
    """Tell whether this case is run twice."""
    if not case.steps:
        return False
    first = case.steps[0]
    always = not case.depth and (first.fault, first.ordinal) in ALWAYS
    # With the ordinals: whoever runs cases of a few names only meets one in twenty all the same.
    text = "/".join(f"{s.fault}:{s.point}@{s.occurrence}#{s.ordinal}" for s in case.steps)
    return always or hashlib.blake2b(text.encode()).digest()[0] % ONE_IN == 0


def held(first: CaseResult, second: CaseResult, *, with_bytes: bool) -> CaseResult:
    """Return the first result, marked; where the second differs, undecided at best, and why.

    A violation that only one of them shows is still a violation.
    """
    differing = [
        f"{what} {one} and then {other}"
        for what, one, other in _compared(first, second, with_bytes=with_bytes)
        if one != other
    ]
    if not differing:
        return replace(first, twice=Twice.EQUAL)
    detail = "run twice: " + "; ".join(differing)
    for each in (first, second):
        if each.verdict is Verdict.FAILED:
            return replace(each, detail=detail, twice=Twice.UNEQUAL)
    return replace(
        first,
        verdict=Verdict.UNDECIDED,
        reason=Reason.NOT_DETERMINISTIC,
        detail=detail,
        twice=Twice.UNEQUAL,
    )


def _compared(
    first: CaseResult, second: CaseResult, *, with_bytes: bool
) -> list[tuple[str, object, object]]:
    """Return what must be equal, each with its name and both values."""
    pairs: list[tuple[str, object, object]] = [
        ("verdict", first.verdict.value, second.verdict.value),
        ("signature", first.signature, second.signature),
        ("history", _history(first), _history(second)),
        ("operations applied", first.applied_count, second.applied_count),
        ("answer", first.answer.value, second.answer.value),
        ("points of recovery", *_first_difference(first.recovery_hits, second.recovery_hits)),
        ("points after the error", *_first_difference(first.later_hits, second.later_hits)),
    ]
    if with_bytes:
        pairs += [
            ("crash image", first.crash_images[-1:], second.crash_images[-1:]),
            ("recovered image", first.recovered_image, second.recovered_image),
        ]
    return pairs


def _history(result: CaseResult) -> str:
    told = result.history.operations
    last = f", the last {told[-1].outcome.value}" if told else ""
    return f"{len(told)} attempted{last}"


def _first_difference(first: tuple[object, ...], second: tuple[object, ...]) -> tuple[str, str]:
    """Return the first place at which two lists differ, so that a sentence can hold it."""
    for number in range(max(len(first), len(second))):
        one, other = first[number : number + 1], second[number : number + 1]
        if one != other:
            return f"{number + 1}: {one[0] if one else 'none'}", str(other[0] if other else "none")
    return "", ""


def images_differ(case: Case, crash: Crash, by_kill: Crash) -> CaseResult:
    """Return what comes of a crash by image whose bytes SIGKILL does not leave."""
    differs = image.difference(crash.image, by_kill.image).describe()
    return CaseResult(
        case=case,
        verdict=Verdict.UNDECIDED,
        reason=Reason.NOT_DETERMINISTIC,
        detail=f"image mode and SIGKILL leave different bytes: {differs}",
        made_again=True,
        twice=Twice.UNEQUAL,
    )
