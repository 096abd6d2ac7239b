"""The fuzz strategy: operations, faults and reopenings drawn together, and shrunk together.

Hypothesis calls what it tries; the campaign wants to be asked. So each run of Hypothesis, a stream,
has a thread that stands still until the result of its case is there. Some streams are asked in
turn, whatever the number of workers: the same draw gives the same cases in the same order. A stream
that meets a failure nobody has met before shrinks it, and only what it comes to is told. It never
runs a case itself, and it never claims to have tried all there is.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import queue
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.case import Case, CaseResult, case_of_lives
from killpoint.errors import MissingToolError
from killpoint.events import CaseFinished, DepthTally, StopReason
from killpoint.token import Token
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from killpoint.case import Life
    from killpoint.events import Event
    from killpoint.explore.loop import Budget

STREAMS_COUNT = 4
# A run of Hypothesis of ten examples or more begins with small ones, which other strategies have.
EXAMPLES_A_STREAM = 9
BARREN_MAX = 20
EXAMPLES_COUNT = 300
SHRINKS_MAX = 250


def require() -> None:
    """Raise `MissingToolError` unless Hypothesis is installed."""
    try:
        # It keeps a few files, and the place for them is not where somebody runs a campaign.
        place = Path(tempfile.gettempdir(), f"killpoint-hypothesis-{os.getuid()}")
        importlib.import_module("hypothesis.configuration").set_hypothesis_home_dir(place)
    except ModuleNotFoundError as error:
        tool, remedy = "Hypothesis", "Install it: pip install 'killpoint[fuzz]'."
        raise MissingToolError(tool, "the fuzz strategy", remedy) from error


class _FoundError(Exception):
    """A case has failed: Hypothesis is to shrink it."""


class _Ended(BaseException):
    """The campaign asks no more."""


def weight(case: Case) -> tuple[int, ...]:
    """Return what makes one failing case simpler than another: fewer steps, then operations."""
    lengths = [len(life.operations) for life in case.lives]
    return (len(case.steps), sum(lengths), len(lengths), sum(s.ordinal for s in case.steps))


class Stream:
    """One run of Hypothesis, turned around: `ask` returns its next case, `tell` takes a result."""

    def __init__(self, scenario: str, letters: tuple[int, int], number: int) -> None:
        """Draw what `number` decides, from the first `ask` on."""
        self._scenario = scenario
        self._letters = letters
        self._number = number
        self._asked: queue.SimpleQueue[Case | None] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._failed: dict[Case, bool] = {}
        self._shrinks_count = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="killpoint-fuzz", daemon=True)
        self.origin: frozenset[str] = frozenset()
        self.best: CaseResult | None = None

    def ask(self) -> Case | None:
        """Return the next case to run, or None when there is none; raise what went wrong."""
        if not self._thread.is_alive() and self._thread.ident is None:
            self._thread.start()
        case = self._asked.get()
        if self._error is not None:
            raise self._error
        return case

    def tell(self, *, failed: bool) -> None:
        """Let it go on: its last case has failed, or has not."""
        self._told.put(failed)

    def end(self) -> None:
        """Let it run to its end without asking anybody."""
        if self._thread.ident is not None:
            self._told.put(None)
            self._thread.join()

    def _work(self) -> None:
        try:
            from killpoint.explore.drawing import hunt  # noqa: PLC0415 -- Hypothesis is optional

            hunt(self._try, number=self._number, letters=self._letters, examples=EXAMPLES_A_STREAM)
        except (_FoundError, _Ended):
            pass  # what was found is in `best`
        except BaseException as error:  # noqa: BLE001 -- it is raised where somebody can see it
            self._error = error
        self._asked.put(None)

    def _try(self, lives: tuple[Life, ...]) -> None:
        case = case_of_lives(self._scenario, lives)
        if case not in self._failed:
            if self._shrinks_count >= SHRINKS_MAX:
                return
            self._shrinks_count += bool(self.origin)
            self._asked.put(case)
            failed = self._told.get()
            if failed is None:
                raise _Ended
            self._failed[case] = failed
        if self._failed[case]:
            raise _FoundError


@dataclass(slots=True, kw_only=True)
class FuzzStrategy:
    """Some streams over one scenario, until there are enough examples; `examples` 0 is no end."""

    scenario: str
    letters: tuple[int, int]
    draw: int
    examples: int
    shard: tuple[int, int] = (1, 1)
    streams: list[Stream] = field(default_factory=list)
    done: int = 0
    shrinks_count: int = 0
    lives_count: int = 0
    operations_count: int = 0
    steps_count: int = 0
    _started_count: int = 0
    _origins: set[str] = field(default_factory=set)
    _images: set[str] = field(default_factory=set)
    _cases: set[Case] = field(default_factory=set)
    _sound: set[Case] = field(default_factory=set)
    _beside: list[CaseResult] = field(default_factory=list)
    _barren_count: int = 0

    @property
    def pairs_total(self) -> int:
        """How many examples there are to be."""
        return self.examples

    def asking(self) -> tuple[list[tuple[Stream, Case]], list[CaseResult]]:
        """Return what the streams ask now, and what those have found that ended meanwhile."""
        asked: list[tuple[Stream, Case]] = []
        found: list[CaseResult] = []
        following: list[Stream] = []
        waiting = [*self.streams]
        while waiting or (self._wanted(len(asked)) and len(asked) < STREAMS_COUNT):
            stream = waiting.pop(0) if waiting else self._fresh()
            if not stream.origin and not self._wanted(len(asked)):
                stream.end()
                continue
            case = self._unknown(stream)
            if case is None:
                found += [stream.best] if stream.best is not None else []
                continue
            asked.append((stream, case))
            following.append(stream)
        self.streams = following
        return asked, found

    def _unknown(self, stream: Stream) -> Case | None:
        """Return the next case of a stream that nobody has tried; it is told of the others."""
        self._barren_count += 1
        while (case := stream.ask()) in self._sound:
            stream.tell(failed=False)
        if case is not None:
            self._barren_count = 0
        return case

    def learn(self, stream: Stream, drawn: Case, result: CaseResult) -> bool:
        """Take note of a result; return whether it is to be told now, as it is."""
        self._images |= set(result.crash_images)
        if stream.origin:
            self.shrinks_count += 1
        else:
            self.done += 1
            self._count(result.case)
        broken = frozenset(each.invariant for each in result.violations)
        fresh = bool(broken) and not broken & self._origins
        if fresh and stream.origin:
            self._beside.append(result)
        elif fresh:
            stream.origin = broken
        # What has one of them in common is the same: who shrinks gets rid of what comes besides.
        mine = bool(broken & stream.origin)
        if mine:
            self._origins |= broken
        if not broken:
            self._sound.add(drawn)
        if mine and (stream.best is None or weight(result.case) < weight(stream.best.case)):
            stream.best = result
        stream.tell(failed=mine)
        undecided = result.verdict is Verdict.UNDECIDED
        return undecided or not (broken or stream.origin)

    def end(self) -> list[CaseResult]:
        """End all streams; return what they have found so far.

        With it, as it is, what was met while something else was shrunk and has not been met since.
        """
        for stream in self.streams:
            stream.end()
        found = [each.best for each in self.streams if each.best is not None]
        for result in self._beside:
            broken = {each.invariant for each in result.violations}
            if not broken & self._origins:
                self._origins |= broken
                found.append(result)
        return found

    def tallies(self) -> tuple[DepthTally, ...]:
        """Return what was done; of what there is, nobody knows how much."""
        total = max(self.examples, self.done)
        images = len(self._images)
        return (DepthTally(depth=0, pairs_done=self.done, pairs_total=total, images_count=images),)

    def sentence(self) -> str:
        """Return what was drawn, for the notes of a campaign."""
        shrinks = f"; {self.shrinks_count:,} more cases to shrink" if self.shrinks_count else ""
        return (
            f"draw {self.draw} has {len(self._cases):,} distinct cases, {self.lives_count:,} "
            f"lives, {self.operations_count:,} operations, {self.steps_count:,} faults{shrinks}"
        )

    def _wanted(self, asked_count: int) -> bool:
        few = not self.examples or self.done + asked_count < self.examples
        # Streams that have nothing new to ask, one after the other: all there is has been tried.
        return few and self._barren_count < BARREN_MAX

    def _fresh(self) -> Stream:
        """Begin another stream, with a number that no other one of any shard has."""
        own, count = self.shard
        name = f"{self.draw}/{self.scenario}/{self._started_count * count + own}"
        self._started_count += 1
        number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
        return Stream(self.scenario, self.letters, number)

    def _count(self, case: Case) -> None:
        if case in self._cases:
            return
        self._cases.add(case)
        self.lives_count += len(case.lives)
        self.operations_count += sum(len(life.operations) for life in case.lives)
        self.steps_count += len(case.steps)


def fuzz(
    strategy: FuzzStrategy,
    *,
    execute: Callable[[Sequence[Case]], Generator[CaseResult, None, None]],
    budget: Budget,
    fingerprint: str,
    emit: Callable[[Event], None],
    rest: Callable[[], None],
) -> StopReason:
    """Run what the streams ask, in turn; `rest` is called whenever no case is under way."""
    index = 0

    failed: CaseResult | None = None

    def tell(result: CaseResult) -> None:
        nonlocal index, failed
        index += 1
        failed = result if result.verdict is Verdict.FAILED else failed
        tally = strategy.tallies()[0]
        token = str(Token(case=result.case, fingerprint=fingerprint))
        emit(
            CaseFinished(
                result=result,
                token=token,
                index=index,
                done=tally.pairs_done,
                total=tally.pairs_total,
            )
        )

    stop = StopReason.COMPLETE
    nothing = Case(scenario=strategy.scenario, steps=())
    unfailed = CaseResult(case=nothing, verdict=Verdict.PASSED)
    try:
        while stop is StopReason.COMPLETE:
            asked, found = strategy.asking()
            for result in found:
                tell(result)
            rest()
            if not asked:
                break
            results = execute([case for _, case in asked])
            for (stream, case), result in zip(asked, results, strict=True):
                if strategy.learn(stream, case, result):
                    tell(result)
            # A failure that is still being shrunk is nobody's yet: only what was told counts.
            stop = budget.reached(failed or unfailed, 0.0)
    finally:
        # Whatever ends it, also an interrupt: what was found is told.
        for result in strategy.end():
            tell(result)
    rest()
    return stop
