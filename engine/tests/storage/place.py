"""A place to hold against the contract: an empty storage, and other ways to look at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.storage import Storage
from engine.tests.stores import DEADLINE_S, ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty storage, another handle on the same place, and the place's address.

    The address is for other processes; it is empty where there can be none.
    """

    storage: Storage
    again: Callable[[], Storage]
    url: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start another process that does what the words say; see `elsewhere`."""
        assert self.url, "no other process can look at this place: name the row in NOT_APPLICABLE"
        path = os.pathsep.join([str(ROOT / "harness"), str(ROOT), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.tests.storage.elsewhere", self.url, *words],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Close the storage, and end what a row that failed has left running."""
        self.storage.close()
        for process in self.started:
            with process:  # waits, and closes its pipe
                process.kill()

    def elsewhere(self, *words: str) -> str:
        """Let another process do it, and return what it says."""
        return finished(self.start(*words))


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for another process, and return what it said."""
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert 0 == process.returncode, said
    return said.strip()
