"""Image mode: the bytes that SIGKILL leaves, from one process for all points of a recovery."""

import re
from pathlib import Path

import pytest

from killpoint.case import Means, Phase, Step
from killpoint.discovery import load
from killpoint.process.child import Nursery
from killpoint.process.runner import Runner
from tests.shell import STORES, Shell


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner over a store whose recovery writes twice."""
    scenario = load([STORES / "recovering.py"])["recovering.put"]
    prepared = Runner(scenario, Nursery(), tmp_path)
    prepared.prepare()
    return prepared


def steps(*points: tuple[str, int]) -> tuple[Step, ...]:
    """Return the workload's step and then those of recoveries."""
    return tuple(
        Step(phase=Phase.RECOVER if index else Phase.RUN, point=point, occurrence=occurrence)
        for index, (point, occurrence) in enumerate(points)
    )


@pytest.mark.parametrize("point", ["recovering.before_first", "recovering.before_second"])
def test_an_image_is_byte_for_byte_what_sigkill_leaves(runner: Runner, point: str) -> None:
    """At each point of the recovery, and again in the recovery from that."""
    crashed = ("recovering.after_intent", 1)
    for path in (steps(crashed, (point, 1)), steps(crashed, (point, 1), (point, 1))):
        by_image = runner.crashes.make(path, Means.IMAGE)
        by_kill = runner.crashes.make(path, Means.SIGKILL)

        assert by_kill.image.id == by_image.image.id
        assert by_kill.struck == by_image.struck
        assert by_kill.witness == by_image.witness


def test_a_recovery_with_threads_is_made_by_sigkill(tmp_path: Path) -> None:
    """One thread stands still, the others would run on: no photograph, and a note says why."""
    scenario = load([STORES / "recovering.py"])["recovering.threads"]
    runner = Runner(scenario, Nursery(), tmp_path)
    runner.prepare()

    crash = runner.crashes.make(
        steps(("recovering.after_intent", 1), ("recovering.before_first", 1)), Means.IMAGE
    )

    assert crash.ends[-1].killed
    assert crash.means is Means.SIGKILL
    assert "2 threads" in crash.note


def test_a_campaign_says_where_there_was_no_image_mode(shell: Shell) -> None:
    """The note reaches the user, and the pairs are still all killed."""
    done = shell.killpoint("run", str(STORES / "recovering.py"), "recovering.threads")

    assert "no image mode: the process has 2 threads" in " ".join(done.stdout.split())


def test_a_workload_is_photographed_when_that_is_asked_for(shell: Shell) -> None:
    """The pairs are the same and the verdict, too; the sentence says by which means."""
    file = str(STORES / "recovering.py")
    by_image = shell.killpoint("run", file, "recovering.put", "--images", "--no-measure")
    by_kill = shell.killpoint("run", file, "recovering.put", "--no-measure")

    pairs = re.compile(r"(\d+) of (\d+) pairs killed(?:, (\d+) of them by image)?")
    photographed = pairs.search(" ".join(by_image.stdout.split()))
    killed = pairs.search(" ".join(by_kill.stdout.split()))
    assert photographed is not None
    assert killed is not None
    assert killed.groups()[:2] == photographed.groups()[:2]
    assert (None, killed[1]) == (killed[3], photographed[3])
    assert by_kill.returncode == by_image.returncode
