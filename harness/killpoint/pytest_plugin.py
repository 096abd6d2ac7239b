"""Scenarios as pytest items: `pytest mine.py` runs what `killpoint run mine.py` runs.

A file is looked at when it is named on the command line or lies below a place that
`[tool.killpoint] scenarios` names, and mentions killpoint. Each scenario is one item; its cases
run in a campaign of their own process, so that xdist, capture and threads of pytest stay out of
the warm parent. It never makes one item a case: twenty thousand items cost more than their cases.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each with an entry of the configuration file beside it."""
    group = parser.getgroup("killpoint", "crash-recovery fault injection")
    for name, text in (
        ("depth", "how many kills inside recoveries a scenario item makes"),
        ("budget", "time for each scenario item, such as 30s"),
    ):
        group.addoption(f"--killpoint-{name}", help=text)
        parser.addini(f"killpoint_{name}", text)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Collect a file of scenarios, and leave every other file to others."""
    if file_path.suffix != ".py" or not _is_wanted(file_path, parent):
        return None
    source = file_path.read_bytes()
    if b"killpoint" not in source or b"Scenario" not in source:
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


def _is_wanted(file_path: Path, parent: pytest.Collector) -> bool:
    if file_path.name.startswith(("_", "test_", "conftest")):
        return False
    if parent.session.isinitpath(file_path):
        return True
    from killpoint.discovery import configured

    return any(place.resolve() in file_path.parents for place in configured(parent.config.rootpath))


class ScenarioFile(pytest.File):
    """A file with scenarios."""

    def collect(self) -> Iterable[ScenarioItem]:
        """Import the file and make an item of each scenario in it."""
        from killpoint.discovery import load
        from killpoint.errors import UsageError

        try:
            scenarios = load([self.path])
        except UsageError as error:
            raise self.CollectError(str(error)) from error
        for name in scenarios:
            yield ScenarioItem.from_parent(self, name=name)


class ScenarioFailedError(Exception):
    """A scenario did not pass; the text is what `killpoint run` printed."""


class ScenarioItem(pytest.Item):
    """One scenario, run to its end in a process of its own."""

    def runtest(self) -> None:
        """Run the campaign; what it printed becomes the failure's text."""
        reports = Path(self.config.rootpath) / "reports" / "pytest" / self.name
        command = [sys.executable, "-m", "killpoint", "run", str(self.path), self.name]
        command += ["--workers", "1", "--reports", str(reports)]
        for option in ("depth", "budget"):
            value = self.config.getoption(f"--killpoint-{option}") or self.config.getini(
                f"killpoint_{option}"
            )
            if value:
                command += [f"--{option}", value]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        tokens = [word for word in done.stdout.split() if word.startswith("k1/")]
        self.user_properties += [("killpoint_token", token) for token in tokens]
        if done.returncode != 0:
            raise ScenarioFailedError(done.stdout)
        self.add_report_section("call", "killpoint", done.stdout)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: object) -> str:
        """Show what the campaign printed, and no traceback of ours."""
        if isinstance(excinfo.value, ScenarioFailedError):
            return str(excinfo.value)
        return str(excinfo.getrepr())

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the item by its scenario."""
        return self.path, None, self.name
