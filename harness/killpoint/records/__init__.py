"""The record of a campaign: written while it runs, readable however it ended.

`Recorder(directory)` listens to a campaign; `read_record(directory)` reads what it left. A record
is `run.json` (settings, summaries, verdict, `complete`), the rows of all cases (`cases.arrow`
until the campaign is over, `cases.parquet` then), `points.json`, and `failures/<n>/`. It never
needs the process that wrote it to have ended well.
"""

from __future__ import annotations

from killpoint.records.ledger import Ledger
from killpoint.records.model import (
    CaseRow,
    Kept,
    Pair,
    Points,
    Problem,
    Run,
    ScenarioPoints,
    ScenarioRecord,
)
from killpoint.records.recorder import Recorder
from killpoint.records.store import Record, read_record

__all__ = [
    "CaseRow",
    "Kept",
    "Ledger",
    "Pair",
    "Points",
    "Problem",
    "Record",
    "Recorder",
    "Run",
    "ScenarioPoints",
    "ScenarioRecord",
    "read_record",
]
