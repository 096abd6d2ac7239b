"""Wrong engines are found, each by an invariant and not by a crash of its patch."""

from pathlib import Path

import pytest

from scenarios.planted import branches, graph, graph_schema, maintenance
from scenarios.planted.patch import Bug
from tests.shell import Shell

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
