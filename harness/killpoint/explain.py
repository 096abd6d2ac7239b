"""Turn the story of a case into text that fits a terminal.

It says, in order: what stood there before, what was attempted and acknowledged, where each process
died and what was durable then, what each left on disk, what recovery made of it, and what is
wrong. It never adds a judgement of its own.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from killpoint.fault import Fault
from killpoint.history import Outcome
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from killpoint.process.story import Chapter, Story

COLUMNS = 88
NAMES_MAX = 12
REACHED_MAX = 24


def render(stories: tuple[Story, ...], token: str) -> str:
    """Return the whole text; ends with the verdict. A fuzzed case has a story for each life."""
    lines = [token, "", *_lines(stories[0])]
    for story in stories[1:]:
        lines += ["", *_lines(story)]
    return "\n".join(lines) + "\n"


def _lines(story: Story) -> Iterator[str]:
    for number, chapter in enumerate(story.chapters):
        yield from textwrap.wrap(
            f"{number}  {chapter.title}: {chapter.ended}",
            width=COLUMNS,
            subsequent_indent="     ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        if number == 1:
            yield from _history(story)
        yield from _chapter(chapter)
        yield ""
    yield from _ending(story)


def _history(story: Story) -> Iterator[str]:
    heard = {each.index: each for each in story.result.history.operations}
    for index, name in enumerate(story.operations):
        record = heard.get(index)
        if record is None:
            yield f"     {name}: never attempted"
            continue
        match record.outcome:
            case Outcome.ACKNOWLEDGED:
                yield f"     {name}: acknowledged, so it must be there"
            case Outcome.FAILED:
                yield f"     {name}: failed ({record.detail})"
            case Outcome.IN_FLIGHT:
                yield f"     {name}: in flight, so it may be there whole or not at all"
    step = story.result.case.steps[0] if story.result.case.steps else None
    if step is not None and step.fault is Fault.KILL and story.result.history.open_ended is None:
        yield "     none was in flight: it was opening, closing or between two of them"


def _chapter(chapter: Chapter) -> Iterator[str]:
    if chapter.point is not None:
        yield from _wrapped("declared durable:  ", chapter.point.durable)
        yield from _wrapped("declared untold:   ", chapter.point.pending)
    if chapter.hits:
        yield from _wrapped("on its way it reached ", _reached(chapter.hits))
    for line in chapter.description:
        yield from _wrapped("", line)
    if chapter.changed is None:
        return
    if not chapter.changed:
        yield "     on disk: nothing changed"
        return
    yield "     on disk, next to the chapter before (+ new, - gone, ~ changed):"
    for sign, names in (
        ("+", chapter.changed.added),
        ("-", chapter.changed.removed),
        ("~", chapter.changed.changed),
    ):
        for name in names[:NAMES_MAX]:
            yield f"     {sign} {name}"
        if len(names) > NAMES_MAX:
            yield f"     {sign} and {len(names) - NAMES_MAX} more"


def _reached(hits: tuple[str, ...]) -> str:
    """Return the points in order, each once, as many as fit a few lines."""
    names = tuple(dict.fromkeys(hits))
    more = f" and {len(names) - REACHED_MAX} more" if len(names) > REACHED_MAX else ""
    return ", ".join(names[:REACHED_MAX]) + more


def _ending(story: Story) -> Iterator[str]:
    result = story.result
    match result.verdict:
        case Verdict.PASSED:
            yield "PASSED: every invariant holds, and reopening again changes nothing."
        case Verdict.UNDECIDED:
            yield f"UNDECIDED: {result.reason.value}. {result.detail}"
        case Verdict.FAILED:
            for violation in result.violations:
                yield f"FAILED: {violation.invariant}"
                for sentence in violation.evidence:
                    yield from _wrapped("", sentence)


def _wrapped(label: str, text: str) -> Iterator[str]:
    indent = "     "
    yield from textwrap.wrap(
        label + text,
        width=COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent + " " * len(label),
        break_on_hyphens=False,
    ) or [indent + label]
