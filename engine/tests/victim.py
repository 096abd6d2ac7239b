"""A process that opens a store, does one piece of work, and may die of the plan in FAILPOINTS."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.tests.stores import WORK, open_store

if __name__ == "__main__":
    root, work, incarnation = sys.argv[1:]
    WORK[work](open_store(root if "://" in root else Path(root), int(incarnation)))
