"""Unites the records of shards into one, as if one machine had run everything.

Cases are the same when they strike the same pair of the workload in the same way, or the same point
in the recovery of the same crash, however deep each shard met it; of equal cases the worst counts.
What is left to do is what every shard left undone. A shard that is missing, or whose record is
incomplete, is named, and then the whole is not passed. It never changes the records that it reads.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from killpoint.case import Means
from killpoint.errors import RecordError, UsageError
from killpoint.events import Bracketing, DepthTally, StopReason
from killpoint.records import Kept, Problem, Record, Run, ScenarioRecord, read_record
from killpoint.records.ledger import ScenarioLedger
from killpoint.records.model import CaseRow, Points
from killpoint.records.store import RUN_NAME, why, write_points, write_rows, write_run
from killpoint.report import write_reports
from killpoint.token import tells_lives
from killpoint.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

KEPT_PER_SIGNATURE_MAX = 3
_STOP_RANK = {stop: rank for rank, stop in enumerate(StopReason)}

Key = tuple[str, str, str, int, str]


class MixedRecordsError(UsageError):
    """Records of different code: the same scenario hits other points."""

    def __init__(self, scenario: str, one: tuple[Path, str], other: tuple[Path, str]) -> None:
        """Name the scenario, and both records with their fingerprints."""
        super().__init__(
            f"these records cannot be merged: {scenario} hits other points in {one[0]} "
            f"(fingerprint {one[1]}) than in {other[0]} ({other[1]}). "
            "Give the records of the shards of one campaign, all run on the same code."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Union:
    """All rows without their duplicates, by scenario and depth, and how many disagreed."""

    rows: dict[tuple[str, int], list[CaseRow]]
    disagreeing: int


def merge(directories: Sequence[Path], into: Path) -> Verdict:
    """Write the united record, with all its reports, into the new directory `into`.

    Raises `MixedRecordsError` when the records cannot be of one campaign, and `RecordError` when
    one cannot be read or the new one cannot be written.
    """
    places = list(dict.fromkeys(each.resolve() for each in directories))
    records = [read_record(place) for place in places]
    if not records:
        raise RecordError(into, "no record was given to merge")
    _hold_fingerprints_equal(records)
    if (into / RUN_NAME).exists():
        raise RecordError(into, "it holds the record of another run")
    united = _unite(records)
    try:
        into.mkdir(parents=True, exist_ok=True)
        run = _write(records, united, into)
    except OSError as error:
        raise RecordError(into, why(error)) from error
    write_reports(into)
    return run.verdict


def _hold_fingerprints_equal(records: Sequence[Record]) -> None:
    seen: dict[str, tuple[Path, str]] = {}
    for record in records:
        for each in record.run.scenarios:
            if not each.prepared:
                continue
            here = (record.directory, each.fingerprint)
            known = seen.setdefault(each.name, here)
            if known[1] != each.fingerprint:
                raise MixedRecordsError(each.name, here, known)


def _unite(records: Sequence[Record]) -> _Union:
    rows: dict[Key, CaseRow] = {}
    disagreeing: set[Key] = set()
    for record in records:
        for row in record.rows():
            key = _key(row)
            known = rows.setdefault(key, row)
            if known.verdict is not row.verdict:
                disagreeing.add(key)
                if worst((known.verdict, row.verdict)) is row.verdict:
                    rows[key] = row
            elif row.depth < known.depth:
                rows[key] = row
    by_place: dict[tuple[str, int], list[CaseRow]] = {}
    for row in rows.values():
        by_place.setdefault((row.scenario, row.depth), []).append(row)
    return _Union(rows=by_place, disagreeing=len(disagreeing))


def _key(row: CaseRow) -> Key:
    """Return what a case strikes, and how. Without the key of a crash its token has to say it."""
    struck = row.token if row.depth or tells_lives(row.token) else ""
    if row.parent_key:
        struck = f"{row.parent_image} {row.parent_key}"
    return (row.scenario, struck, row.point, row.occurrence, row.fault)


def _write(records: Sequence[Record], united: _Union, into: Path) -> Run:
    names = list(dict.fromkeys(each.name for record in records for each in record.run.scenarios))
    ledgers = {name: _ledger(name, records) for name in names}
    places = sorted(united.rows, key=lambda place: (names.index(place[0]), place[1]))
    rows = [row for place in places for row in united.rows[place]]
    for row in rows:
        ledgers[row.scenario].add(row)
    for problem, kept in _kept(records, into):
        ledgers[problem.scenario].keep(problem.signature, kept)
    run = _run(records, united, ledgers)
    write_rows(into, (replace(row, index=number) for number, row in enumerate(rows, start=1)))
    write_points(
        into, Points(scenarios={name: ledger.points() for name, ledger in ledgers.items()})
    )
    write_run(into, run)
    return run


def _ledger(name: str, records: Sequence[Record]) -> ScenarioLedger:
    ledger = ScenarioLedger(name)
    for record in records:
        points = record.points.scenarios.get(name)
        if points is not None and points.pairs:
            bare = (replace(each, kills_count=0, recovery_kills_count=0) for each in points.pairs)
            ledger.prepare(ScenarioRecord(name=name, fingerprint=points.fingerprint), tuple(bare))
            break
    return ledger


def _run(records: Sequence[Record], united: _Union, ledgers: dict[str, ScenarioLedger]) -> Run:
    runs = [record.run for record in records]
    depth = max(run.depth for run in runs)
    missing = _missing_shards(runs)
    notes = [f"shard {index}/{count} is missing" for index, count in missing]
    notes += [
        f"the record in {record.directory.name} is incomplete"
        for record in records
        if not record.complete
    ]
    if united.disagreeing:
        notes.append(
            f"{united.disagreeing:,} cases came out differently in different records; "
            "the worst of each counts"
        )
    scenarios = tuple(
        _scenario(name, ledger, runs, united=united, depth=depth)
        for name, ledger in ledgers.items()
    )
    never_reached = _never_reached(runs)
    whole = not missing and all(run.complete for run in runs)
    verdicts = [run.verdict for run in runs]
    verdicts += [Verdict.FAILED] if never_reached else []
    verdicts += [] if whole else [Verdict.UNDECIDED]
    return Run(
        complete=whole,
        verdict=worst(verdicts),
        stop=_last_stop(run.stop for run in runs),
        strategy=" + ".join(sorted({run.strategy for run in runs if run.strategy})),
        workers_count=max(run.workers_count for run in runs),
        budget_s=max((run.budget_s for run in runs if run.budget_s is not None), default=None),
        depth=depth,
        settings=_common([run.settings for run in runs]),
        environment=_common([run.environment for run in runs]),
        scenarios=scenarios,
        problems=tuple(each for ledger in ledgers.values() for each in ledger.problems),
        cases_count=sum(each.cases_count for each in scenarios),
        failures_count=sum(each.failures_count for each in scenarios),
        undecided_count=sum(each.undecided_count for each in scenarios),
        elapsed_s=sum(run.elapsed_s for run in runs),
        never_reached=never_reached,
        notes=(*notes, *dict.fromkeys(note for run in runs for note in run.notes)),
        skipped=tuple(dict.fromkeys(each for run in runs for each in run.skipped)),
        merged=tuple(record.directory.name for record in records),
        # A record without them says nothing, and then nothing is said of the whole.
        canaries=tuple(each for each in runs[0].canaries if all(each in r.canaries for r in runs)),
    )


def _missing_shards(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """Return the shards that no record covers; none when any split is there as a whole."""
    counts = sorted({run.shard[1] for run in runs})
    missing = {
        count: [
            (index, count)
            for index in range(1, count + 1)
            if (index, count) not in {run.shard for run in runs}
        ]
        for count in counts
    }
    return min(missing.values(), key=len)


def _scenario(
    name: str, ledger: ScenarioLedger, runs: Sequence[Run], *, united: _Union, depth: int
) -> ScenarioRecord:
    parts = [(run, each) for run in runs for each in run.scenarios if each.name == name]
    records = [each for _, each in parts]
    prepared = [each for each in records if each.prepared]
    tallies = tuple(_tally(name, parts, united, each) for each in range(depth + 1))
    counted = ledger.record(depth_max=depth)
    return ScenarioRecord(
        name=name,
        verdict=worst([*(each.verdict for each in records), *ledger.verdicts()]),
        stop=_last_stop(each.stop for each in records),
        prepared=bool(prepared),
        finished=all(each.finished for each in records),
        fingerprint=prepared[0].fingerprint if prepared else "",
        operations=prepared[0].operations if prepared else (),
        pairs_total=tallies[0].pairs_total,
        bracketing=_bracketing([each.bracketing for each in prepared]),
        tallies=tallies,
        cases_count=counted.cases_count,
        failures_count=counted.failures_count,
        undecided_count=counted.undecided_count,
        elapsed_s=sum(each.elapsed_s for each in records),
        made_again_count=sum(each.made_again_count for each in records),
        run_twice_count=sum(each.run_twice_count for each in records),
        unequal_count=sum(each.unequal_count for each in records),
    )


def _tally(
    name: str, parts: Sequence[tuple[Run, ScenarioRecord]], united: _Union, depth: int
) -> DepthTally:
    rows = [row for row in united.rows.get((name, depth), ()) if row.first_point]
    struck = sum(row.struck for row in rows)
    return DepthTally(
        depth=depth,
        pairs_done=struck,
        pairs_total=struck + _undone(parts, depth),
        images_count=len({row.crash_image for row in rows if row.crash_image}),
        by_image_count=sum(row.struck and row.means is Means.IMAGE for row in rows),
    )


def _undone(parts: Sequence[tuple[Run, ScenarioRecord]], depth: int) -> int:
    """Return how many pairs the shards left undone, by the split that left the fewest.

    Records of the same shard are runs of the same pairs: the one that came further counts.
    """
    left: dict[tuple[int, int], int] = {}
    for run, record in parts:
        tally = record.tally(depth)
        undone = max(tally.pairs_total - tally.pairs_done, 0)
        left[run.shard] = min(left.get(run.shard, undone), undone)
    by_count: dict[int, list[int]] = {}
    for (_, count), undone in left.items():
        by_count.setdefault(count, []).append(undone)
    whole = [sum(each) for count, each in by_count.items() if len(each) == count]
    return min(whole or [sum(each) for each in by_count.values()])


def _bracketing(parts: Sequence[Bracketing]) -> Bracketing:
    measured = [each for each in parts if each.measured]
    if not measured:
        return parts[0] if parts else Bracketing(measured=False, why_not="not prepared")
    unbracketed = dict.fromkeys(call for each in measured for call in each.unbracketed)
    calls_count = max(each.calls_count for each in measured)
    return Bracketing(measured=True, calls_count=calls_count, unbracketed=tuple(unbracketed))


def _never_reached(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the points that every record misses: each shard passes only its own recoveries."""
    missed = [run.never_reached for run in runs if run.complete]
    return tuple(name for name in (missed[0] if missed else ()) if all(name in m for m in missed))


def _last_stop(stops: Iterable[StopReason]) -> StopReason:
    return max(stops, key=_STOP_RANK.__getitem__, default=StopReason.INTERRUPTED)


def _common(maps: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return what all agree on; a shard's own settings would mislead."""
    first, *others = maps
    return {
        name: value for name, value in first.items() if all(o.get(name) == value for o in others)
    }


def _kept(records: Sequence[Record], into: Path) -> Iterable[tuple[Problem, Kept]]:
    """Copy the kept failures, a few of each signature, under new numbers."""
    counts: dict[tuple[str, str], set[str]] = {}
    number = 0
    for record in records:
        for problem in record.run.problems:
            tokens = counts.setdefault((problem.scenario, problem.signature), set())
            for kept in problem.kept:
                if kept.token in tokens or len(tokens) >= KEPT_PER_SIGNATURE_MAX:
                    continue
                tokens.add(kept.token)
                number += 1
                yield problem, _copied(record.directory, kept, into, number)


def _copied(directory: Path, kept: Kept, into: Path, number: int) -> Kept:
    """Copy one directory, if it is inside its record; else leave it where it is."""
    source = directory / kept.directory
    if not source.is_dir() or not source.resolve().is_relative_to(directory.resolve()):
        return replace(kept, directory=str(source))
    place = f"failures/{number}"
    shutil.copytree(source, into / place, symlinks=True)
    return replace(kept, directory=place)
