"""What a user sees while a campaign runs."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from killpoint.events import FailureKept, ScenarioFinished
from killpoint.records import Problem
from killpoint.report import Terminal
from killpoint.report.lines import left_to_the_report
from killpoint.verdict import Reason, Verdict
from tests.campaigns import NO_STRACE, Made, events, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from killpoint.events import Event

MADE = Made(reports=Path("reports/20260101-000000"))
BROKEN = "k1/graph.load.append/kill:sidecar.delete.before@1/recover:audit.put.after@1~6165"
FAILURE = f"""
FAILED graph.load.append   exactly one audit row
  killed at sidecar.delete.before (1st time), then in recovery at
  audit.put.after (1st time)
  expected one RolledForward row for operation 7-load-1, found two
  replay  killpoint replay {BROKEN} mine.py
  kept    reports/latest/failures/1/
  label   deterministic (10 of 10 replays)
"""
UNDECIDED = """
UNDECIDED kb.add.short   the fault did not fire
  not killed as planned at journal.write.before (7th time)
  the workload ended at its 5th time
  next    the workload took another way: take chance and time out of it
  replay  killpoint replay k1/kb.add.short/kill:journal.write.before@7~fbac mine.py
  kept    reports/latest/failures/2/
  label   deterministic (10 of 10 replays)
"""


def _printed(
    stream: Iterable[Event],
    *,
    now: Callable[[], float] = lambda: 0.0,
    encoding: str = "utf-8",
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    terminal = Terminal(Console(file=file, width=80), shown_as="reports/latest", now=now)
    for event in stream:
        terminal(event)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_a_failure_is_shown_whole_the_moment_it_is_kept() -> None:
    """Everything needed to go on is there before the scenario ends."""
    assert FAILURE == _printed(until(events(MADE), FailureKept))


def test_an_undecided_case_says_why_and_what_to_do() -> None:
    """It is shown like a failure, under its own word."""
    assert UNDECIDED in _printed(events(MADE))


def test_a_sound_campaign_is_five_quiet_lines() -> None:
    """A line a scenario, the sentence, the verdict, and no control character."""
    sound = Made(reports=MADE.reports, sound=True)
    expected = """\
graph.load.append   30/30 pairs     recovery 45/45    60/s   passed
kb.add.short        16/16 pairs     recovery 16/16    26/s   passed
log.put             10/10 pairs     recovery 5/5      12/s   passed

complete: 56 of 56 pairs killed; recovery 66 of 66 over 28 images (depth 1);
unbracketed calls 0; never reached: none
passed   122 cases in 4.2 s   reports/latest/index.html
"""
    assert expected == _printed(events(sound))


def test_an_incomplete_campaign_says_so_in_capitals() -> None:
    """Without strace the density of the points is not proven."""
    made = Made(reports=MADE.reports, sound=True, bracketing=NO_STRACE)
    last = _printed(events(made)).splitlines()[-4:]
    assert "INCOMPLETE: 56 of 56 pairs killed;" == last[1][:34]
    assert "unbracketed calls not measured (strace is not installed)" in " ".join(last)


def test_only_what_will_be_copied_is_wider_than_the_terminal() -> None:
    """Every other line fits 80 columns."""
    wide = [line for line in _printed(events(MADE)).splitlines() if len(line) > 80]
    assert {"  replay"} == {line[:8] for line in wide}


def test_a_long_scenario_says_where_it_is_now_and_then() -> None:
    """In a pipe a line of progress comes at most every few seconds."""
    seconds = iter(range(10_000))
    printed = _printed(until(events(MADE), ScenarioFinished), now=lambda: float(next(seconds)))
    lines = [line for line in printed.splitlines() if " left" in line]
    pattern = r"graph\.load\.append   #*-*   +[\d,]+/[\d,]+ (pairs|deeper) +\d+/s   \d:\d\d left"
    assert 10 < len(lines) < 40
    assert [] == [line for line in lines if not re.fullmatch(pattern, line)]


def test_a_terminal_without_unicode_still_gets_every_word() -> None:
    """Evidence in another alphabet is written out, not lost, and nothing is raised."""
    stream = until(events(MADE), FailureKept)
    assert FAILURE == _printed(stream, encoding="ascii")
    named = Made(reports=MADE.reports, never_reached=("p\u00f6int.a",))
    assert "never reached: p\\xf6int.a" in _printed(events(named), encoding="ascii")


def _on_a_terminal(stream: Iterable[Event]) -> str:
    leader, follower = pty.openpty()
    with open(follower, "w", encoding="utf-8") as file:  # noqa: PTH123 -- a descriptor
        terminal = Terminal(
            Console(file=file, width=80, force_terminal=True), shown_as="reports/latest"
        )
        for event in stream:
            terminal(event)
        terminal.close()
    shown = b""
    # The kernel hands it over in pieces, and ends with an error once the other side is closed.
    with contextlib.suppress(OSError):
        while piece := os.read(leader, 1 << 20):
            shown += piece
    os.close(leader)
    return shown.decode()


def test_a_real_terminal_is_given_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor is hidden while lines move and shown again when a campaign breaks off."""
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = _on_a_terminal(until(events(MADE), FailureKept))
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "/recover:audit.put.after@1~6165 mine.py\r\n" in plain


def test_output_of_a_store_never_steers_the_terminal() -> None:
    """A control sequence in a name or in evidence is printed as text."""
    hostile = Made(reports=MADE.reports, never_reached=("\x1b[2J",))
    printed = _printed(events(hostile))
    assert "\\x1b[2J" in printed
    assert "\x1b" not in printed


def test_many_failures_end_in_a_summary_that_names_each_kind() -> None:
    """Beyond the blocks that fit a screen, what is wrong is counted and the report has the rest."""
    problems = [
        Problem(
            scenario="graph.load",
            signature=f"{what} at {place}",
            verdict=Verdict.FAILED,
            reason=Reason.NONE,
            invariants=(what,),
            detail="",
            token=BROKEN,
            cases_count=2,
        )
        for what, places in (("manifest equals HEAD", 12), ("exactly one audit row", 1))
        for place in range(places)
    ]
    expected = [
        "",
        "and 13 more signatures, each with its token in the report:",
        "  graph.load   manifest equals HEAD   24 cases at 12 places",
        "  graph.load   exactly one audit row   2 cases at 1 place",
    ]
    assert expected == left_to_the_report(problems, 80)
    assert [] == left_to_the_report([], 80)
