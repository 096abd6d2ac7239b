"""Run the command line as a user would, in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

STORES = Path(__file__).parent / "stores"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Shell:
    """A working directory, and a scratch place that nobody else uses."""

    directory: Path

    @property
    def scratch(self) -> Path:
        """Where the campaign's stores live."""
        return self.directory / "scratch"

    def environment(self) -> dict[str, str]:
        """Return the environment of a command."""
        return {
            **os.environ,
            "KILLPOINT_SCRATCH": str(self.scratch),
            "COLUMNS": "80",
        }

    def killpoint(
        self, *arguments: str, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `killpoint` with these arguments; output and errors come together."""
        return subprocess.run(
            [sys.executable, "-m", "killpoint", *arguments],
            cwd=self.directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `killpoint` in a session of its own and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "killpoint", *arguments],
            cwd=self.directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
