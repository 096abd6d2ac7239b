"""Wrong engines are found, each by an invariant and not by a crash of its patch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from killpoint.discovery import files_of
from killpoint.process.pool import Pool
from killpoint.token import parse
from killpoint.verdict import Verdict
from scenarios.planted.catalogue import every_bug
from scenarios.planted.hunt import Find, hunt
from scenarios.planted.kb_journal import UNBOUND
from scenarios.planted.patch import Bug
from tests.shell import Shell

PLANTED = Path(__file__).parents[1] / "planted"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Return a worker that holds every planted scenario."""
    pool = Pool(workers_count=1, files=files_of([PLANTED]))
    yield pool
    pool.close()


@pytest.mark.parametrize("bug", every_bug(), ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_by_its_invariant(pool: Pool, bug: Bug) -> None:
    """A campaign's cases come to one that shows the invariant, and it shows it again."""
    hunted = hunt(pool, bug)

    assert hunted.expected is not None, hunted
    assert not hunted.expected.crashed
    token = parse(hunted.expected.token)
    pool.prepare(token.case.scenario)
    again = pool.replay(token.case)
    assert again.verdict is Verdict.FAILED
    assert bug.expected in {each.invariant for each in again.violations}


@pytest.mark.parametrize(
    ("evidence", "crashed"),
    [
        (("open raised UnboundLocalError: cannot access local variable 'unreadable'",), False),
        (("open raised AttributeError: 'NoneType' object has no attribute 'x'",), True),
        (("open raised NameError: name 'unreadable' is not defined",), True),
        (("the tree is another one", "open raised NameError: name 'x' is not defined"), False),
    ],
)
def test_only_the_words_of_the_bug_tell_its_mistake_from_one_of_the_patch(
    evidence: tuple[str, ...], *, crashed: bool
) -> None:
    """One bug is itself a mistake that Python notices; every other such mistake is a slip."""
    find = Find(number=1, token="", invariants=(), evidence=evidence, slip=UNBOUND)
    assert crashed == find.crashed


def test_a_planted_bug_is_found_on_the_command_line(shell: Shell) -> None:
    """The campaign fails, names the invariant and prints a token that replays."""
    run = shell.killpoint(
        "run", str(PLANTED), "planted.unswept", "--depth", "0", "--no-measure", "--kept", "0"
    )

    assert run.returncode == 1, run.stdout
    assert "no residue" in run.stdout
    token = next(word for word in run.stdout.split() if word.startswith("k1/"))
    replay = shell.killpoint("replay", token, str(PLANTED), "--times", "2")
    assert replay.returncode == 1
    assert "the same in 2 of 2 replays" in replay.stdout
