"""The graph store is sound under a short campaign, and the sentence notices a missing point."""

from pathlib import Path

from tests.shell import Shell

GRAPH = Path(__file__).parents[1] / "graph"

WITHOUT_A_POINT = """
from engine.storage import calls, local
from scenarios.planted.patch import Bug, planted
from killpoint import failpoints


def plant() -> None:
    right = failpoints.reach

    def reach(point, footprint="", payload=None):
        return payload if point.name == "sidecar.put.synced" else right(point, footprint, payload)

    calls.reach = local.reach = reach


bug = Bug(
    name="deaf",
    mechanism="one point is never reached",
    expected="",
    plant=plant,
    about=("graph.load.append",),
)
SCENARIOS = planted(bug)
"""


def test_a_short_campaign_over_the_graph_store_passes(shell: Shell) -> None:
    """Every pair of one insert is killed; nothing lies between two neighbouring points."""
    done = shell.killpoint("run", str(GRAPH), "graph.insert", "--depth", "0")

    assert done.returncode == 0, done.stdout
    sentence = " ".join(done.stdout.split())
    assert "complete: 2" in sentence
    assert "unbracketed calls 0" in sentence


def test_a_point_taken_out_of_the_engine_turns_the_sentence_red(shell: Shell) -> None:
    """Two calls between neighbouring points are seen by strace, whatever the catalogue says."""
    (shell.directory / "deaf.py").write_text(WITHOUT_A_POINT)

    done = shell.killpoint("run", "deaf.py", "--depth", "0")

    sentence = " ".join(done.stdout.split())
    assert done.returncode != 0, done.stdout
    assert "INCOMPLETE" in sentence
    assert "unbracketed calls" in sentence
    assert "between sidecar.put.written and sidecar.put.renamed: 2 calls" in sentence
