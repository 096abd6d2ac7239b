"""A campaign: many cases within bounds, split over workers and machines.

For each scenario: prepare it, measure its points against strace, explore with a strategy, replay
and keep what did not pass. What was declared and never reached by a whole campaign fails it. A
campaign emits events and returns its verdict; it never writes a report and never prints.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from killpoint import canary
from killpoint.errors import (
    CanaryError,
    MissingToolError,
    NoAlphabetError,
    OnlyDrawnError,
    PainlessError,
    UnknownScenarioError,
)
from killpoint.events import CampaignFinished, CampaignStarted, CaseFinished, StopReason
from killpoint.exploration import Exploration, Settings, StrategyName, Totals
from killpoint.explore.loop import Budget
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from killpoint.case import CaseResult
    from killpoint.events import Event, Listener
    from killpoint.process.pool import Pool
    from killpoint.process.preparation import Preparation
    from killpoint.token import Token

SHARES_MAX = 4


class Campaign:
    """One run over the scenarios of a pool."""

    def __init__(self, pool: Pool, settings: Settings, listeners: Iterable[Listener]) -> None:
        """Tell `listeners` everything, in order."""
        self._pool = pool
        self._settings = settings
        self._listeners = tuple(listeners)
        self._verdicts: list[Verdict] = []
        self._totals = Totals(emit=self._emit)
        self._cases_count = 0
        self._failures_count = 0
        self._undecided_count = 0

    def run(self) -> Verdict:
        """Run all chosen scenarios; the last event is emitted however it ends."""
        chosen = self._choose()
        settings = self._settings
        canaries = self._find_canaries(chosen)
        started = time.monotonic()
        self._emit(
            CampaignStarted(
                scenarios=chosen,
                strategy=settings.strategy.value,
                workers_count=settings.workers_count,
                budget_s=settings.budget_s,
                depth=settings.depth,
                shard=settings.shard,
                reports=settings.reports,
                settings=settings.notes,
                canaries=canaries,
            )
        )
        end_s = None if settings.budget_s is None else started + settings.budget_s
        try:
            for number, name in enumerate(chosen):
                share = self._share(end_s, len(chosen) - number, len(chosen))
                exploration = Exploration(
                    pool=self._pool,
                    settings=settings,
                    totals=self._totals,
                    name=name,
                    budget=share,
                )
                try:
                    self._verdicts.append(exploration.run())
                except (MissingToolError, PainlessError) as error:
                    # Not held against the others, and never a pass: alone, it is undecided.
                    self._totals.skipped.add(f"{name}: {error}")
        except KeyboardInterrupt:
            self._totals.stop = StopReason.INTERRUPTED
        never_reached = self._never_reached()
        if never_reached and self._settings.shard[1] == 1:
            # A shard cannot know what the others reach: `killpoint merge` judges that.
            self._verdicts.append(Verdict.FAILED)
        if self._totals.stop is StopReason.INTERRUPTED:
            self._verdicts.append(Verdict.UNDECIDED)
        verdict = worst(self._verdicts)
        self._emit(
            CampaignFinished(
                verdict=verdict,
                stop=self._totals.stop,
                cases_count=self._cases_count,
                failures_count=self._failures_count,
                undecided_count=self._undecided_count,
                elapsed_s=time.monotonic() - started,
                never_reached=never_reached,
                notes=tuple(self._totals.notes),
                skipped=tuple(sorted(self._totals.skipped)),
            )
        )
        return verdict

    @property
    def interrupted(self) -> bool:
        """Tell whether somebody stopped it."""
        return self._totals.stop is StopReason.INTERRUPTED

    @property
    def cases_count(self) -> int:
        """How many cases have a result."""
        return self._cases_count

    def _choose(self) -> tuple[str, ...]:
        known = self._pool.inventory.scenarios
        if self._settings.strategy is StrategyName.FUZZ:
            return self._fuzzable(known)
        chosen = self._chosen(known)
        # What is only drawn from has no workload: it opens and closes, and who wants that says so.
        drawn = self._pool.inventory.only_drawn - {*self._settings.names}
        able = tuple(name for name in chosen if name not in drawn)
        if chosen and not able:
            raise OnlyDrawnError(chosen)
        return able

    def _fuzzable(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the chosen ones that have something to draw from; raises if none has."""
        chosen = self._chosen(known)
        able = tuple(name for name in chosen if name in self._pool.inventory.fuzzable)
        if chosen and not able:
            raise NoAlphabetError(chosen)
        return able

    def _chosen(self, known: tuple[str, ...]) -> tuple[str, ...]:
        if not self._settings.names:
            return known
        chosen = []
        for name in self._settings.names:
            fitting = [each for each in known if each == name or each.startswith(name + ".")]
            if not fitting:
                raise UnknownScenarioError(name, known)
            chosen += fitting
        return tuple(name for name in known if name in set(chosen))

    def _find_canaries(self, chosen: Iterable[str]) -> tuple[str, ...]:
        """Find the known bugs on every worker; raises `CanaryError` where one is not found."""
        sources = [each for name in chosen for each in self._pool.inventory.sources[name]]
        found = []
        for each in canary.needed(self._settings.faults, sources):
            try:
                self._pool.prepare(each.scenario.name)
            except MissingToolError:
                continue  # No scenario of this source can run here either, and each says so.
            for results in self._pool.run_on_all(each.cases):
                if wrong := each.wrong(results):
                    raise CanaryError(wrong)
            found.append(each.title)
        return tuple(found)

    def _share(self, end_s: float | None, left_count: int, count: int) -> Budget:
        deep_s, first = self._settings.deep_s, self._settings.stop_at_first
        if deep_s is not None:
            deep_s /= count
        if end_s is None:
            return Budget(deep_s=deep_s, first_failure=first)
        now = time.monotonic()
        # Who draws without end takes whatever there is.
        endless = self._settings.strategy is StrategyName.FUZZ and not self._settings.examples
        mine_s = share_s(
            end_s - now,
            left_count,
            reserve_s=(self._settings.budget_s or 0) / count / 2,
            shares_max=1 if endless else SHARES_MAX,
        )
        return Budget(end_s=now + mine_s, deep_s=deep_s, first_failure=first)

    def _never_reached(self) -> tuple[str, ...]:
        """Return declared points that a whole, complete campaign should have reached."""
        if self._settings.names or self._totals.stop is not StopReason.COMPLETE:
            return ()
        if self._settings.strategy is not StrategyName.KILL:
            # Most of a recovery is reached after deaths only: the kill strategy answers for that.
            return ()
        return tuple(
            point.name
            for point in self._pool.points()
            if not point.rare and point.name not in self._totals.reached
        )

    def _emit(self, event: Event) -> None:
        if isinstance(event, CaseFinished):
            self._cases_count += 1
            self._failures_count += event.result.verdict is Verdict.FAILED
            self._undecided_count += event.result.verdict is Verdict.UNDECIDED
        for listener in self._listeners:
            listener(event)


def prepare(pool: Pool, token: Token) -> Preparation:
    """Prepare the scenario of a token; raises `UnknownScenarioError` when there is none."""
    if token.case.scenario not in pool.inventory.scenarios:
        raise UnknownScenarioError(token.case.scenario, pool.inventory.scenarios)
    return pool.prepare(token.case.scenario, only=token.case.only)


def replay(
    pool: Pool, token: Token, *, times: int, directory: Path | None = None
) -> tuple[Preparation, list[CaseResult]]:
    """Run a token's case `times` times; the caller compares the fingerprints."""
    preparation = prepare(pool, token)
    results = [
        pool.replay(
            token.case,
            directory=directory if turn == times - 1 else None,
            token=str(token),
        )
        for turn in range(times)
    ]
    return preparation, results


def share_s(left_s: float, left_count: int, *, reserve_s: float, shares_max: int) -> float:
    """Return how long the next of `left_count` scenarios may take, of `left_s` seconds.

    Most need less than an even share, so one that needs more may have some of theirs; yet
    `reserve_s` stays for each of the others, and no scenario starves because it comes last.
    """
    even_s, others_s = left_s / left_count, (left_count - 1) * reserve_s
    return max(min(even_s * shares_max, left_s - others_s), 0)
