"""What Hypothesis draws: the lives of a case, operation by operation, and what strikes them.

The only module that imports Hypothesis, and only the fuzz strategy imports it. A list of strides is
drawn, each an operation and what comes after it; lives are cut from that, so that leaving a stride
out leaves the rest as it was, which is what makes shrinking work. It never runs a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from killpoint.case import LOTS, Life, Step
from killpoint.case import Phase as Part
from killpoint.fault import Fault
from killpoint.process.lives import LETTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import SearchStrategy

    Lives = tuple[Life, ...]
    # The steps of the life that ends with this operation and the letter of a kept handle.
    End = tuple[tuple[Step, ...], str]

OPERATIONS_MAX = 10
LIVES_MAX = 3
STEPS_MAX = 3
# The others differ from these in what the system calls them, not in what a store can do about it.
ERRORS = (Fault.EIO, Fault.DEAD, Fault.ENOSPC, Fault.SHORT)
IN_RECOVERY = (Fault.KILL, Fault.EIO, Fault.DEAD)
CLOSED: End = ((), "")


def hunt(
    try_lives: Callable[[Lives], None], *, number: int, letters: tuple[int, int], examples: int
) -> None:
    """Have Hypothesis call `try_lives` with this many examples; what it raises is shrunk.

    `number` decides what is drawn. `letters` are how many operations there are, and how many for a
    kept handle.
    """

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(lives(*letters))
    def example(drawn: Lives) -> None:
        try_lives(drawn)

    example()


def lives(operations_count: int, kept_count: int) -> SearchStrategy[Lives]:
    """Return what draws the lives of a case, the simplest first: one operation, then closed."""
    operation = st.sampled_from(LETTERS[:operations_count])
    # Two of five go on, and twice as many lives are struck as are closed: an operation costs less
    # than a life does, and what is not struck proves the model only.
    goes_on: SearchStrategy[End | None] = st.just(None)
    closed: SearchStrategy[End | None] = st.just(CLOSED)
    ends = st.one_of(st.none(), goes_on, closed, _killed(kept_count), _failed(kept_count))
    strides = st.lists(st.tuples(operation, ends), min_size=1, max_size=OPERATIONS_MAX)
    return strides.map(cut)


def _killed(kept_count: int) -> SearchStrategy[End]:
    """Return an end by a kill, which recovery may not survive either."""
    kill = st.builds(_step, st.just(Part.RUN), st.just(Fault.KILL), _lots())
    again = st.builds(_step, st.just(Part.RECOVER), st.sampled_from(IN_RECOVERY), _lots())
    return st.tuples(
        st.tuples(kill, st.none() | again).map(_there),
        _kept(kept_count),
    )


def _failed(kept_count: int) -> SearchStrategy[End]:
    """Return an end by a storage error, after which the process may be killed, too."""
    error = st.builds(_step, st.just(Part.RUN), st.sampled_from(ERRORS), _lots())
    killed = st.builds(_step, st.just(Part.RUN), st.just(Fault.KILL), _lots())
    return st.tuples(
        st.tuples(error, st.none() | killed).map(_there),
        _kept(kept_count),
    )


def _lots() -> SearchStrategy[int]:
    return st.integers(0, LOTS - 1)


def _kept(count: int) -> SearchStrategy[str]:
    return st.just("") | st.sampled_from(LETTERS[:count]) if count else st.just("")


def _step(part: Part, fault: Fault, lot: int) -> Step:
    return Step(phase=part, point="", occurrence=0, fault=fault, lot=lot)


def _there(steps: tuple[Step | None, ...]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step is not None)


def cut(strides: Sequence[tuple[str, End | None]]) -> Lives:
    """Cut strides into lives: no more of them, and no more steps, than a token has room for.

    A stride without an end goes on into the next.
    """
    found: list[Life] = []
    operations = ""
    left = STEPS_MAX
    for number, (letter, end) in enumerate(strides, start=1):
        operations += letter
        last = number == len(strides)
        if not last and (end is None or len(found) == LIVES_MAX - 1):
            continue
        steps, kept = end or CLOSED
        steps = steps[:left]
        left -= len(steps)
        found.append(Life(operations=operations, steps=steps, kept=kept if steps else ""))
        operations = ""
    return tuple(found)
