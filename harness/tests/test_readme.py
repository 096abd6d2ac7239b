"""The README is run as it is written: its buggy store, its commands, its token."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from killpoint.cli import cli
from tests.shell import ROOT, Shell

README = (ROOT / "README.md").read_text()
STORE_LINES_MAX = 25
TOKEN = re.compile(r"k1/\S+~[0-9a-f]{4}")


@pytest.fixture
def mine(shell: Shell) -> Shell:
    """Return a directory with the README's own store in it."""
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    source = next(block for block in blocks if "class Log" in block)
    assert source.count("\n") <= STORE_LINES_MAX
    (shell.directory / "mine.py").write_text(source)
    return shell


def test_the_buggy_store_is_found_as_shown(mine: Shell) -> None:
    """What the README prints is what the command prints, but for how long it took."""
    done = mine.killpoint("run", "mine.py")

    assert done.returncode == 1, done.stdout
    for line in done.stdout.splitlines():
        if not re.search(r"\d/s|cases in", line):
            assert line in README


def test_its_token_replays_a_hundred_times(mine: Shell) -> None:
    """The token in the README still names the same case."""
    token = TOKEN.findall(README)[0]

    done = mine.killpoint("replay", token, "mine.py", "--times", "100")

    assert done.returncode == 1, done.stdout
    assert "the same in 100 of 100 replays" in done.stdout
    assert "warning" not in done.stdout


def test_its_story_is_told_as_shown(mine: Shell) -> None:
    """Explain prints the README's text, and exits with the verdict."""
    done = mine.killpoint("explain", TOKEN.findall(README)[0], "mine.py")

    assert done.returncode == 1
    assert done.stdout.strip() in README


def test_pytest_runs_the_same_file(mine: Shell) -> None:
    """The file is collected, fails, and the failure shows the token."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1", "mine.py"],
        cwd=mine.directory,
        env=mine.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert TOKEN.findall(README)[0] in done.stdout
    assert "1 failed" in done.stdout


def test_every_command_is_in_the_readme() -> None:
    """A command that nobody tells of does not exist."""
    missing = [name for name in cli.commands if f"killpoint {name}" not in README]

    assert [] == missing


def test_every_file_that_it_links_to_exists() -> None:
    """Links of the README lead somewhere."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    assert [] == [link for link in links if not (ROOT / Path(link)).exists()]
