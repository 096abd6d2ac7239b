"""The loop: where it ends, and what it has counted by then."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from killpoint.case import CaseResult
from killpoint.events import CaseFinished, StopReason
from killpoint.explore.kill import KillStrategy
from killpoint.explore.loop import Budget, explore
from killpoint.verdict import Verdict
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from killpoint.case import Case
    from killpoint.events import Event

HITS = ["a.x", "b.x", "a.x", "a.x", "b.x", "a.x"]
HONESTY = str(STORES / "honesty.py")


def _explored(verdicts: Sequence[Verdict], budget: Budget) -> tuple[StopReason, list[Event]]:
    """Explore the six pairs; the n-th case comes to the n-th verdict."""
    heard: list[Event] = []

    def execute(cases: Sequence[Case]) -> Generator[CaseResult, None, None]:
        for case, verdict in zip(cases, verdicts, strict=True):
            yield CaseResult(case=case, verdict=verdict)

    stop = explore(
        KillStrategy(scenario="s", hits=HITS, depth=0),
        execute=execute,
        budget=budget,
        fingerprint="0000",
        emit=heard.append,
        rest=lambda: None,
    )
    return stop, heard


PASSED, UNDECIDED, FAILED = Verdict.PASSED, Verdict.UNDECIDED, Verdict.FAILED
VERDICTS = (PASSED, UNDECIDED, PASSED, FAILED, PASSED, FAILED)


def test_a_failure_ends_nothing_unless_it_is_asked_for() -> None:
    """All pairs are struck, whatever they come to."""
    stop, heard = _explored(VERDICTS, Budget())

    assert (StopReason.COMPLETE, 6) == (stop, len(heard))


def test_the_first_failure_is_the_last_case() -> None:
    """What is undecided before it ends nothing, and no case comes after it."""
    stop, heard = _explored(VERDICTS, Budget(first_failure=True))

    last = heard[-1]
    assert (StopReason.FIRST_FAILURE, 4) == (stop, len(heard))
    assert isinstance(last, CaseFinished)
    assert last.result.verdict is FAILED


def test_without_a_failure_all_is_struck() -> None:
    """To stop at the first failure is no bound for a sound store."""
    stop, heard = _explored([PASSED] * 6, Budget(first_failure=True))

    assert (StopReason.COMPLETE, 6) == (stop, len(heard))


def test_a_campaign_counts_the_same_cases_with_any_number_of_workers(shell: Shell) -> None:
    """Each scenario ends at its own first failure; the next one is run all the same."""
    scenarios = ("honesty.violated", "honesty.sound", "honesty.restless")
    settings = ("--depth", "0", "--no-measure", "--kept", "0", "--stop-at-first")
    printed = [
        shell.killpoint("run", HONESTY, *scenarios, *settings, "--workers", count).stdout
        for count in ("1", "2")
    ]

    counts = [re.findall(r"^(\S+) +(\d+/\d+) pairs ", text, flags=re.MULTILINE) for text in printed]
    assert counts[0] == counts[1]
    assert set(scenarios) == {name for name, _ in counts[0]}, printed[0]
    assert "when the first failure was found" in " ".join(printed[0].split())
