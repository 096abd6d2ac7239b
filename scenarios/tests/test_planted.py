"""Wrong engines are found, each by an invariant and not by a crash of its patch."""

import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.planted import branches, graph, graph_schema, maintenance
from scenarios.planted.patch import Bug
from tests.shell import Shell

SCRIPT_LINES_MAX = 40
PLANTED = str(Path(__file__).parents[1] / "planted")


@pytest.mark.parametrize(
    "bug",
    [*graph.BUGS, *branches.BUGS, *graph_schema.BUGS, *maintenance.BUGS],
    ids=lambda bug: bug.name,
)
def test_a_planted_bug_is_found_by_its_invariant(shell: Shell, bug: Bug) -> None:
    """The campaign fails, names the invariant and prints a token that replays."""
    bounds = ("--depth", "0", "--no-measure", "--kept", "0")
    run = shell.killpoint("run", PLANTED, f"planted.{bug.name}", *bounds)

    assert run.returncode == 1, run.stdout
    assert bug.expected in run.stdout
    token = next(word for word in run.stdout.split() if word.startswith("k1/"))
    replay = shell.killpoint("replay", token, PLANTED, "--times", "2")
    assert replay.returncode == 1
    assert "the same in 2 of 2 replays" in replay.stdout


@pytest.mark.parametrize(
    ("file", "scenario", "said"),
    [
        ("planted/graph.py", "planted.sidecar_left", "look: the sidecar of operation"),
        ("unsound/dumb_dbm.py", "dumb_dbm.put", "made: a reader sees {}"),
    ],
)
def test_the_script_of_a_kept_failure_shows_it_without_a_harness(
    shell: Shell, file: str, scenario: str, said: str
) -> None:
    """It opens the kept crash as a user would, or makes it, and asks the scenario's invariant."""
    bounds = ("--depth", "0", "--no-measure", "--kept", "1", "--stop-at-first")
    shell.killpoint("run", str(Path(__file__).parents[1] / file), scenario, *bounds)
    script = shell.directory / "reports" / "latest" / "failures" / "1" / "show.py"

    done = subprocess.run(
        [sys.executable, str(script)], cwd="/", capture_output=True, text=True, check=False
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout
    assert len(script.read_text().splitlines()) <= SCRIPT_LINES_MAX
