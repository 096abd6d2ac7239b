"""Systems that are not ours: the sound ones hold, the ones documented as unsafe are found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from killpoint.sources import syscalls

if TYPE_CHECKING:
    from tests.shell import Shell

SCENARIOS = Path(__file__).parents[1]
SQLITE = str(SCENARIOS / "external" / "sqlite.py")
UNSOUND = {
    "sqlite.memory": str(SCENARIOS / "unsound" / "sqlite_memory.py"),
    "dumb_dbm.put": str(SCENARIOS / "unsound" / "dumb_dbm.py"),
}


@pytest.fixture(autouse=True)
def tracing() -> None:
    """These tests need a machine that lets them trace; where it does not, they would be empty."""
    assert syscalls.unavailable() == ""


@pytest.mark.parametrize(
    ("scenario", "bounds"),
    [
        ("sqlite.delete", ("--depth", "1")),
        ("sqlite.wal", ("--depth", "0")),
        ("sqlite.wal", ("--depth", "1", "--shard", "1/8")),
    ],
)
def test_sqlite_survives_every_kill(shell: Shell, scenario: str, bounds: tuple[str, ...]) -> None:
    """Both journals that promise to survive do, at every system call that changes a file."""
    done = shell.killpoint("run", SQLITE, scenario, *bounds)

    assert done.returncode == 0, done.stdout
    assert re.search(r"^complete.*: [1-9]\d* of \d+ pairs killed", done.stdout, re.MULTILINE)


def test_the_shared_memory_of_a_write_ahead_log_is_named_as_unseen(shell: Shell) -> None:
    """SQLite changes its index of the log through a mapping, which no call shows."""
    done = shell.killpoint("run", SQLITE, "sqlite.wal", "--depth", "0", "--shard", "1/50")

    note = "note     sqlite.wal: stores into the shared mapping of entries.db-shm are not seen"
    assert note in done.stdout


@pytest.mark.parametrize("scenario", sorted(UNSOUND))
def test_what_is_documented_as_unsafe_is_found_and_replays(shell: Shell, scenario: str) -> None:
    """The first token that is printed fails the same way twenty times in twenty."""
    file = UNSOUND[scenario]
    done = shell.killpoint("run", file, "--depth", "0")
    tokens = re.findall(rf"k1/{scenario}/\S+~[0-9a-f]{{4}}", done.stdout)

    assert (1, True) == (done.returncode, bool(tokens)), done.stdout
    again = shell.killpoint("replay", tokens[0], file, "--times", "20")
    assert again.returncode == 1, again.stdout
    assert "the same in 20 of 20 replays" in again.stdout


def test_a_short_token_strikes_the_call_with_that_number(shell: Shell) -> None:
    """Where names would be too long a token counts the calls of the recovery instead."""
    crash = "k1/sqlite.delete/kill:t0.unlink@1"
    named = shell.killpoint("explain", f"{crash}/recover:t0.fdatasync@1~0000", SQLITE)
    assert named.returncode == 0, named.stdout
    struck = re.search(r"recovery 1: (killed at .*)", named.stdout)

    stories = [
        shell.killpoint("explain", f"{crash}/recover:#{number}~0000", SQLITE).stdout
        for number in (1, 2)
    ]
    assert struck is not None
    assert [struck[1] in each for each in stories] == [False, True], stories
