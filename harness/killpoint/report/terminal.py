"""Shows a campaign while it runs: a line per scenario, each failure at once, the sentence at last.

On a terminal the running scenarios move at the bottom; in a file or a pipe there are plain lines
only, and a long scenario says every few seconds how far it is. It never shortens a token, never
starts a thread, and never asks anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from killpoint.events import (
    CampaignFinished,
    CampaignStarted,
    CaseFinished,
    FailureKept,
    ScenarioFinished,
    ScenarioPrepared,
)
from killpoint.records import Ledger
from killpoint.report.groups import groups_of
from killpoint.report.lines import (
    Progress,
    closing_notes,
    finished_line,
    group_line,
    left_to_the_report,
    places,
    problem_block,
    running_line,
    summary_line,
    wrapped,
)
from killpoint.report.sentence import completeness
from killpoint.report.words import pairs_word, plain, replay_arguments, replay_command
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from killpoint.events import Event
    from killpoint.report.groups import ProblemGroup

REFRESH_PERIOD_S = 0.1
PLAIN_PERIOD_S = 3.0
WIDTH_MAX = 100
# So many failures are shown at length: who has more reads them on the page, grouped.
BLOCKS_MAX = 10
PAGE_NAME = "index.html"

_STYLES = {Verdict.PASSED: "green", Verdict.UNDECIDED: "yellow", Verdict.FAILED: "bold red"}


@dataclass(slots=True)
class _Settings:
    reports: Path
    strategy: str
    depth: int
    budget_s: float | None
    name_width: int
    started_s: float
    replay_arguments: str


class Terminal:
    """A listener that prints to `console`; standard output when none is given.

    `shown_as` is how the user knows the record's directory, such as `reports/latest`.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        shown_as: str = "",
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Print nothing yet."""
        self._console = console or Console()
        self._shown_as = shown_as.rstrip("/")
        self._now = now
        self._ledger = Ledger()
        self._settings = _Settings(Path(), "", 0, None, 0, now(), "")
        self._running: dict[str, Progress] = {}
        self._shown: set[tuple[str, str]] = set()
        self._last_s = now()
        self._after_block = False
        moving = self._console.is_interactive and self._console.file.isatty()
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True) if moving else None
        )

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._ledger(event)
        match event:
            case CampaignStarted():
                self._start(event)
            case ScenarioPrepared():
                self._running[event.scenario] = Progress(
                    name=event.scenario,
                    started_s=self._now(),
                    pairs_total=event.pairs_total,
                    word=pairs_word(self._settings.strategy),
                )
                self._progress()
            case CaseFinished():
                self._advance(event)
                self._progress()
            case FailureKept():
                self._show_kept(event.result.case.scenario, event.result.signature)
            case ScenarioFinished():
                self._show_finished(event)
            case CampaignFinished():
                self._end()

    def close(self) -> None:
        """Give the terminal back as it was; harmless when the campaign has ended already."""
        if self._live is not None:
            self._live.stop()

    def _start(self, event: CampaignStarted) -> None:
        self._settings = _Settings(
            reports=event.reports,
            strategy=event.strategy,
            depth=event.depth,
            budget_s=event.budget_s,
            name_width=max((len(name) for name in event.scenarios), default=0),
            started_s=self._now(),
            replay_arguments=replay_arguments(event.settings),
        )
        if self._live is not None:
            self._live.start()

    def _advance(self, event: CaseFinished) -> None:
        name = event.result.case.scenario
        if name in self._running:
            self._running[name] = replace(self._running[name], done=event.done, total=event.total)

    def _progress(self) -> None:
        period_s = PLAIN_PERIOD_S if self._live is None else REFRESH_PERIOD_S
        now_s = self._now()
        if now_s - self._last_s < period_s:
            return
        self._last_s = now_s
        lines = [self._running_line(name, now_s) for name in self._running]
        if self._live is None:
            self._leave_block()
            self._print(lines)
        else:
            texts = [Text(self._safe(line), no_wrap=True, overflow="crop") for line in lines]
            self._live.update(Group(*texts), refresh=True)

    def _running_line(self, name: str, now_s: float) -> str:
        settings = self._settings
        budget_s = settings.budget_s
        return running_line(
            self._running[name],
            now_s=now_s,
            end_s=None if budget_s is None else settings.started_s + budget_s,
            name_width=settings.name_width,
        )

    def _show_finished(self, event: ScenarioFinished) -> None:
        self._running.pop(event.scenario, None)
        lines = finished_line(
            self._ledger.of(event.scenario).record(depth_max=self._settings.depth),
            depth=self._settings.depth,
            strategy=self._settings.strategy,
            width=self._width,
            name_width=self._settings.name_width,
        )
        self._leave_block()
        self._print(lines, verdict=event.verdict)
        self._last_s = self._now()
        if self._live is not None:
            self._live.update(Group(), refresh=True)

    def _show_kept(self, scenario: str, signature: str) -> None:
        for group in groups_of(self._ledger.of(scenario).problems):
            if signature in {each.signature for each in group.problems}:
                self._show_group(group)

    def _show_group(self, group: ProblemGroup) -> None:
        problem = group.first
        if (problem.scenario, problem.kind) in self._shown:
            return
        self._shown.add((problem.scenario, problem.kind))
        kept = problem.kept[0] if problem.kept else None
        kept_at = self._path(Path(kept.directory)) + "/" if kept else ""
        lines = problem_block(
            group,
            kept,
            replay=replay_command(
                kept.token if kept else problem.token, self._settings.replay_arguments
            ),
            kept_at=kept_at,
            width=self._width,
        )
        self._print(["", *lines], verdict=problem.verdict, styled_line=1)
        self._after_block = True

    def _leave_block(self) -> None:
        if self._after_block:
            self._print([""])
        self._after_block = False

    def _end(self) -> None:
        self.close()
        run = self._ledger.run()
        groups = groups_of(run.problems)
        shown = [each for each in groups if (each.first.scenario, each.first.kind) in self._shown]
        rest = [each for each in groups if each not in shown]
        room = max(BLOCKS_MAX - len(self._shown), 0)
        for group in shown:
            if places(group):
                lines = ["", *group_line(group, self._width)]
                self._print(lines, verdict=group.first.verdict, styled_line=1)
        for group in rest[:room]:
            self._show_group(group)
        left = (replace(each.first, cases_count=each.cases_count) for each in rest[room:])
        self._print(left_to_the_report(left, self._width))
        proof = completeness(run)
        self._print(["", *closing_notes(run)])
        for line in wrapped(proof.sentence, self._width):
            self._print([line], verdict=Verdict.PASSED if proof.complete else Verdict.FAILED)
        self._print([summary_line(run, page=self._path(Path(PAGE_NAME)))], verdict=run.verdict)

    @property
    def _width(self) -> int:
        return min(self._console.width, WIDTH_MAX)

    def _path(self, path: Path) -> str:
        """Return a path of the record the way the user would type it."""
        if path.is_absolute():
            return str(path)
        if self._shown_as:
            return f"{self._shown_as}/{path}"
        whole = self._settings.reports / path
        return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)

    def _print(
        self, lines: Iterable[str], *, verdict: Verdict | None = None, styled_line: int = 0
    ) -> None:
        """Print lines as they are; one of them wears the colour of its verdict."""
        for number, line in enumerate(lines):
            style = _STYLES[verdict] if verdict is not None and number == styled_line else ""
            self._console.print(Text(self._safe(line), style=style), soft_wrap=True)

    def _safe(self, line: str) -> str:
        text = plain(line)
        if self._console.encoding.lower().startswith("utf"):
            return text
        return text.encode("ascii", "backslashreplace").decode()
