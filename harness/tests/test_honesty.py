"""What is not decided does not pass: each way of fooling oneself is tried, as a user would."""

import re

import pytest

from tests.shell import STORES, Shell

HONESTY = str(STORES / "honesty.py")


@pytest.mark.parametrize(
    ("scenario", "exit_code", "word"),
    [
        ("honesty.sound", 0, "passed"),
        ("honesty.hang", 4, "a process passed its deadline"),
        ("honesty.raises", 4, "a check raised"),
        ("honesty.verifier_dies", 4, "the verifier died"),
        ("honesty.violated", 1, "at most one step"),
        ("honesty.empty", 4, "INCOMPLETE"),
        ("honesty.outside", 1, "nothing outside the root changes"),
        ("honesty.restless", 1, "reopening again changes nothing"),
        ("honesty.follow_up", 1, "the next operation works"),
        ("honesty.unprepared", 3, "must pass without any fault"),
    ],
)
def test_only_the_sound_scenario_passes(
    shell: Shell, scenario: str, exit_code: int, word: str
) -> None:
    """A hang, a raising check, a dead verifier and an empty enumeration are undecided."""
    done = shell.killpoint("run", HONESTY, scenario, "--depth", "0", "--no-measure")

    assert exit_code == done.returncode, done.stdout
    assert word in " ".join(done.stdout.split())


def test_a_point_that_never_fires_fails_the_whole_run(shell: Shell) -> None:
    """All scenarios of the file are run, and one declared point is passed by none."""
    done = shell.killpoint("run", str(STORES / "unreached.py"), "--no-measure")

    assert done.returncode == 1, done.stdout
    assert "never reached: unreached.never" in " ".join(done.stdout.split())


def test_a_fault_that_does_not_fire_is_undecided(shell: Shell) -> None:
    """The replay of a hit that does not happen says so and exits with 4."""
    done = shell.killpoint("replay", "k1/honesty.sound/kill:honesty.step@99~0000", HONESTY)

    assert done.returncode == 4, done.stdout
    assert "the fault did not fire" in done.stdout
    assert "now hits other points" in done.stdout


def test_two_runs_that_differ_are_not_explored(shell: Shell) -> None:
    """A workload that takes another path the second time cannot be enumerated."""
    done = shell.killpoint("run", str(STORES / "moody.py"), "--no-measure", "--workers", "1")

    assert done.returncode == 3, done.stdout
    assert "two runs without fault differ from hit 1 on" in done.stdout


def test_the_same_failure_has_the_same_token_with_any_number_of_workers(shell: Shell) -> None:
    """Workers do not change results."""
    found = [
        re.findall(
            r"k1/\S+~[0-9a-f]{4}",
            shell.killpoint("run", HONESTY, "honesty.violated", "--workers", count).stdout,
        )
        for count in ("1", "2")
    ]

    assert found[0]
    assert found[0] == found[1]


def test_a_replay_fails_a_hundred_times_in_a_hundred(shell: Shell) -> None:
    """Replay is exact."""
    run = shell.killpoint("run", HONESTY, "honesty.violated", "--depth", "0", "--no-measure")
    token = re.findall(r"k1/\S+~[0-9a-f]{4}", run.stdout)[0]

    done = shell.killpoint("replay", token, HONESTY, "--times", "100")

    assert done.returncode == 1
    assert "the same in 100 of 100 replays" in done.stdout
