"""Make a failing case smaller while it fails in the same way.

Greedy and in a fixed order: fewer steps, simpler faults, fewer operations, earlier occurrences of
the points that are left; again from the start until nothing goes. Each smaller case is run as a
replay, and taken only if it breaks exactly the same invariants. A step may go, and then the case
is named by the step before it; a point is never exchanged for another one. A workload that is
shorter must pass without any fault first, or what breaks would be the shortening.

The same case shrinks to the same case, unless a bound in seconds ends it. It never judges a store,
and it never takes a case that is undecided for a failure.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from killpoint.case import Case, Phase, Step
from killpoint.errors import OnlyError, PrepareError
from killpoint.fault import DAMAGES, Fault
from killpoint.process.victim import ACKNOWLEDGED
from killpoint.token import TOKEN_CHARACTERS_MAX, Token
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from killpoint.case import CaseResult
    from killpoint.failpoints import Hit
    from killpoint.process.preparation import Preparation

CASES_MAX = 400
EARLIER_MAX = 8
Steps = tuple[Step, ...]


class Bench(Protocol):
    """Runs cases of a scenario, and of the scenario with fewer operations."""

    def derive(self, scenario: str, only: tuple[int, ...]) -> Preparation:
        """Prepare the scenario with these operations only; none is all of them."""

    def replay(self, case: Case) -> CaseResult:
        """Run a case with every process of it dying again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much shrinking may cost: so many cases, and so many seconds if there is a limit."""

    cases_max: int = CASES_MAX
    seconds_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest case that was found, what it left out, and what finding it took.

    `bound` names the bound that ended the search, if one did.
    """

    token: Token
    result: CaseResult
    dropped: tuple[str, ...]
    cases_count: int
    bound: str = ""


@dataclass(frozen=True, slots=True)
class _Smaller:
    """A case that may do, and what it leaves out."""

    case: Case
    words: str


def shrink(
    bench: Bench,
    case: Case,
    *,
    bounds: Bounds | None = None,
    heed: Callable[[int, Token], None] = lambda _count, _token: None,
) -> Shrunk:
    """Return the smallest case that fails as `case` does; `heed` hears of every case run.

    A case that does not fail comes back as it is, with its verdict.
    """
    search = _Search(bench, case, bounds or Bounds(), heed)
    if search.result.verdict is Verdict.FAILED:
        search.name_steps()
        search.descend()
    return Shrunk(
        token=search.token,
        result=search.result,
        dropped=tuple(search.dropped),
        cases_count=search.cases_count,
        bound=search.bound,
    )


class _Search:
    """The smallest case so far, and what it takes to try another."""

    def __init__(
        self, bench: Bench, case: Case, bounds: Bounds, heed: Callable[[int, Token], None]
    ) -> None:
        self._bench = bench
        self._bounds = bounds
        self._heed = heed
        self._began = time.monotonic()
        self._tried: set[Case] = set()
        self._preparations: dict[tuple[int, ...], Preparation | None] = {}
        self.cases_count = 0
        self.dropped: list[str] = []
        self.bound = ""
        self.case = case
        self.preparation = bench.derive(case.scenario, case.only)
        self.operations = self.preparation.operations
        self.result = self._run(case)

    @property
    def token(self) -> Token:
        return Token(case=self.case, fingerprint=self.preparation.fingerprint)

    @property
    def kept(self) -> tuple[int, ...]:
        """The numbers of the operations that are still there."""
        return self.case.only or tuple(range(1, len(self.operations) + 1))

    def name_steps(self) -> None:
        """Give the steps of a short token their names, where the run without fault knows them."""
        hits = self.preparation.hits
        steps = list(self.case.steps)
        for index, step in enumerate(steps):
            if not step.point and step.phase is Phase.RUN and step.ordinal <= len(hits):
                hit = hits[step.ordinal - 1]
                steps[index] = replace(step, point=hit.point, occurrence=hit.occurrence)
        self.case = replace(self.case, steps=tuple(steps))

    def descend(self) -> None:
        """Try everything, and again, until nothing more goes or a bound is reached."""
        before = None
        while before != self.case and not self.bound:
            before = self.case
            for propose in (_fewer_steps, _simpler_faults, _fewer_operations, _earlier_occurrences):
                while any(self._takes(smaller) for smaller in propose(self)):
                    pass

    def derived(self, only: tuple[int, ...]) -> Preparation | None:
        """Return the shorter workload, or None if it does not pass without any fault."""
        if only not in self._preparations:
            self._preparations[only] = self._prepared(only)
        return self._preparations[only]

    def _prepared(self, only: tuple[int, ...]) -> Preparation | None:
        scenario = self.case.scenario
        if self._spent():
            return None
        try:
            preparation = self._bench.derive(scenario, only)
        except (OnlyError, PrepareError):
            return None
        whole = self._run(Case(scenario=scenario, steps=(), only=only))
        return preparation if whole.verdict is Verdict.PASSED else None

    def _takes(self, smaller: _Smaller) -> bool:
        """Run a smaller case, and go on from there if it fails in the same way."""
        case = smaller.case
        if case in self._tried or self._spent():
            return False
        self._tried.add(case)
        preparation = self.preparation if case.only == self.case.only else self.derived(case.only)
        if preparation is None:
            return False
        token = Token(case=case, fingerprint=preparation.fingerprint)
        if len(str(token)) > TOKEN_CHARACTERS_MAX:
            return False
        result = self._run(case)
        if result.verdict is not Verdict.FAILED or result.wrong != self.result.wrong:
            return False
        self.case, self.result, self.preparation = case, result, preparation
        self.dropped.append(smaller.words)
        return True

    def _run(self, case: Case) -> CaseResult:
        self.cases_count += 1
        self._heed(self.cases_count, self.token)
        return self._bench.replay(case)

    def _spent(self) -> bool:
        limit_s = self._bounds.seconds_max
        if self.cases_count >= self._bounds.cases_max:
            self.bound = f"{self._bounds.cases_max} cases"
        elif limit_s is not None and time.monotonic() - self._began >= limit_s:
            self.bound = f"{limit_s:g} s"
        return bool(self.bound)


def _fewer_steps(search: _Search) -> Iterator[_Smaller]:
    """Leave out all recoveries at once, then each step that need not be there, the last first."""
    steps = search.case.steps
    of_run = tuple(step for step in steps if step.phase is Phase.RUN)
    if len(of_run) < len(steps) - 1:
        yield _Smaller(replace(search.case, steps=of_run), "dropped every step in recovery")
    for index in reversed(range(len(steps))):
        others = steps[:index] + steps[index + 1 :]
        if others and others[0].phase is Phase.RUN:
            yield _Smaller(
                replace(search.case, steps=others), f"dropped the step {_words(steps[index])}"
            )


def _simpler_faults(search: _Search) -> Iterator[_Smaller]:
    """Turn an error into a kill where its process may end, else into the plainest error."""
    steps = search.case.steps
    for index, step in enumerate(steps):
        if step.fault is Fault.KILL or step.fault in DAMAGES:
            continue
        last = index + 1 == len(steps) or steps[index + 1].phase is Phase.RECOVER
        killable = last and step.point not in search.preparation.never_killable
        simpler = [Fault.KILL] if killable else []
        simpler += [] if step.fault is Fault.EIO else [Fault.EIO]
        for fault in simpler:
            changed = (*steps[:index], replace(step, fault=fault), *steps[index + 1 :])
            words = f"turned {step.fault.value} into {fault.value} at {step.point}"
            yield _Smaller(replace(search.case, steps=changed), words)


def _fewer_operations(search: _Search) -> Iterator[_Smaller]:
    """Leave out what was never attempted, then runs of operations, large ones first."""
    kept = search.kept
    attempted = kept[: len(search.result.history.operations)]
    lists = [attempted] if attempted else []
    size = len(kept) // 2
    while size:
        ends = range(len(kept), 0, -size)
        lists += [kept[: max(end - size, 0)] + kept[end:] for end in ends]
        size //= 2
    for only in dict.fromkeys(lists):
        if only and only != kept:
            yield from _with_operations(search, only)


def _with_operations(search: _Search, only: tuple[int, ...]) -> Iterator[_Smaller]:
    """Return the case with these operations, its points found again where they now are."""
    preparation = search.derived(only)
    if preparation is None:
        return
    gone = [number for number in search.kept if number not in only]
    counted = "operation" if len(gone) == 1 else "operations"
    words = f"dropped {counted} {', '.join(str(number) for number in gone)}"
    for place in range(2):
        steps = tuple(
            _moved(step, search, only, preparation.hits, from_end=not place)
            for step in search.case.steps
        )
        yield _Smaller(replace(search.case, steps=steps, only=only), words)


def _moved(
    step: Step, search: _Search, only: tuple[int, ...], after: tuple[Hit, ...], *, from_end: bool
) -> Step:
    """Return the step at the same place within the same operation of the shorter workload."""
    before = search.preparation.hits
    if step.phase is not Phase.RUN or step.fault in DAMAGES:
        return step
    windows, fresh = _windows(before, step.point), _windows(after, step.point)
    number = next((i for i, each in enumerate(windows) if step.occurrence in each), None)
    if number is None:
        return step
    kept = search.kept
    if number >= len(kept):
        at = len(only)
    elif kept[number] in only:
        at = only.index(kept[number])
    else:
        at = 0
    place = windows[number].index(step.occurrence)
    there = fresh[at] if at < len(fresh) else []
    index = len(there) - (len(windows[number]) - place) if from_end else place
    if not 0 <= index < len(there):
        return step
    return _numbered(step, there[index], after)


def _windows(hits: tuple[Hit, ...], point: str) -> list[list[int]]:
    """Return the occurrences of a point by operation: the opening is the first one's, too."""
    windows: list[list[int]] = [[]]
    for hit in hits:
        if hit.point == point:
            windows[-1].append(hit.occurrence)
        if hit.point == ACKNOWLEDGED.name:
            windows.append([])
    return windows


def _earlier_occurrences(search: _Search) -> Iterator[_Smaller]:
    """Strike the same points sooner."""
    steps = search.case.steps
    for index, step in enumerate(steps):
        for occurrence in range(1, min(step.occurrence, EARLIER_MAX + 1)):
            hits = search.preparation.hits if step.phase is Phase.RUN else ()
            sooner = _numbered(step, occurrence, hits)
            changed = (*steps[:index], sooner, *steps[index + 1 :])
            words = f"took occurrence {occurrence} of {step.point}, not {step.occurrence}"
            yield _Smaller(replace(search.case, steps=changed), words)


def _numbered(step: Step, occurrence: int, hits: tuple[Hit, ...]) -> Step:
    """Return the step at another occurrence; its ordinal is known where the hits are."""
    wanted = (step.point, occurrence)
    found = (n for n, hit in enumerate(hits, start=1) if (hit.point, hit.occurrence) == wanted)
    return replace(step, occurrence=occurrence, ordinal=next(found, 0))


def _words(step: Step) -> str:
    where = f"{step.point}@{step.occurrence}" if step.point else f"#{step.ordinal}"
    name = "recover" if step.phase is Phase.RECOVER and step.fault is Fault.KILL else step.fault
    return f"{name}:{where}"
