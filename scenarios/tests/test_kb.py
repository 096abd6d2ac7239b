"""The knowledge base is sound under a short campaign, and each of its invariants can fail."""

from pathlib import Path

import pytest

from scenarios.kb.wrong import WRONG, Wrong
from tests.shell import Shell

KB = Path(__file__).parents[1] / "kb"

PLANTED = """
from scenarios.kb.wrong import WRONG
from scenarios.kb.writes import SCENARIOS as SOUND
from scenarios.planted.patch import planted

wrong = WRONG[{number}]
SCENARIOS = [planted(wrong.bug, each) for each in SOUND if each.name == wrong.scenario]
"""


def test_a_short_campaign_over_the_knowledge_base_passes(shell: Shell) -> None:
    """Every pair of one add is killed; nothing lies between two neighbouring points."""
    done = shell.killpoint("run", str(KB), "kb.add.short", "--depth", "0")

    assert done.returncode == 0, done.stdout
    assert "unbracketed calls 0" in " ".join(done.stdout.split())


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.bug.name)
def test_a_wrong_step_is_found_by_its_invariant(shell: Shell, wrong: Wrong) -> None:
    """One kill is enough to name the invariant that the step breaks."""
    (shell.directory / "planted.py").write_text(PLANTED.format(number=WRONG.index(wrong)))

    token = f"k1/planted.{wrong.bug.name}/kill:{wrong.kill}@1~0000"
    run = shell.killpoint("replay", token, "planted.py", "--times", "1")

    assert run.returncode == 1, run.stdout
    assert wrong.bug.expected in run.stdout
