"""The knowledge base is sound under a short campaign, and each of its invariants can fail."""

from pathlib import Path

import pytest

from killpoint import invariants
from scenarios.kb.invariants import INVARIANTS
from scenarios.planted.kb import BUGS, PLANTS
from scenarios.planted.patch import Bug
from tests.shell import Shell

KB = Path(__file__).parents[1] / "kb"
PLANTED = str(Path(__file__).parents[1] / "planted")


def test_a_short_campaign_over_the_knowledge_base_passes(shell: Shell) -> None:
    """Every pair of one add is killed; nothing lies between two neighbouring points."""
    done = shell.killpoint("run", str(KB), "kb.add.short", "--depth", "0")

    assert done.returncode == 0, done.stdout
    assert "unbracketed calls 0" in " ".join(done.stdout.split())


@pytest.mark.parametrize(("kill", "bug"), [(kill, bug) for _, kill, bug in PLANTS])
def test_a_wrong_step_is_found_by_its_invariant(shell: Shell, kill: str, bug: Bug) -> None:
    """One kill is enough to name the invariant that the step breaks."""
    run = shell.killpoint(
        "replay", f"k1/planted.{bug.name}/kill:{kill}@1~0000", PLANTED, "--times", "1"
    )

    assert run.returncode == 1, run.stdout
    assert bug.expected in run.stdout


def test_every_invariant_has_a_wrong_engine_that_turns_it_red() -> None:
    """The test above sees each of them in what is printed."""
    wanted = {each.name for each in INVARIANTS} | {
        invariants.all_or_nothing.name,
        invariants.CRASHED_STATE,
        invariants.INSIDE_THE_ROOT,
        invariants.KEPT_HANDLE,
        invariants.OPENS,
        invariants.UNTOUCHED_BY_REOPENING,
    }

    assert wanted == {bug.expected for bug in BUGS}
