"""The sentence of completeness: what was killed, out of how much, and what is not proven.

It is complete only if every pair of every scenario was killed, in the workload and in its first
recovery; if one strace run per scenario saw no call outside its bracket; and if no declared point
was passed over. Deeper recoveries may end with the budget, and then the sentence says so. It never
reads a verdict: a campaign can fail completely.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from killpoint.events import StopReason
from killpoint.report.words import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from killpoint.records import Run

NAMES_SHOWN_MAX = 5
DEPTH_REQUIRED_MAX = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Whether everything was killed, and the sentence that says so."""

    complete: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    proven: bool
    text: str


def completeness(run: Run) -> Completeness:
    """Return the sentence for a run, finished or not."""
    if run.strategy == "error":
        return _of_errors(run)
    if run.strategy == "damage":
        return _of_one_kind(run, "damages done")
    if run.strategy == "judge":
        return _of_one_kind(run, "cases judged again")
    if run.strategy == "fuzz":
        return _of_examples(run)
    parts = [
        _pairs(run),
        *(_recovery(run, depth) for depth in range(1, run.depth + 1)),
        *_made_again(run),
        *_canary(run),
        *_unfinished(run),
        _bracketing(run),
        # One shard passes only its own recoveries: what none of them reaches shows in the merge.
        *([_never_reached(run)] if run.shard[1] == 1 else []),
    ]
    return _joined(run, parts)


def _of_errors(run: Run) -> Completeness:
    """Say how many errors were injected, and how many kills and errors struck after them."""
    done, total, images = _counts(run, 0)
    text = f"{done:,} of {total:,} errors injected, {images:,} distinct states"
    proven = done == total and (total > 0 or run.shard[1] > 1)
    parts = [_Part(proven=proven, text=text + _why_short(run, short=done < total))]
    if run.depth:
        done, total, images = _counts(run, 1)
        text = f"kills and errors after them {done:,} of {total:,}, {images:,} distinct states"
        parts.append(_Part(proven=done == total, text=text + _why_short(run, short=done < total)))
    return _joined(run, [*parts, *_made_again(run), *_canary(run), *_left_out(run)])


def _of_one_kind(run: Run, words: str) -> Completeness:
    """Say how many damages were done, or cases judged again."""
    done, total, _ = _counts(run, 0)
    proven = done == total and (total > 0 or run.shard[1] > 1)
    text = f"{done:,} of {total:,} {words}" + _why_short(run, short=done < total)
    return _joined(
        run, [_Part(proven=proven, text=text), *_made_again(run), *_canary(run), *_left_out(run)]
    )


def _of_examples(run: Run) -> Completeness:
    """Say how many examples were drawn: of what there is, they are a few."""
    done, total, images = _counts(run, 0)
    proven = done >= total and (total > 0 or run.shard[1] > 1)
    text = f"{done:,} of {total:,} examples" + _why_short(run, short=done < total)
    parts = [_Part(proven=proven, text=f"{text}, {images:,} distinct crashes"), *_unfinished(run)]
    joined = _joined(run, parts)
    # Whatever was drawn, it is no enumeration, and no word here says so.
    word = "fuzzed" if joined.complete else "NOT FINISHED"
    return replace(joined, sentence=f"{word}:{joined.sentence.partition(':')[2]}")


def _left_out(run: Run) -> Iterable[_Part]:
    """Say which scenarios cannot be struck so; each has its reason among what was skipped."""
    skipped = [
        each.name
        for each in run.scenarios
        if any(text.startswith(f"{each.name}: ") for text in run.skipped)
    ]
    if skipped:
        yield _Part(proven=True, text=f"left out: {_named(skipped)}")
    others = tuple(each for each in run.scenarios if each.name not in skipped)
    yield from _unfinished(replace(run, scenarios=others))


def _counts(run: Run, depth: int) -> tuple[int, int, int]:
    tallies = [each.tally(depth) for each in run.scenarios]
    return (
        sum(each.pairs_done for each in tallies),
        sum(each.pairs_total for each in tallies),
        sum(each.images_count for each in tallies),
    )


def _joined(run: Run, parts: Sequence[_Part]) -> Completeness:
    complete = all(part.proven for part in parts)
    word = "complete" if complete else "INCOMPLETE"
    index, count = run.shard
    of_shard = f" for shard {index}/{count}" if count > 1 else ""
    sentence = f"{word}{of_shard}: " + "; ".join(part.text for part in parts)
    return Completeness(complete=complete, sentence=plain(sentence))


def _pairs(run: Run) -> _Part:
    done = sum(each.tally(0).pairs_done for each in run.scenarios)
    total = sum(each.tally(0).pairs_total for each in run.scenarios)
    empty = [each.name for each in run.scenarios if each.prepared and not each.tally(0).pairs_total]
    by_image = sum(each.tally(0).by_image_count for each in run.scenarios)
    text = f"{done:,} of {total:,} pairs killed"
    if by_image:
        text += f", {by_image:,} of them by image"
    if empty and run.shard[1] == 1:
        text += f"; nothing to kill in {_named(empty)}"
        return _Part(proven=False, text=text)
    # A shard may own no pair of a scenario; a whole campaign of nothing proves nothing.
    proven = done == total and (total > 0 or run.shard[1] > 1)
    return _Part(proven=proven, text=text + _why_short(run, short=done < total))


def _recovery(run: Run, depth: int) -> _Part:
    done = sum(each.tally(depth).pairs_done for each in run.scenarios)
    total = sum(each.tally(depth).pairs_total for each in run.scenarios)
    images = sum(each.tally(depth - 1).images_count for each in run.scenarios)
    short = done < total
    if depth <= DEPTH_REQUIRED_MAX:
        text = f"recovery {done:,} of {total:,} over {images:,} images (depth {depth})"
        return _Part(proven=not short, text=text + _why_short(run, short=short))
    text = f"depth {depth}: {done:,} of {total:,}"
    if short and _stopped_by_budget(run):
        return _Part(proven=True, text=f"{text} within budget")
    return _Part(proven=not short, text=text)


def _made_again(run: Run) -> Iterable[_Part]:
    """Say how many cases were checked against themselves; one that differs did not pass."""
    count = sum(each.made_again_count for each in run.scenarios)
    if count:
        yield _Part(proven=True, text=f"{count:,} crashes by image made again by SIGKILL")
    twice = sum(each.run_twice_count for each in run.scenarios)
    unequal = sum(each.unequal_count for each in run.scenarios)
    if twice:
        how = f"{unequal:,} came out otherwise" if unequal else "all equal"
        yield _Part(proven=not unequal, text=f"{counted(twice, 'case')} run twice, {how}")


def _canary(run: Run) -> Iterable[_Part]:
    """Say that known bugs were found; a campaign that does not find them never begins."""
    if run.canaries:
        yield _Part(proven=True, text="canary found")


def _why_short(run: Run, *, short: bool) -> str:
    if short and _stopped_by_budget(run):
        return " when the budget was used up"
    return " when the first failure was found" if short and _stopped_by_failure(run) else ""


def _stopped_by_budget(run: Run) -> bool:
    stops = {run.stop, *(each.stop for each in run.scenarios)}
    return not stops.isdisjoint({StopReason.BUDGET, StopReason.DEEP_BUDGET})


def _stopped_by_failure(run: Run) -> bool:
    return any(each.stop is StopReason.FIRST_FAILURE for each in run.scenarios)


def _unfinished(run: Run) -> Iterable[_Part]:
    waiting = [each.name for each in run.scenarios if not each.prepared]
    begun = [each.name for each in run.scenarios if each.prepared and not each.finished]
    if waiting:
        yield _Part(proven=False, text=f"not prepared: {_named(waiting)}")
    if begun:
        yield _Part(proven=False, text=f"not finished: {_named(begun)}")
    if not run.scenarios:
        yield _Part(proven=False, text="no scenario was run")
    if not run.complete:
        whose = "a shard is missing or incomplete" if run.merged else "the campaign was cut short"
        yield _Part(proven=False, text=whose)


def _bracketing(run: Run) -> _Part:
    prepared = [each.bracketing for each in run.scenarios if each.prepared]
    measured = [each for each in prepared if each.measured]
    found = [call for each in measured for call in each.unbracketed]
    reasons = sorted({each.why_not or "no reason given" for each in prepared if not each.measured})
    if not measured:
        why = "; ".join(reasons) or "nothing was prepared"
        return _Part(proven=False, text=f"unbracketed calls not measured ({why})")
    text = f"unbracketed calls {len(found):,}"
    if found:
        text += f": {_named(found)}"
    if reasons:
        text += f", measured in {len(measured):,} of {len(prepared):,} scenarios"
        text += f" ({'; '.join(reasons)})"
    return _Part(proven=not found and not reasons, text=text)


def _never_reached(run: Run) -> _Part:
    names = run.never_reached
    if not names and (not run.complete or _stopped_by_failure(run)):
        return _Part(proven=False, text="never reached: not known")
    return _Part(proven=not names, text=f"never reached: {_named(names) if names else 'none'}")


def _named(names: Iterable[str]) -> str:
    known = list(names)
    shown = ", ".join(known[:NAMES_SHOWN_MAX])
    more = len(known) - NAMES_SHOWN_MAX
    return f"{shown} and {more:,} more" if more > 0 else shown
