"""Gather everything that explains one case: each death, what it left, and what recovery made of it.

It runs in the worker, which has the images; `killpoint.explain` turns it into text. It never
judges: the result's verdict is the one of an ordinary run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from killpoint import image
from killpoint.case import Case, CaseResult, Phase, Step, processes_count
from killpoint.failpoints import Point, UnknownPointError, find
from killpoint.fault import DAMAGES, Fault

if TYPE_CHECKING:
    from killpoint.image import ImageDifference
    from killpoint.process.child import ChildEnd
    from killpoint.process.runner import Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One stretch of a case. `title` says what ran, `ended` how, `point` where it died.

    `changed` compares the directory with the chapter before, `description` is the store's words.
    """

    title: str
    ended: str
    point: Point | None
    hits: tuple[str, ...]
    changed: ImageDifference | None
    description: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A case from the prepared store to the reopened one."""

    result: CaseResult
    operations: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def tell(
    runner: Runner,
    case: Case,
    operations: tuple[str, ...],
    began: tuple[str, str] = ("the store before", "prepared and closed"),
) -> Story:
    """Run the case, and once more each part of it, to see what every part left behind."""
    result = runner.replay(case)
    chapters = [
        Chapter(
            title=began[0],
            ended=began[1],
            point=None,
            hits=(),
            changed=None,
            description=runner.describe(runner.template),
        )
    ]
    before = runner.template
    reached = len(result.crash_images) > 0
    for count in range(1, len(case.steps) + 1 if reached else 1):
        step, further = case.steps[count - 1], case.steps[count:]
        if further and further[0].phase is Phase.RUN:
            # Its process went on to the next step: what it left is told there.
            continue
        crash = runner.crash(replace(case, steps=case.steps[:count]))
        name, _, occurrence = crash.struck[-1].rpartition("@")
        chapters.append(
            Chapter(
                title=_title(case.steps[:count]),
                ended=_before(case.steps[:count]) + _ended(step, name, int(occurrence), crash.ends),
                point=_point(name or step.point) if step.fault is Fault.KILL else None,
                hits=(),
                changed=image.difference(before, crash.image),
                description=runner.describe(crash.image),
            )
        )
        before = crash.image
    if not case.steps:
        left = runner.crash(case).image
        chapters.append(
            Chapter(
                title="the workload",
                ended="done to its end, and closed",
                point=None,
                hits=(),
                changed=image.difference(before, left),
                description=runner.describe(left),
            )
        )
        before = left
    if reached or not case.steps:
        recovered = runner.recovered_image(case)
        chapters.append(
            Chapter(
                title="recovery to its end",
                ended="reopened, checked, closed",
                point=None,
                hits=result.recovery_hits,
                changed=image.difference(before, recovered),
                description=runner.describe(recovered),
            )
        )
    return Story(result=result, operations=operations, chapters=tuple(chapters))


def _ended(step: Step, name: str, occurrence: int, ends: tuple[ChildEnd, ...]) -> str:
    """Return what a step did, and where."""
    if step.fault in DAMAGES:
        return f"{step.fault.words}: {name.replace('+', '/')}"
    where = f"{name}, the {_ordinal(occurrence)} time it was reached"
    lived = "" if step.fault is Fault.KILL else "; the process lived on"
    return f"{step.fault.words} at {where}{_whereabouts(ends[-1])}{lived}"


def _title(steps: tuple[Step, ...]) -> str:
    """Return whose part of the case the last of these steps is."""
    if steps[-1].fault in DAMAGES:
        return "after the workload"
    if steps[-1].phase is Phase.RUN:
        return "the workload"
    return f"recovery {processes_count(steps) - 1}"


def _before(steps: tuple[Step, ...]) -> str:
    """Return what had struck the process of the last step before it."""
    if len(steps) == 1 or steps[-1].phase is not Phase.RUN:
        return ""
    first = steps[0]
    return f"{first.fault.words} at {first.point}@{first.occurrence}, then "


def _whereabouts(end: ChildEnd) -> str:
    """Return the file that the struck call or point was about, where it had one."""
    said = end.last("fired")
    return f", on {said[3]}" if said and said[3] else ""


def _point(name: str) -> Point | None:
    try:
        return find(name)
    except UnknownPointError:
        return None


def _ordinal(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
