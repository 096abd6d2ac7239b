"""Damage to a knowledge base is told by its own check; one that looks away is found."""

from pathlib import Path

import pytest

from tests.shell import Shell

KB = str(Path(__file__).parents[1] / "kb")
BLIND = """
from dataclasses import replace

from killpoint.scenario import nothing_to_verify
from scenarios.kb.writes import SCENARIOS

blind = replace(SCENARIOS[0], name="blind", verify=nothing_to_verify)
"""


@pytest.mark.parametrize(
    "damage",
    [
        "flip:wiki+index.md@1",
        "cut:wiki+summaries+essay.md@1",
        "stale:#9",
        "moved:raw+essay.md@1",
        "foreign:documents+almanac.json@1",
        "empty:kb.json@1",
        "moved:fence@1",
    ],
)
def test_each_sort_of_damage_is_named(shell: Shell, damage: str) -> None:
    """To a page, a document's own file, a lookup, an entry, the identity and the fence."""
    done = shell.killpoint("replay", f"k1/kb.add.short/{damage}~0000", KB, "--times", "1")

    assert 0 == done.returncode, done.stdout


def test_a_knowledge_base_that_is_not_checked_reads_wrong_pages_in_silence(shell: Shell) -> None:
    """So the check is what the test above rests on."""
    (shell.directory / "blind.py").write_text(BLIND)
    case = "k1/blind/flip:wiki+index.md@1~0000"
    done = shell.killpoint("replay", case, "blind.py", "--times", "1")

    assert 1 == done.returncode, done.stdout
    assert "nothing wrong is read in silence" in done.stdout
