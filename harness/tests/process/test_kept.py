"""Handles that were open during a crash: they go on, or they are refused with an end."""

import pytest

from tests.shell import STORES, Shell

KEPT = str(STORES / "kept.py")


@pytest.mark.parametrize(
    ("scenario", "exit_code", "words"),
    [
        ("kept.sound", 0, "passed"),
        ("kept.careful", 0, "passed"),
        ("kept.stale", 1, "it succeeded, and state is 1, expected 2"),
        ("kept.stuck", 1, "after a fresh opening elsewhere it is still refused"),
        ("kept.wrecking", 1, "it succeeded, and reopening raised WreckedError"),
    ],
)
def test_a_kept_handle_goes_on_or_is_refused_once(
    shell: Shell, scenario: str, exit_code: int, words: str
) -> None:
    """A lost update, a refusal without end and a wreck are violations; one refusal is not."""
    done = shell.killpoint("run", KEPT, scenario, "--depth", "0", "--no-measure")

    assert exit_code == done.returncode, done.stdout
    assert words in " ".join(done.stdout.split())


def test_what_is_wrong_in_every_way_is_told_once(shell: Shell) -> None:
    """With all the operations that met it, and not a paragraph for each."""
    done = shell.killpoint("run", KEPT, "kept.stuck", "--depth", "0", "--no-measure")

    assert "step, another step: after a fresh opening elsewhere" in " ".join(done.stdout.split())
