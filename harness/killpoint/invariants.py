"""What must hold of every reopened store, whatever it is; and how to write an invariant.

An invariant is a name and a function from a `Reopened` store to sentences of evidence. No sentence
means that it holds. A function that raises makes the case undecided: it has said nothing.
The standard ones need only the reference states, so they apply to any system. They never look
inside a store's files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from killpoint.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A store after a crash and one reopening, and all that is known about how it came there.

    `references[k]` is the state after k operations without fault. `witness` is what the
    scenario's own `witness` gathered at the deaths. `struck` names the points of the faults, such
    as `sidecar.put.after@1`, and `storage_failed` says whether one of them was an error.
    """

    root: Path
    handle: Any
    state: Any
    references: tuple[Any, ...]
    history: History
    witness: Any = None
    struck: tuple[str, ...] = ()
    storage_failed: bool = False

    @property
    def acknowledged_count(self) -> int:
        """Return how many operations of the workload were acknowledged."""
        return self.history.acknowledged_count

    @property
    def legal_states(self) -> tuple[Any, ...]:
        """Return the states that are right here: one, or two if an operation's outcome is open."""
        done = self.acknowledged_count
        last = done + 1 if self.history.open_ended is not None else done
        return self.references[done : last + 1]

    @property
    def applied_count(self) -> int | None:
        """Return how many operations the state shows, or None when it shows no such number.

        Where two references are equal, the latest legal one is meant.
        """
        done = self.acknowledged_count
        legal = range(done, done + len(self.legal_states))
        matches = [k for k, each in enumerate(self.references) if each == self.state]
        inside = [k for k in matches if k in legal]
        best = inside or matches
        return best[-1] if best else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A named predicate on a reopened store; its function returns evidence of violations."""

    name: str
    check: Callable[[Reopened], Iterable[str]] = field(repr=False)


def invariant(name: str) -> Callable[[Callable[[Reopened], Iterable[str]]], Invariant]:
    """Make an `Invariant` of a function: `@invariant("exactly one audit row")`."""

    def wrap(check: Callable[[Reopened], Iterable[str]]) -> Invariant:
        return Invariant(name=name, check=check)

    return wrap


@invariant("nothing acknowledged is lost")
def nothing_acknowledged_is_lost(store: Reopened) -> Iterable[str]:
    """An operation whose acknowledgement was heard is there after the crash.

    Verifies: the state is not that of fewer operations than were acknowledged.
    Does not verify: partial loss, which is "all or nothing".
    """
    applied = store.applied_count
    if applied is not None and applied < store.acknowledged_count:
        lost = store.history.operations[applied : store.acknowledged_count]
        names = ", ".join(repr(each.name) for each in lost)
        yield (
            f"acknowledged and gone: {names}; "
            f"the store shows the state after {applied} of {store.acknowledged_count} operations"
        )


@invariant("all or nothing")
def all_or_nothing(store: Reopened) -> Iterable[str]:
    """The state is that of whole operations, in order.

    Verifies: the content equals a reference state, value by value, not by count.
    Does not verify: anything that `observe` does not show.
    """
    applied = store.applied_count
    legal = store.legal_states
    if applied is None:
        difference = first_difference(legal[-1], store.state)
        yield f"the state is none that whole operations lead to: next to the last, {difference}"
    elif applied > store.acknowledged_count + len(legal) - 1:
        yield f"the store shows {applied} operations, and only {len(legal)} states were possible"


STANDARD_INVARIANTS: tuple[Invariant, ...] = (nothing_acknowledged_is_lost, all_or_nothing)

OPENS = "the store reopens"
UNTOUCHED_BY_REOPENING = "reopening again changes nothing"
SAME_WHEN_REOPENED = "reopening again shows the same"
FOLLOW_UP_WORKS = "the next operation works"
INSIDE_THE_ROOT = "nothing outside the root changes"
KEPT_HANDLE = "a kept handle goes on"
DAMAGE_IS_NAMED = "damage is told with the file"
DAMAGE_STAYS_WHERE_IT_IS = "one damaged file leaves the rest readable"
NOTHING_WRONG_IS_READ = "nothing wrong is read in silence"
MODEL = "an operation leads where its model says"
ERRORS_ARE_TOLD = "an error of the storage is told as one"
CRASHED_STATE = "the crashed directory is sound"


def first_difference(expected: Any, actual: Any, path: str = "state") -> str:  # noqa: ANN401
    """Return one sentence on the first place where two plain values differ."""
    if type(expected) is type(actual) and expected == actual:
        return "nothing differs"
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _first_in_dicts(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _first_in_lists(expected, actual, path)
    return f"{path} is {_short(actual)}, expected {_short(expected)}"


def _first_in_dicts(expected: dict[Any, Any], actual: dict[Any, Any], path: str) -> str:
    for key in sorted(expected.keys() | actual.keys(), key=repr):
        if key not in actual:
            return f"{path}[{key!r}] is missing, expected {_short(expected[key])}"
        if key not in expected:
            return f"{path}[{key!r}] should not be there: {_short(actual[key])}"
        if expected[key] != actual[key]:
            return first_difference(expected[key], actual[key], f"{path}[{key!r}]")
    return "nothing differs"


def _first_in_lists(expected: list[Any], actual: list[Any], path: str) -> str:
    for index, (left, right) in enumerate(zip(expected, actual, strict=False)):
        if left != right:
            return first_difference(left, right, f"{path}[{index}]")
    index = min(len(expected), len(actual))
    if len(expected) > len(actual):
        return f"{path}[{index}] is missing: {_short(expected[index])}"
    return f"{path}[{index}] should not be there: {_short(actual[index])}"


def _short(value: object, characters_max: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= characters_max else text[: characters_max - 3] + "..."
