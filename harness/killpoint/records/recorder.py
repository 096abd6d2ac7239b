"""Writes the record of a campaign while it runs, so that no ending loses what was learned.

`run.json` says incomplete from the first moment and is replaced whole each time. Rows and
summaries reach the disk at least once a second of events. It never overwrites another record,
and it never decides a verdict.
"""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING

from killpoint.errors import RecordError
from killpoint.events import CampaignFinished, CaseFinished, FailureKept
from killpoint.records.ledger import Ledger
from killpoint.records.rows import RowWriter, row_of, seal
from killpoint.records.store import RUN_NAME, why, write_points, write_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from killpoint.events import Event

FLUSH_PERIOD_S = 1.0


class Recorder:
    """A listener that keeps the record in `directory`, which it makes.

    Raises `RecordError` at once when nothing can be written there, or when another record is
    there already.
    """

    def __init__(self, directory: Path, *, now: Callable[[], float] = time.perf_counter) -> None:
        """Write the first `run.json`, which says that nothing is known yet."""
        self._directory = directory
        self._now = now
        self._ledger = Ledger()
        self._rows = RowWriter(directory)
        self._environment = _environment()
        self._finished = False
        if (directory / RUN_NAME).exists():
            raise RecordError(directory, "it holds the record of another run")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._write_summaries()
        except OSError as error:
            raise RecordError(directory, why(error)) from error
        self._flushed_s = now()

    def __call__(self, event: Event) -> None:
        """Take in one event; raises `RecordError` when the disk refuses it."""
        self._ledger(event)
        try:
            self._write(event)
        except OSError as error:
            self._finished = True
            self._rows.abandon()
            raise RecordError(self._directory, why(error)) from error

    def _write(self, event: Event) -> None:
        match event:
            case CaseFinished():
                self._rows.add(row_of(event))
                if self._now() - self._flushed_s >= FLUSH_PERIOD_S:
                    self._flush()
            case CampaignFinished():
                self._finish()
            case FailureKept():
                self._flush()
            case _:
                if self._now() - self._flushed_s >= FLUSH_PERIOD_S:
                    self._flush()

    def close(self) -> None:
        """Leave what is known so far readable, marked incomplete unless the last event came."""
        if self._finished:
            return
        self._finished = True
        try:
            self._rows.close()
            self._write_summaries()
        except OSError as error:
            self._rows.abandon()
            raise RecordError(self._directory, why(error)) from error

    def _finish(self) -> None:
        # The rows first: a run.json that says complete promises that they are all there.
        self._rows.close()
        seal(self._directory)
        self._write_summaries()
        self._finished = True

    def _flush(self) -> None:
        self._rows.flush()
        self._write_summaries()
        self._flushed_s = self._now()

    def _write_summaries(self) -> None:
        write_points(self._directory, self._ledger.points())
        run = replace(self._ledger.run(), environment=self._environment)
        write_run(self._directory, run)


def _environment() -> dict[str, str]:
    try:
        version = metadata.version("killpoint")
    except metadata.PackageNotFoundError:
        version = "not installed"
    return {
        "killpoint": version,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
