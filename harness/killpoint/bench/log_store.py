"""A small sound store for the measurements: a log of records, and a compaction of it.

A put appends one framed line and syncs it; a compaction writes what is live to a new file and
renames it over the log. Opening drops a torn last frame and a compaction that was not finished. It
is no example of how fast a store can be; it never answers before its bytes are durable.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Any

from killpoint.failpoints import declare, declare_effect, reach
from killpoint.scenario import FollowUp, Operation, PointSource, Scenario, functions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG = "log"
FRESH = "log.fresh"
PUTS_COUNT = 4

APPEND = declare_effect(
    "bench.append",
    "append",
    ("before", "written", "after"),
    durable="every record before this one",
    pending="the put",
)
COMPACT = declare_effect(
    "bench.compact",
    "put",
    ("before", "created", "written", "synced", "renamed", "after"),
    durable="every record, in the old log",
    pending="the compaction, which changes nothing that a reader sees",
)
DROP_TAIL = declare(
    "bench.drop_tail.before", durable="a torn frame at the end", pending="the recovery", rare=True
)
DROP_FRESH = declare(
    "bench.drop_fresh.before", durable="an unfinished log", pending="the recovery", rare=True
)


class LogStore:
    """A dictionary of short strings that survives a kill at any moment."""

    def __init__(self, root: Path) -> None:
        """Open the log below `root`, recovering first."""
        self._root = root
        self._log = os.open(root / LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self._values: dict[str, str] = {}
        self._recover()

    def _recover(self) -> None:
        if (self._root / FRESH).exists():
            reach(DROP_FRESH, FRESH)
            (self._root / FRESH).unlink()
        size = os.fstat(self._log).st_size
        whole = 0
        for line in os.pread(self._log, size, 0).splitlines(keepends=True):
            record = _record(line)
            if record is None:
                break
            self._values |= record
            whole += len(line)
        if whole < size:
            reach(DROP_TAIL, LOG)
            os.ftruncate(self._log, whole)

    def put(self, key: str, value: str) -> None:
        """Set a key; durable when it returns."""
        frame = reach(APPEND["before"], LOG, _frame({key: value}))
        os.write(self._log, frame)
        reach(APPEND["written"], LOG)
        os.fsync(self._log)
        reach(APPEND["after"], LOG)
        self._values[key] = value

    def compact(self) -> None:
        """Write the log anew, without what was overwritten."""
        frame = reach(COMPACT["before"], FRESH, _frame(self._values))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fresh = os.open(self._root / FRESH, flags)
        reach(COMPACT["created"], FRESH)
        os.write(fresh, frame)
        reach(COMPACT["written"], FRESH)
        os.fsync(fresh)
        reach(COMPACT["synced"], FRESH)
        (self._root / FRESH).rename(self._root / LOG)
        reach(COMPACT["renamed"], LOG)
        directory = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(directory)
        os.close(directory)
        reach(COMPACT["after"], LOG)
        os.close(self._log)
        self._log = fresh

    def values(self) -> dict[str, str]:
        """Return what a reader sees."""
        return dict(self._values)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._log)


def _frame(record: dict[str, str]) -> bytes:
    body = json.dumps(record, sort_keys=True).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _record(line: bytes) -> dict[str, str] | None:
    """Return what a frame holds, or None when it is not whole."""
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        return None
    record: dict[str, str] = json.loads(body)
    return record


def _put(number: int) -> Operation:
    return Operation(f"put {number}", lambda log: log.put(f"key {number % 3}", f"value {number}"))


def _operations(puts_count: int, rounds_count: int) -> Iterator[Operation]:
    for turn in range(rounds_count):
        for number in range(puts_count):
            yield _put(turn * puts_count + number)
        yield Operation("compact" if rounds_count == 1 else f"compact {turn}", LogStore.compact)


def _with_one_more(state: dict[str, Any]) -> dict[str, Any]:
    return state | {"one more": "x"}


def log_scenario(name: str, puts_count: int, *, rounds_count: int = 1) -> Scenario:
    """Return a workload of so many rounds, each of so many puts and a compaction."""
    return Scenario(
        name=name,
        system=functions(open=LogStore, observe=LogStore.values, close=LogStore.close),
        operations=tuple(_operations(puts_count, rounds_count)),
        follow_ups=(FollowUp("one more", lambda log: log.put("one more", "x"), _with_one_more),),
        points=frozenset({PointSource.DECLARED}),
    )


scenario = log_scenario("bench.log", PUTS_COUNT)
