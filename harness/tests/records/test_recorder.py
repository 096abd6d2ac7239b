"""The record of a campaign is true at every moment, and readable however the campaign ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest

from killpoint.case import Case
from killpoint.errors import RecordError
from killpoint.events import CampaignFinished, CampaignStarted, FailureKept, StopReason
from killpoint.records import Record, Recorder, read_record
from killpoint.records.rows import STREAM_NAME, TABLE_NAME
from killpoint.verdict import Verdict
from tests.campaigns import EVIDENCE, Made, events, until

ROOT = Path(__file__).parents[3]
RECORD_AND_WAIT = """
import sys
from collections import deque
from pathlib import Path
from tests.campaigns import Made, events
from killpoint.events import FailureKept
from killpoint.records import Recorder
directory = Path(sys.argv[1])
recorder = Recorder(directory)
for event in events(Made(reports=directory)):
    recorder(event)
    if isinstance(event, FailureKept):
        print("here", flush=True)
        sys.stdin.read()
"""


def _recorded(directory: Path) -> Record:
    recorder = Recorder(directory)
    for event in events(Made(reports=directory)):
        recorder(event)
    return read_record(directory)


def test_a_record_says_incomplete_before_anything_has_run(tmp_path: Path) -> None:
    """What is on disk first is the worst that can be said."""
    Recorder(tmp_path / "run")
    record = read_record(tmp_path / "run")
    assert (False, Verdict.UNDECIDED) == (record.complete, record.run.verdict)
    assert [] == list(record.rows())


def test_a_finished_campaign_leaves_one_table_with_every_case(tmp_path: Path) -> None:
    """The stream becomes a Parquet file, and the counts agree with its rows."""
    record = _recorded(tmp_path)
    rows = list(record.rows())
    assert record.complete
    assert (False, True) == ((tmp_path / STREAM_NAME).exists(), (tmp_path / TABLE_NAME).exists())
    assert record.run.cases_count == len(rows)
    assert record.run.failures_count == sum(row.verdict is Verdict.FAILED for row in rows)
    assert Verdict.FAILED is record.run.verdict


def test_a_row_says_what_was_struck_and_what_was_found(tmp_path: Path) -> None:
    """A failed case can be understood from its row alone."""
    (row,) = [row for row in _recorded(tmp_path).rows() if row.verdict is Verdict.FAILED]
    assert ("sidecar.delete.before@1", "audit.put.after", 1) == (
        row.first_pair,
        row.point,
        row.occurrence,
    )
    assert (1, ("exactly one audit row",), EVIDENCE) == (row.depth, row.invariants, row.detail)
    assert (32, 32) == (len(row.parent_image), len(row.crash_image))
    assert 3 == row.recovery_hits_count


def test_a_kept_failure_comes_back_whole(tmp_path: Path) -> None:
    """The result in `run.json` is the result that the loop gave."""
    made = Made(reports=tmp_path)
    (kept,) = [e for e in until(events(made), FailureKept) if isinstance(e, FailureKept)]
    problems = _recorded(tmp_path).run.problems
    (read,) = problems[0].kept
    assert (kept.token, kept.result) == (read.token, read.result)
    assert "failures/1" == read.directory
    assert isinstance(read.result.case, Case)


def test_sigkill_leaves_a_readable_record_that_says_incomplete(tmp_path: Path) -> None:
    """A campaign that is killed in the middle loses at most its last second."""
    process = subprocess.Popen(
        [sys.executable, "-c", RECORD_AND_WAIT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'harness'}:{ROOT}"},
    )
    with process:
        assert process.stdout is not None
        assert "here\n" == process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    record = read_record(tmp_path)
    assert -signal.SIGKILL == process.returncode
    assert (False, Verdict.UNDECIDED) == (record.complete, record.run.verdict)
    assert 75 == len(list(record.rows())) == record.run.cases_count
    assert 1 == record.run.failures_count == len(record.run.problems[0].kept)


def test_a_torn_stream_reads_as_the_batches_before_the_tear(tmp_path: Path) -> None:
    """Wherever the stream ends, what is read is a beginning of what was written."""
    recorder = Recorder(tmp_path, now=iter(range(10_000)).__next__)
    for event in until(events(Made(reports=tmp_path)), FailureKept):
        recorder(event)
    recorder.close()
    stream = tmp_path / STREAM_NAME
    content = stream.read_bytes()
    whole = [row.token for row in read_record(tmp_path).rows()]
    lengths = set()
    for cut in (*range(0, len(content), 2_000), len(content) - 1):
        stream.write_bytes(content[:cut])
        tokens = [row.token for row in read_record(tmp_path).rows()]
        assert whole[: len(tokens)] == tokens
        lengths.add(len(tokens))
    assert {0, 1, len(whole)} <= lengths


def test_an_interrupted_campaign_stays_incomplete(tmp_path: Path) -> None:
    """Ctrl-C ends the record in good order, but what it holds is not the whole."""
    recorder = Recorder(tmp_path)
    for event in until(events(Made(reports=tmp_path)), FailureKept):
        recorder(event)
    recorder(
        CampaignFinished(
            verdict=Verdict.FAILED,
            stop=StopReason.INTERRUPTED,
            cases_count=75,
            failures_count=1,
            undecided_count=0,
            elapsed_s=1.0,
            never_reached=(),
        )
    )
    record = read_record(tmp_path)
    assert (False, StopReason.INTERRUPTED) == (record.complete, record.run.stop)
    assert 75 == len(list(record.rows()))


def test_a_closed_recorder_has_written_all_it_heard(tmp_path: Path) -> None:
    """When the campaign itself breaks, closing leaves the rows; closing again does nothing."""
    recorder = Recorder(tmp_path, now=lambda: 0.0)
    heard = list(events(Made(reports=tmp_path)))[:9]
    for event in heard:
        recorder(event)
    recorder.close()
    recorder.close()
    assert 7 == len(list(read_record(tmp_path).rows()))
    assert not read_record(tmp_path).complete


def test_another_record_is_never_overwritten(tmp_path: Path) -> None:
    """A second campaign into the same directory is refused before it runs."""
    Recorder(tmp_path)
    with pytest.raises(RecordError, match="holds the record of another run"):
        Recorder(tmp_path)


def test_a_directory_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    """The user hears it as one sentence with exit code 3, before any case is run."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"Not a directory\. Check the path") as caught:
        Recorder(tmp_path / "file" / "run")
    assert 3 == caught.value.exit_code


def test_a_full_disk_is_said_and_keeps_what_was_written(tmp_path: Path) -> None:
    """The rows have no room; the summary of before is still there and says incomplete."""
    (tmp_path / STREAM_NAME).symlink_to("/dev/full")
    recorder = Recorder(tmp_path)
    with pytest.raises(RecordError, match="No space left on device"):
        deque(map(recorder, events(Made(reports=tmp_path))), maxlen=0)
    recorder.close()
    assert not read_record(tmp_path).complete


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    """A directory without a record, a damaged one and one of another format each say so."""
    with pytest.raises(RecordError, match=r"there is no run\.json"):
        read_record(tmp_path)
    (tmp_path / "run.json").write_text('{"format": 1, "verdict": "splendid"}')
    with pytest.raises(RecordError, match="it is damaged"):
        read_record(tmp_path)
    (tmp_path / "run.json").write_text('{"format": 2}')
    with pytest.raises(RecordError, match="its format is 2, and this version reads 1"):
        read_record(tmp_path)


def test_the_settings_are_there_from_the_first_second(tmp_path: Path) -> None:
    """A campaign that dies early can still be started again from its record."""
    recorder = Recorder(tmp_path, now=iter(range(100)).__next__)
    for event in until(events(Made(reports=tmp_path, shard=(1, 2))), CampaignStarted):
        recorder(event)
    run = read_record(tmp_path).run
    recorder.close()
    assert ("kill", 1, (1, 2), {"what": "mine.py"}) == (
        run.strategy,
        run.depth,
        run.shard,
        run.settings,
    )
    assert ["graph.load.append", "kb.add.short", "log.put"] == [s.name for s in run.scenarios]
