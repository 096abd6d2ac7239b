"""Shrinking: what a failure does not need goes, and what is left fails in the same way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from killpoint.process.pool import Pool
from killpoint.shrink import Bounds, shrink
from killpoint.token import parse
from killpoint.verdict import Verdict
from tests.shell import STORES, Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

SHRINKABLE = str(STORES / "shrinkable.py")
TOKEN = re.compile(r"k1/\S+~[0-9a-f]{4}")
WORDS = "k1/shrinkable.words/"
CREATED = "shrinkable.truncate.created"


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Return a worker that holds the stores, with a place of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KILLPOINT_SCRATCH", str(tmp_path_factory.mktemp("scratch")))
        workers = Pool(workers_count=1, files=(STORES / "shrinkable.py",))
        yield workers
        workers.close()


@pytest.mark.parametrize(
    ("token", "shrunk", "said"),
    [
        (
            f"{WORDS}kill:{CREATED}@5/recover:shrinkable.opened@1~fd18",
            f"{WORDS}only:3,4/kill:{CREATED}@3~d57b",
            "dropped the step recover:shrinkable.opened@1",
        ),
        (
            f"{WORDS}eio:{CREATED}@6~fd18",
            f"{WORDS}only:1,5/kill:{CREATED}@2~7ec8",
            f"turned eio into kill at {CREATED}",
        ),
        (
            f"k1/shrinkable.tied/kill:{CREATED}@4~aa10",
            f"k1/shrinkable.tied/only:1,3/kill:{CREATED}@2~7ed9",
            f"took occurrence 2 of {CREATED}, not 3",
        ),
        (f"{WORDS}kill:#20~fd18", f"{WORDS}only:1,3/kill:{CREATED}@2~7ed9", "dropped operation"),
    ],
)
def test_what_a_failure_does_not_need_goes(pool: Pool, token: str, shrunk: str, said: str) -> None:
    """Steps, errors, operations and occurrences; twice the same, and it fails in the same way."""
    case = parse(token).case
    found = shrink(pool, case)

    assert shrunk == str(found.token)
    assert said in " ".join(found.dropped)
    assert found.result.verdict is Verdict.FAILED
    assert found.result.wrong == pool.replay(case).wrong
    assert found.dropped == shrink(pool, case).dropped


def test_an_operation_that_others_need_stays(pool: Pool) -> None:
    """A shorter workload that fails without any fault is no smaller case of this failure."""
    case = parse(f"k1/shrinkable.tied/kill:{CREATED}@2~aa10").case

    assert f"k1/shrinkable.tied/only:1,2/kill:{CREATED}@2~7ec8" == str(shrink(pool, case).token)


def test_a_bound_ends_it_and_is_named(pool: Pool) -> None:
    """What was found by then stands."""
    case = parse(f"{WORDS}kill:{CREATED}@5/recover:shrinkable.opened@1~fd18").case

    found = shrink(pool, case, bounds=Bounds(cases_max=4))

    assert ("4 cases", 4) == (found.bound, found.cases_count)
    assert found.result.verdict is Verdict.FAILED


def test_the_command_prints_what_went_and_exits_with_the_verdict(shell: Shell) -> None:
    """The last lines are the token to go on with, and what it took to find it."""
    token = f"{WORDS}kill:{CREATED}@5/recover:shrinkable.opened@1~fd18"

    done = shell.killpoint("shrink", token, SHRINKABLE)

    assert done.returncode == 1, done.stdout
    # What it takes over two seconds for is told on the way, with the smallest token so far.
    assert f"{WORDS}only:3,4/kill:{CREATED}@3~d57b" == TOKEN.findall(done.stdout)[-1]
    assert "dropped the step recover:shrinkable.opened@1" in done.stdout
    assert re.search(r"ran +\d+ cases", done.stdout)


def test_the_shrunk_token_replays_and_is_explained(shell: Shell) -> None:
    """It names its operations, and everything else is that of the scenario."""
    token = f"{WORDS}only:3,4/kill:{CREATED}@3~d57b"

    replay = shell.killpoint("replay", token, SHRINKABLE, "--times", "10")
    story = shell.killpoint("explain", token, SHRINKABLE)

    assert "the same in 10 of 10 replays" in replay.stdout
    assert "warning" not in replay.stdout
    assert "add three: acknowledged, so it must be there" in story.stdout
    assert "add one" not in story.stdout


def test_a_case_that_does_not_fail_is_not_shrunk(shell: Shell) -> None:
    """It says so and passes."""
    done = shell.killpoint("shrink", f"{WORDS}kill:shrinkable.opened@1~fd18", SHRINKABLE)

    assert done.returncode == 0, done.stdout
    assert "nothing to shrink: the case does not fail (passed)." in done.stdout


def test_a_token_with_operations_that_there_are_not_is_refused(shell: Shell) -> None:
    """The sentence names the numbers."""
    done = shell.killpoint("shrink", f"{WORDS}only:1,9/kill:{CREATED}@2~fd18", SHRINKABLE)

    assert done.returncode == 2, done.stdout
    assert "keeps operation 1, 9 of shrinkable.words, which has 6" in done.stdout
