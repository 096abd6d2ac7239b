"""Shards united are the whole campaign, or it is said what is missing."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from killpoint.errors import RecordError
from killpoint.events import CampaignFinished, Event, FailureKept, ScenarioPrepared
from killpoint.merge import MixedRecordsError, merge
from killpoint.records import Record, Recorder, read_record
from killpoint.report import completeness
from killpoint.verdict import Verdict
from tests.campaigns import Made, events
from tests.shell import ROOT, STORES, Shell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def _write(directory: Path, stream: Iterable[Event]) -> Path:
    directory.mkdir(exist_ok=True)
    recorder = Recorder(directory)
    for event in stream:
        recorder(event)
    recorder.close()
    return directory


def _shard(tmp_path: Path, index: int, count: int, *, sound: bool = False) -> Path:
    directory = tmp_path / f"shard-{index}"
    made = Made(reports=directory, shard=(index, count), sound=sound)
    directory.mkdir()
    return _write(directory, events(made))


def _merged(tmp_path: Path, *shards: Path) -> tuple[Verdict, Record]:
    verdict = merge(shards, tmp_path / "whole")
    return verdict, read_record(tmp_path / "whole")


def test_all_shards_together_are_the_whole_campaign(tmp_path: Path) -> None:
    """Three shards give the tallies, the counts and the cases of one unsharded run."""
    shards = [_shard(tmp_path, index, 3, sound=True) for index in (1, 2, 3)]
    verdict, merged = _merged(tmp_path, *shards)
    whole = read_record(_write(tmp_path / "one", events(Made(reports=tmp_path, sound=True))))
    assert (Verdict.PASSED, True) == (verdict, merged.complete)
    assert [s.tallies for s in whole.run.scenarios] == [s.tallies for s in merged.run.scenarios]
    assert whole.run.cases_count == merged.run.cases_count == len(list(merged.rows()))
    assert completeness(whole.run) == completeness(merged.run)


def test_a_crash_that_two_shards_found_counts_once(tmp_path: Path) -> None:
    """Neighbouring pairs leave one image: its recovery is in both shards, and once in the union."""
    shards = [_shard(tmp_path, index, 3, sound=True) for index in (1, 2, 3)]
    in_shards = sum(read_record(each).run.scenarios[0].tally(1).pairs_done for each in shards)
    _, merged = _merged(tmp_path, *shards)
    assert 45 == merged.run.scenarios[0].tally(1).pairs_done < in_shards


def test_shards_of_real_kills_are_the_whole_at_every_depth(shell: Shell) -> None:
    """What one shard met in the workload and another in a recovery is one crash."""
    run = ("run", str(STORES / "recovering.py"), "recovering.early", "--depth", "2", "--no-measure")
    shell.killpoint(*run, "--reports", "whole")
    names = ["first", "second"]
    for number, name in enumerate(names, start=1):
        shell.killpoint(*run, "--shard", f"{number}/2", "--reports", name)
    shell.killpoint("merge", *(f"{name}/latest" for name in names), "--into", "united")

    whole, united = (read_record(shell.directory / name).run for name in ("whole/latest", "united"))
    shards = [read_record(shell.directory / f"{name}/latest").run for name in names]
    done = [
        [each for each in run.scenarios[0].tallies if each.pairs_total] for run in (whole, united)
    ]
    assert done[0] == done[1]
    assert {0, 1} == {each.depth for each in done[0]}
    assert 2 in {each.depth for shard in shards for each in shard.scenarios[0].tallies}
    assert whole.cases_count == united.cases_count < sum(each.cases_count for each in shards)


@pytest.mark.parametrize(
    "asked",
    [
        (str(ROOT / "harness/killpoint/bench/log_store.py"), "--strategy", "error"),
        (str(STORES / "drawn.py"), "shelf.sound", "--strategy", "fuzz", "--examples", "20"),
    ],
    ids=["error", "fuzz"],
)
def test_cases_that_differ_in_more_than_the_pair_are_not_united(
    shell: Shell, asked: tuple[str, ...]
) -> None:
    """A call that fails before, after and half way; and lives, many of which strike nothing."""
    for name in ("one", "two"):
        shell.killpoint("run", *asked, "--depth", "0", "--no-measure", "--reports", name)
    shell.killpoint("merge", "one/latest", "two/latest", "--into", "united")

    one, united = (read_record(shell.directory / name) for name in ("one/latest", "united"))
    distinct = {row.token for row in one.rows()}
    assert len(distinct) == united.run.cases_count > 10


def test_a_missing_shard_is_named_and_not_passed(tmp_path: Path) -> None:
    """Two of three sound shards do not make a pass."""
    shards = [_shard(tmp_path, index, 3, sound=True) for index in (1, 3)]
    verdict, merged = _merged(tmp_path, *shards)
    assert (Verdict.UNDECIDED, False) == (verdict, merged.complete)
    assert "shard 2/3 is missing" in merged.run.notes
    assert "INCOMPLETE: " in completeness(merged.run).sentence
    assert "a shard is missing or incomplete" in completeness(merged.run).sentence


def test_a_shard_that_was_killed_is_named_and_not_passed(tmp_path: Path) -> None:
    """What the killed shard left undone is missing in the union too."""
    first = _shard(tmp_path, 1, 2, sound=True)
    second = tmp_path / "shard-2"
    made = Made(reports=second, shard=(2, 2), sound=True)
    _write(second, islice(events(made), 12))
    verdict, merged = _merged(tmp_path, first, second)
    tally = merged.run.scenarios[0].tally(0)
    assert Verdict.UNDECIDED is verdict
    assert ("the record in shard-2 is incomplete",) == merged.run.notes
    assert (28, 30) == (tally.pairs_done, tally.pairs_total)


def test_the_worst_verdict_and_every_failure_survive(tmp_path: Path) -> None:
    """A failure of one shard fails the whole, with its directory and its token."""
    shards = [_shard(tmp_path, index, 2) for index in (1, 2)]
    verdict, merged = _merged(tmp_path, *shards)
    problem = merged.run.problems[0]
    (kept,) = problem.kept
    assert (Verdict.FAILED, "exactly one audit row") == (verdict, *problem.invariants)
    token = (tmp_path / "whole" / kept.directory / "token.txt").read_text()
    assert kept.token + "\n" == token
    assert 3 == len(merged.run.problems) == len(list((tmp_path / "whole/failures").iterdir()))


def test_the_same_record_twice_changes_nothing(tmp_path: Path) -> None:
    """A shard that was run again adds no pair, no failure and no case."""
    first = _shard(tmp_path, 1, 1)
    again = _write(tmp_path / "again", events(Made(reports=tmp_path / "again")))
    _, merged = _merged(tmp_path, first, again, first)
    alone = read_record(first).run
    assert alone.cases_count == merged.run.cases_count
    assert [s.tallies for s in alone.scenarios] == [s.tallies for s in merged.run.scenarios]
    assert [(p.signature, p.cases_count, len(p.kept)) for p in alone.problems] == [
        (p.signature, p.cases_count, len(p.kept)) for p in merged.run.problems
    ]


def test_cases_that_disagree_are_said_and_the_worst_counts(tmp_path: Path) -> None:
    """One case that passes here and fails there fails, and the note says that they differ."""
    sound = _write(tmp_path / "sound", events(Made(reports=tmp_path / "sound", sound=True)))
    broken = _write(tmp_path / "broken", events(Made(reports=tmp_path / "broken")))
    verdict, merged = _merged(tmp_path, sound, broken)
    assert Verdict.FAILED is verdict
    assert "3 cases came out differently" in merged.run.notes[0]
    assert 1 == merged.run.failures_count


def test_points_that_no_shard_reached_fail_the_whole(tmp_path: Path) -> None:
    """A point is never reached when every shard missed it; one shard alone proves nothing."""
    shards = []
    for index, missed in ((1, ("audit.put.renamed", "lost.point")), (2, ("lost.point",))):
        made = Made(
            reports=tmp_path / str(index), shard=(index, 2), sound=True, never_reached=missed
        )
        shards.append(_write(tmp_path / str(index), events(made)))
    verdict, merged = _merged(tmp_path, *shards)
    assert (Verdict.FAILED, ("lost.point",)) == (verdict, merged.run.never_reached)


def test_records_of_different_code_are_refused(tmp_path: Path) -> None:
    """A scenario with two fingerprints is not one scenario, and nothing is written."""
    first = _shard(tmp_path, 1, 2)
    made = Made(reports=tmp_path / "other", shard=(2, 2))
    other = (
        replace(e, fingerprint="0000") if isinstance(e, ScenarioPrepared) else e
        for e in events(made)
    )
    with pytest.raises(MixedRecordsError, match=r"graph\.load\.append hits other points") as caught:
        merge([first, _write(tmp_path / "other", other)], tmp_path / "whole")
    assert 2 == caught.value.exit_code
    assert not (tmp_path / "whole").exists()


def test_a_directory_outside_its_record_is_never_copied(tmp_path: Path) -> None:
    """A record from elsewhere cannot make a merge read what does not belong to it."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("private")
    stream = (
        replace(e, directory=tmp_path / "run" / ".." / "secret")
        if isinstance(e, FailureKept)
        else e
        for e in events(Made(reports=tmp_path / "run"))
    )
    _, merged = _merged(tmp_path, _write(tmp_path / "run", stream))
    assert [] == list((tmp_path / "whole").rglob("key"))
    assert 3 == len(merged.run.problems)


def test_an_older_record_is_never_overwritten(tmp_path: Path) -> None:
    """Merging into a directory that holds a record is refused; so is merging nothing."""
    first = _shard(tmp_path, 1, 1)
    with pytest.raises(RecordError, match="holds the record of another run"):
        merge([first], first)
    with pytest.raises(RecordError, match="no record was given"):
        merge([], tmp_path / "whole")


def test_a_merged_record_is_a_record_with_reports(tmp_path: Path) -> None:
    """It can be reported and merged again like any other."""
    shards = [_shard(tmp_path, index, 2) for index in (1, 2)]
    _merged(tmp_path, *shards)
    verdict = merge([tmp_path / "whole"], tmp_path / "again")
    names = {each.name for each in (tmp_path / "again").iterdir()}
    assert Verdict.FAILED is verdict
    assert {"index.html", "junit.xml", "summary.json", "summary.md", "cases.parquet"} <= names
    last = [e for e in events(Made(reports=tmp_path)) if isinstance(e, CampaignFinished)]
    assert last[0].cases_count == read_record(tmp_path / "again").run.cases_count
