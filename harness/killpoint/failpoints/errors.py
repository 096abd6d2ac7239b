"""Every error that this package raises, with the sentence it says and the step that mends it.

    FailpointError
        DeclarationError         a point declared twice, or under a name of the wrong form
        UnknownPointError        a plan, glob or token that names nothing that is declared
        PlanSyntaxError          a plan text that the grammar does not know
        FaultNotAllowedError     a fault at a point whose declaration does not allow it
        FaultArgumentError       an exception type or an entropy that cannot be used
        PauseTimeoutError        nobody released a paused point
        ParkTimeoutError         nobody released a thread parked by a rendezvous
        NeverReachedError        a rendezvous at a point that nobody reached
    InjectedPanic                not a FailpointError: the fault `panic`, a BaseException

It never decides anything; it only holds the words.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_BEFORE = 40
SHOWN_AFTER = 32


class FailpointError(Exception):
    """Base of everything that this package raises about points and plans."""


class DeclarationError(FailpointError):
    """A point was declared twice, or under a name of the wrong form."""


class UnknownPointError(FailpointError, LookupError):
    """A plan or a token names a point, or a glob matches points, that nobody declared."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Build the sentence from the name and the nearest names that exist."""
        self.name = name
        self.near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
        verb = "matches" if "*" in name or "?" in name else "is called"
        hint = f"did you mean {' or '.join(self.near)}?" if self.near else "no name is near it."
        super().__init__(f"no failpoint {verb} {name!r}: {hint} `killpoint points` lists all.")


class PlanSyntaxError(FailpointError, ValueError):
    """A plan text does not follow the grammar; says what, where, and what to write instead."""

    def __init__(self, text: str, index: int, problem: str, remedy: str) -> None:
        """Build the sentence and put a caret under character `index` (from 0) of `text`."""
        self.text = text
        self.column = index + 1
        self.problem = problem
        self.remedy = remedy
        first = max(0, index - SHOWN_BEFORE)
        shown = text[first : index + SHOWN_AFTER]
        plain = "".join(letter if letter.isprintable() else " " for letter in shown)
        caret = " " * (index - first) + "^"
        super().__init__(
            f"plan, column {self.column}: {problem}\n  {plain}\n  {caret}\n{remedy}",
        )


class FaultNotAllowedError(FailpointError):
    """A plan puts a fault at a point whose declaration does not allow it."""

    def __init__(self, point: str, fault: str, allowed: Iterable[str]) -> None:
        """Build the sentence from the point, the fault and what would be allowed."""
        self.point = point
        self.fault = fault
        super().__init__(
            f"{point} does not allow {fault}: "
            f"choose one of {', '.join(sorted(allowed))}, or extend its declaration.",
        )


class FaultArgumentError(FailpointError, ValueError):
    """What a plan names has the right form and yet cannot be used in this process."""

    def __init__(self, subject: str, problem: str, remedy: str) -> None:
        """Build the sentence from what was named, what is wrong with it, and the way out."""
        self.subject = subject
        super().__init__(f"{subject}: {problem}; {remedy}.")


class PauseTimeoutError(FailpointError, TimeoutError):
    """A `pause` was not released in time."""

    def __init__(self, point: str, occurrence: int, timeout_s: float) -> None:
        """Build the sentence from the hit that paused and how long it did."""
        super().__init__(
            f"paused at {point}, occurrence {occurrence}, and not released within {timeout_s:g} s: "
            "call release() or disarm() on what arm() returned, or allow more with pause(60s).",
        )


class ParkTimeoutError(FailpointError, TimeoutError):
    """A thread parked by a rendezvous was not released in time."""

    def __init__(self, point: str, occurrence: int, timeout_s: float) -> None:
        """Build the sentence from the hit that parked and how long it did."""
        super().__init__(
            f"parked at {point}, occurrence {occurrence}, and not released within {timeout_s:g} s: "
            "call release() on the meeting, or give park_first a longer timeout_s.",
        )


class NeverReachedError(FailpointError):
    """A rendezvous waited for a point that nobody reached."""

    def __init__(self, point: str, moment: str) -> None:
        """Build the sentence from the point and when it should have been reached by."""
        self.point = point
        super().__init__(
            f"nobody reached {point} {moment}: check that the operation runs inside the block "
            "and in this process, and that it passes there.",
        )


class InjectedPanic(BaseException):
    """The fault `panic`: passes through every `except Exception` of the engine."""
