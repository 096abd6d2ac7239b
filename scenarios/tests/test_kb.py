"""The knowledge base is sound under a short campaign, and each of its invariants can fail."""

from pathlib import Path

from killpoint import invariants
from scenarios.kb.invariants import INVARIANTS, what_has_ended_is_settled
from scenarios.planted.catalogue import every_bug
from tests.shell import Shell

KB = Path(__file__).parents[1] / "kb"


def test_a_short_campaign_over_the_knowledge_base_passes(shell: Shell) -> None:
    """Every pair of one add is killed; nothing lies between two neighbouring points."""
    done = shell.killpoint("run", str(KB), "kb.add.short", "--depth", "0")

    assert done.returncode == 0, done.stdout
    assert "unbracketed calls 0" in " ".join(done.stdout.split())


def test_every_invariant_has_a_wrong_engine_that_turns_it_red() -> None:
    """`test_planted` hunts each of them and sees the invariant named here."""
    wanted = {each.name for each in (*INVARIANTS, what_has_ended_is_settled)} | {
        invariants.all_or_nothing.name,
        invariants.CRASHED_STATE,
        invariants.INSIDE_THE_ROOT,
        invariants.KEPT_HANDLE,
        invariants.OPENS,
        invariants.UNTOUCHED_BY_REOPENING,
    }

    assert wanted <= {bug.expected for bug in every_bug() if bug.name.startswith("kb_")}
