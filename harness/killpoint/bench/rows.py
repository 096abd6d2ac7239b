"""The rows of the table, one function each: what is set against what, and how often.

The two sides of a row take turns, and every other round begins with the other side. Numbers and
targets are those of the design. It never prints, and it never leaves out a round.
"""

from __future__ import annotations

import gc
import itertools
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.bench import lengths
from killpoint.bench.errors import MeasureError
from killpoint.bench.ratio import Bound, Cost, Measured, Result, Round, Target, Unmeasured, median_s
from killpoint.bench.warm import Bed, Setting, case_killed, in_warm_process
from killpoint.errors import HarnessError
from killpoint.explore.kill import KillStrategy
from killpoint.failpoints import Point, declare, off, reach
from killpoint.process.pool import Pool
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from killpoint.case import Case

IN_ONE_PROCESS = Target(
    row=1,
    what="a case / its parts in two bare forks",
    bound=Bound.AT_MOST,
    ratio=1.5,
)
IN_FRESH_PROCESSES = Target(
    row=2,
    what="two fresh interpreters / a case",
    bound=Bound.AT_LEAST,
    ratio=10.0,
)
OFF = Target(
    row=3,
    what="a point that is off / an empty call",
    bound=Bound.AT_MOST,
    ratio=1.5,
)
LONG_WORKLOAD = Target(
    row=4,
    what="a case of 100 operations / of 5, image mode",
    bound=Bound.AT_MOST,
    ratio=1.25,
)
TWO_WORKERS = Target(
    row=5,
    what="one worker / two workers",
    bound=Bound.AT_LEAST,
    ratio=1.8,
)
CALLS_COUNT = 10_000
REPEATS_COUNT = 5
CORES_MIN = 2
BENCH_POINT = declare(
    "bench.nothing", durable="nothing", pending="nothing, it is reached for its price", rare=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How many rounds each row runs."""

    forks: int = 60
    interpreters: int = 12
    calls: int = 200
    lengths: int = 5
    workers: int = 7
    cases_a_round: int = 120


FULL = Amounts()
QUICK = Amounts(forks=4, interpreters=2, calls=10, lengths=1, workers=1, cases_a_round=20)
ROWS = (IN_ONE_PROCESS.row, IN_FRESH_PROCESSES.row, OFF.row, LONG_WORKLOAD.row, TWO_WORKERS.row)


def measure(rows: frozenset[int], setting: Setting, amounts: Amounts) -> Iterator[Result]:
    """Yield the result of each of these rows, in order, as soon as it is there."""
    every: tuple[tuple[Target, Callable[[], Measured]], ...] = (
        (IN_ONE_PROCESS, lambda: in_one_process(_beside(setting, "forks"), amounts)),
        (IN_FRESH_PROCESSES, lambda: in_fresh_processes(_beside(setting, "fresh"), amounts)),
        (OFF, lambda: point_off(amounts)),
        (LONG_WORKLOAD, lambda: long_workload(amounts)),
        (TWO_WORKERS, lambda: two_workers(setting, amounts)),
    )
    for target, run in every:
        if target.row in rows:
            try:
                yield run()
            except HarnessError as error:
                yield Unmeasured(target=target, why=str(error))


def _beside(setting: Setting, word: str) -> Setting:
    return replace(setting, directory=setting.directory / word)


def in_one_process(setting: Setting, amounts: Amounts) -> Measured:
    """Set a case of the harness against two bare forks that do its work."""
    rounds = in_warm_process(Bed.by_harness, Bed.by_forks, setting, amounts.forks)
    case_s, parts_s = median_s(rounds)
    note = f"{case_s * 1e3:.2f} ms / {parts_s * 1e3:.2f} ms, {1 / case_s:.0f} cases a second"
    return Measured(target=IN_ONE_PROCESS, rounds=rounds, note=note)


def in_fresh_processes(setting: Setting, amounts: Amounts) -> Measured:
    """Set two fresh interpreters that do a case's work against the harness."""
    rounds = in_warm_process(Bed.by_interpreters, Bed.by_harness, setting, amounts.interpreters)
    fresh_s, case_s = median_s(rounds)
    note = f"{fresh_s * 1e3:.0f} ms / {case_s * 1e3:.2f} ms"
    return Measured(target=IN_FRESH_PROCESSES, rounds=rounds, note=note)


def empty(point: Point, footprint: str = "", payload: object = None) -> None:
    """Do nothing, with the signature of `reach`."""


def point_off(amounts: Amounts) -> Measured:
    """Set a point that is off against an empty function; the bare loop is taken off both."""
    off()
    gc.disable()
    try:
        rounds = tuple(_called_round(turn) for turn in range(amounts.calls))
    finally:
        gc.enable()
    reach_s, empty_s = median_s(rounds)
    note = f"{reach_s * 1e9:.0f} ns / {empty_s * 1e9:.0f} ns"
    return Measured(target=OFF, rounds=rounds, note=note)


def _called_round(turn: int) -> Round:
    """Time both sides and the bare loop by turns, several times, and keep the fastest of each.

    A call costs less than a glance of anything else at the processor.
    """
    sides: tuple[Callable[..., object], ...] = (reach, empty) if turn % 2 else (empty, reach)
    spent_s: dict[object, list[float]] = {reach: [], empty: [], None: []}
    for _ in range(REPEATS_COUNT):
        for side in sides:
            spent_s[side].append(_call_s(side))
        spent_s[None].append(_loop_s())
    loop_s = min(spent_s[None])
    return Round(
        above=Cost(besides_s=min(spent_s[reach]) - loop_s),
        below=Cost(besides_s=min(spent_s[empty]) - loop_s),
    )


def _call_s(call: Callable[..., object]) -> float:
    payload = b"bytes that are about to be written"
    point = BENCH_POINT
    started = time.perf_counter()
    for _ in itertools.repeat(None, CALLS_COUNT):
        call(point, "log", payload)
    return (time.perf_counter() - started) / CALLS_COUNT


def _loop_s() -> float:
    started = time.perf_counter()
    for _ in itertools.repeat(None, CALLS_COUNT):
        pass
    return (time.perf_counter() - started) / CALLS_COUNT


def long_workload(amounts: Amounts) -> Measured:
    """Set the pairs of a workload of 100 operations against those of one of 5, in image mode.

    Always of the log store, which can be made as long as one likes; every pair of the workload is
    a case, as in a campaign. Killed one by one, a case pays for all operations before it.
    """
    pool = Pool(workers_count=1, files=(Path(lengths.__file__),))
    try:
        rounds = []
        for number in range(amounts.lengths):
            order = (lengths.long.name, lengths.short.name)
            spent_s = {
                name: _pairs_s(pool, name, images=True)
                for name in (order if number % 2 else reversed(order))
            }
            above_s, below_s = (spent_s[name] for name in order)
            rounds.append(Round(above=Cost(besides_s=above_s), below=Cost(besides_s=below_s)))
        killed_s = _pairs_s(pool, lengths.long.name, images=False)
    finally:
        pool.close()
    long_s, short_s = median_s(tuple(rounds))
    note = (
        f"{long_s * 1e3:.2f} ms / {short_s * 1e3:.2f} ms; by SIGKILL alone, 100 operations"
        f" cost {killed_s * 1e3:.2f} ms"
    )
    return Measured(target=LONG_WORKLOAD, rounds=tuple(rounds), note=note)


def _pairs_s(pool: Pool, name: str, *, images: bool) -> float:
    """Return the cost of a case, over all pairs of a workload."""
    hits = [hit.point for hit in pool.prepare(name, images=images, every=not images).hits]
    cases = KillStrategy(scenario=name, hits=hits, depth=0).propose()
    return _pool_s(pool, cases) / len(cases)


def two_workers(setting: Setting, amounts: Amounts) -> Measured:
    """Set a pool of one worker against a pool of two, on the same cases."""
    cores_count = len(os.sched_getaffinity(0))
    if cores_count < CORES_MIN:
        raise MeasureError(setting.name, f"two workers need two cores, and there is {cores_count}")
    one = Pool(workers_count=1, files=(setting.file,))
    try:
        two = Pool(workers_count=2, files=(setting.file,))
        try:
            rounds = _pooled_rounds(setting.name, one, two, amounts)
        finally:
            two.close()
    finally:
        one.close()
    one_s, two_s = median_s(rounds)
    note = f"{1 / one_s:.0f} / {1 / two_s:.0f} cases a second"
    return Measured(target=TWO_WORKERS, rounds=rounds, note=note)


def _pooled_rounds(name: str, one: Pool, two: Pool, amounts: Amounts) -> tuple[Round, ...]:
    turns = itertools.count(1)
    operations_count = {len(pool.prepare(name, every=True).operations) for pool in (one, two)}.pop()
    rounds = []
    # One round more than is kept: in the first, every recovered image is a new one.
    for number in range(amounts.workers + 1):
        spent_s = {}
        for pool in (one, two) if number % 2 else (two, one):
            cases = [
                case_killed(name, index % operations_count + 1, next(turns))
                for index in range(amounts.cases_a_round)
            ]
            spent_s[pool] = _pool_s(pool, cases) / len(cases)
        rounds.append(Round(above=Cost(besides_s=spent_s[one]), below=Cost(besides_s=spent_s[two])))
    return tuple(rounds[1:])


def _pool_s(pool: Pool, cases: list[Case]) -> float:
    started = time.perf_counter()
    results = list(pool.run(cases))
    elapsed_s = time.perf_counter() - started
    wrong = [each for each in results if each.verdict is not Verdict.PASSED]
    if wrong:
        raise MeasureError(cases[0].scenario, f"a case {wrong[0].verdict}: {wrong[0].signature}")
    return elapsed_s
