"""Every error that the harness raises for its user, as one tree.

    KillpointError
    |-- UsageError            exit 2: the command, a file or a token is not usable as given
    |   |-- ScenarioFileError, UnknownScenarioError, NoScenarioError, ReservedNameError
    |   |-- NoAlphabetError, OnlyDrawnError
    |   |-- TokenError, OnlyError, BudgetError, ShardError
    `-- HarnessError          exit 3: the harness or its surroundings failed; no verdict
        |-- ScratchError, RecordError, WorkerLostError, PrepareError, MissingToolError
        |-- CanaryError

Each class builds its sentence from its fields and ends with what to do next. It never carries a
verdict: what a case found is a value, not an exception.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class KillpointError(Exception):
    """Base of all: `exit_code` is what the command line answers."""

    exit_code = 3

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes as the finished sentence: the fields stay behind."""
        return _rebuild, (type(self), self.args)


def _rebuild(kind: type[KillpointError], arguments: tuple[object, ...]) -> KillpointError:
    return kind.__new__(kind, *arguments)


class UsageError(KillpointError):
    """The user can mend it: the sentence says how."""

    exit_code = 2


class HarnessError(KillpointError):
    """The harness or the machine failed: nothing is said about the store."""


class ScenarioFileError(UsageError):
    """A scenario file cannot be found, read or imported."""

    def __init__(self, path: Path, why: str) -> None:
        """Name the file and the cause."""
        super().__init__(
            f"cannot load scenarios from {path}: {why}. "
            "Give a Python file that defines killpoint.Scenario values at its top level."
        )


class NoScenarioError(UsageError):
    """Nothing was found to run."""

    def __init__(self, places: Iterable[str]) -> None:
        """Name the places that were searched."""
        super().__init__(
            f"no scenario found in {', '.join(places) or 'no place at all'}. "
            "Give a file, or set [tool.killpoint] scenarios in pyproject.toml."
        )


class UnknownScenarioError(UsageError):
    """A name fits no scenario."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Name the nearest ones."""
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
        super().__init__(f"no scenario is called {name!r}: {hint} `killpoint list` shows all.")


class ReservedNameError(UsageError):
    """A scenario has a name that the harness keeps for itself."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(
            f"the name {name!r} belongs to the harness: give the scenario another one."
        )


class NoAlphabetError(UsageError):
    """Nothing can be drawn: no scenario that was chosen has operations with models."""

    def __init__(self, scenarios: Iterable[str]) -> None:
        """Name the scenarios."""
        super().__init__(
            f"nothing to draw from in {', '.join(scenarios) or 'no scenario at all'}: "
            "give a scenario an alphabet, which is operations with their models, "
            "or choose another strategy."
        )


class OnlyDrawnError(UsageError):
    """All scenarios that were chosen are for drawing from, and another strategy was asked for."""

    def __init__(self, scenarios: Iterable[str]) -> None:
        """Name the scenarios."""
        super().__init__(
            f"{', '.join(scenarios)}: nothing but an alphabet to draw from, and no operations. "
            "Run it with --strategy fuzz."
        )


class TokenError(UsageError):
    """A token cannot be read, or is of another format version."""

    def __init__(self, token: str, why: str) -> None:
        """Quote the token, shortened, and say which part is wrong."""
        shown = token if len(token) <= 100 else token[:97] + "..."  # noqa: PLR2004 -- a line
        super().__init__(
            f"cannot read the token {shown!r}: {why}. "
            "Copy it whole from the failure: k1/SCENARIO/kill:POINT@N~FINGERPRINT."
        )


class OnlyError(UsageError):
    """A token keeps operations that the workload does not have."""

    def __init__(self, scenario: str, only: Iterable[int], operations_count: int) -> None:
        """Name the numbers, and how many operations there are."""
        numbers = ", ".join(str(number) for number in only)
        has = f"has {operations_count}" if operations_count else "is a program, which has none"
        super().__init__(
            f"the token keeps operation {numbers} of {scenario}, which {has} to choose from. "
            "Shrink the case again: `killpoint shrink` takes the token without its only: part."
        )


class PainlessError(UsageError):
    """An error was to be injected into a store whose storage cannot be made to fail."""

    def __init__(self, why: str = "") -> None:
        """Give the scenario's own reason, or that its calls are out of reach."""
        reach = "storage errors reach Python code only, and this scenario's points are system calls"
        super().__init__(f"{why or reach} (the kill strategy has it).")


class BudgetError(UsageError):
    """A budget is not a duration."""

    def __init__(self, text: str) -> None:
        """Show the forms that work."""
        super().__init__(f"{text!r} is no budget: write 90s, 5m or 1h (more than nothing).")


class ShardError(UsageError):
    """A shard is not of the form i/n."""

    def __init__(self, text: str) -> None:
        """Show the form that works."""
        super().__init__(f"{text!r} is no shard: write I/N with 1 <= I <= N, such as 1/4.")


class ScratchError(HarnessError):
    """There is no place to put the stores of the cases."""

    def __init__(self, place: Path, why: str) -> None:
        """Name the place and how to choose another."""
        super().__init__(
            f"cannot work in {place}: {why}. "
            "Free some space there, or set KILLPOINT_SCRATCH to another directory."
        )


class RecordError(HarnessError):
    """A record cannot be written or read."""

    def __init__(self, path: Path, why: str) -> None:
        """Name the file and the cause."""
        super().__init__(f"the record at {path} failed: {why}. Check the path, or give --reports.")


class WorkerLostError(HarnessError):
    """A worker process died or fell silent."""

    def __init__(self, worker: int, why: str) -> None:
        """Name the worker and what it last said."""
        super().__init__(f"worker {worker} is lost: {why}. Run again with --workers 1 to see it.")


class PrepareError(HarnessError):
    """A scenario could not be prepared: without fault it must run to its end."""

    def __init__(self, scenario: str, why: str) -> None:
        """Name the scenario and the step that failed."""
        super().__init__(f"{scenario} cannot be prepared: {why}. It must pass without any fault.")


class CanaryError(HarnessError):
    """A known bug was not found before a campaign, or what is right was called wrong."""

    def __init__(self, why: str) -> None:
        """Say what came out otherwise."""
        super().__init__(
            f"the harness does not find its own canary, so no pass would mean anything: {why}. "
            "Look for what changes killpoint in the scenario files or the environment, run "
            "`killpoint run` on a file of your own, and report it if it stays."
        )


class MissingToolError(HarnessError):
    """Something optional that this run needs is not installed."""

    def __init__(self, tool: str, purpose: str, remedy: str) -> None:
        """Name the tool, what it is needed for and how to get it."""
        super().__init__(f"{tool} is missing, and {purpose} needs it. {remedy}")
