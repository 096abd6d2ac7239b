"""Wrong engines are found, each by an invariant and not by a crash of its patch.

`make planted` hunts all of them and writes the track record, `make track` replays that. Here it is
held that the record leaves none out, and that hunting and replaying can fail.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from killpoint.case import Case, Life, Phase, Step
from killpoint.discovery import files_of
from killpoint.failpoints import Hit
from killpoint.process.pool import Pool
from scenarios.planted import track
from scenarios.planted.catalogue import MODULES, OPEN, REQUIRED, SHOWN, every_bug
from scenarios.planted.drawn import FINDS_MIN, Drawn
from scenarios.planted.fuzzed import PAIRINGS
from scenarios.planted.hunt import Find, Hunt, hunt
from scenarios.planted.kb_journal import UNBOUND
from scenarios.planted.random_kills import Luck, per_hit, timed
from scenarios.planted.workers import PLANTED, answers
from tests.shell import Shell

SCRIPT_LINES_MAX = 40
BUGS = {bug.name: bug for bug in every_bug()}
HITS = tuple(Hit("a.x", n, "") for n in range(1, 11))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Return a worker that holds every planted scenario."""
    pool = Pool(workers_count=1, files=files_of([PLANTED]))
    yield pool
    pool.close()


def test_every_planted_bug_is_on_the_track_record_by_its_invariant() -> None:
    """Whoever plants a bug has it found before; the name of its invariant is what was expected."""
    record = track.tokens(track.PAGE.read_text())
    drawn = {name for name in record if name.startswith("drawn.")}

    expected = {name: bug.expected for name, bug in BUGS.items()}
    assert expected == {name: record[name].invariant for name in record.keys() - drawn}


def test_what_was_drawn_is_on_the_track_record() -> None:
    """As many as the strategy is to find at least, each by the invariant that was expected."""
    record = track.tokens(track.PAGE.read_text())
    expected = {f"drawn.{each.bug.name}": each.bug.expected for each in PAIRINGS}
    drawn = {name: each.invariant for name, each in record.items() if name in expected}

    assert len(drawn) >= FINDS_MIN
    assert drawn == {name: expected[name] for name in drawn}
    assert {name for name in record if name.startswith("drawn.")} == drawn.keys()


@pytest.mark.parametrize(
    ("lives", "steps_count", "is_small"),
    [(("abc",), 2, "yes"), (("ab", "ab"), 2, "no"), (("a",), 3, "no")],
    ids=["three operations", "four in two lives", "three faults"],
)
def test_a_find_is_small_or_is_not_counted(
    lives: tuple[str, ...], steps_count: int, is_small: str
) -> None:
    """Three operations and two faults at most; what was not found is not small."""
    step = Step(phase=Phase.RUN, point="a.x", occurrence=1)
    case = Case(
        scenario="s",
        steps=(step,) * steps_count,
        lives=tuple(Life(operations=each) for each in lives),
    )

    found = Drawn(pairing=PAIRINGS[0], examples_count=1, case=case)
    assert found.small is (is_small == "yes")
    assert not Drawn(pairing=PAIRINGS[0], examples_count=300).small


def test_every_planted_file_is_in_the_catalogue() -> None:
    """A bug that is planted and not listed would be hunted by nobody."""
    planting = {file.stem for file in PLANTED.glob("*.py") if "\nSCENARIOS" in file.read_text()}

    assert planting == {module.__name__.rpartition(".")[2] for module in MODULES}
    assert len(BUGS) == len(every_bug())


def test_a_historical_row_is_found_or_open_and_never_both() -> None:
    """Open rows wait for a strategy; none of them is required."""
    found = {row for bug in every_bug() for row in bug.rows} | {one.row for one in SHOWN}
    waiting = Counter(one.row for one in OPEN)

    assert set() == found & waiting.keys()
    assert set() == waiting.keys() & {*REQUIRED}
    assert {1} == set(waiting.values())


def test_a_hunt_ends_with_the_first_case_that_shows_what_is_expected(pool: Pool) -> None:
    """It says which case that was, and what it showed."""
    found = hunt(pool, BUGS["unswept"])

    assert found.found
    assert found.expected is not None
    assert "no residue" in found.expected.invariants
    assert found.cases_count == found.expected.number


def test_a_patch_that_cannot_run_is_not_taken_for_a_find() -> None:
    """What Python raises for a slip in the code says nothing of the bug."""
    slip = Find(number=1, token="", invariants=("opens",), evidence=("TypeError: no",))
    real = replace(slip, evidence=("TypeError: no", "a row is missing"))
    hunted = Hunt(bug=BUGS["unswept"])

    hunted.first = slip
    assert not hunted.found
    hunted.first = real
    assert hunted.found


def test_a_token_that_no_longer_shows_its_invariant_is_noticed(pool: Pool) -> None:
    """Neither another invariant nor a pass will do."""
    recorded = track.tokens(track.PAGE.read_text())["unswept"]

    assert track.why_not(pool, recorded) == ""
    assert "not 'another'" in track.why_not(pool, replace(recorded, invariant="another"))


def test_who_asks_nothing_is_answered_nothing() -> None:
    """As when bugs are chosen by name, and none of them is drawn for."""
    assert [] == list(answers(lambda _, asked: asked, [], workers_count=2))


def test_random_kills_are_drawn_alike_from_equal_numbers() -> None:
    """Per hit most runs die early or not at all; timed ones as the time is spread."""
    when = {(hit.point, hit.occurrence): hit.occurrence / 10 for hit in HITS}

    def places(number: int) -> tuple[list[object], list[object]]:
        chance, again = random.Random(number), random.Random(number)
        return [*islice(per_hit(HITS, chance), 50)], [*islice(timed(HITS, when, again), 50)]

    assert places(1) == places(1)
    assert places(1) != places(2)
    assert {None} < {*places(1)[0]}
    assert {*places(1)[1]} <= {*when}


def test_luck_says_how_often_nothing_was_found() -> None:
    """A median over what was found alone would flatter."""
    assert str(Luck(counts=(3, 5, None))) == "4 (missed 1 of 3)"
    assert str(Luck(counts=(None, None))) == "missed"


def test_answers_come_in_the_order_of_what_was_asked() -> None:
    """Whichever worker was faster."""
    asked = [f"planted.unswept.{name}" for name in ("insert", "load.append", "load.merge")]

    told = [*answers(lambda pool, name: pool.prepare(name).scenario, asked, workers_count=2)]

    assert asked == told


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
    bounds = ("--depth", "0", "--no-measure", "--kept", "0", "--stop-at-first")
    run = shell.killpoint("run", str(PLANTED), "planted.unswept.load.append", *bounds)

    assert run.returncode == 1, run.stdout
    assert "no residue" in run.stdout
    token = next(word for word in run.stdout.split() if word.startswith("k1/"))
    replay = shell.killpoint("replay", token, str(PLANTED), "--times", "2")
    assert replay.returncode == 1
    assert "the same in 2 of 2 replays" in replay.stdout


@pytest.mark.parametrize(
    ("file", "scenario", "said"),
    [
        ("planted/graph.py", "planted.sidecar_left.load.append", "look: the sidecar of operation"),
        ("unsound/dumb_dbm.py", "dumb_dbm.put", "made: a reader sees {}"),
    ],
)
def test_the_script_of_a_kept_failure_shows_it_without_a_harness(
    shell: Shell, file: str, scenario: str, said: str
) -> None:
    """It opens the kept crash as a user would, or makes it, and asks the scenario's invariant."""
    bounds = ("--depth", "0", "--no-measure", "--kept", "1", "--stop-at-first")
    shell.killpoint("run", str(PLANTED.parent / file), scenario, *bounds)
    script = shell.directory / "reports" / "latest" / "failures" / "1" / "show.py"

    done = subprocess.run(
        [sys.executable, str(script)], cwd="/", capture_output=True, text=True, check=False
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout
    assert len(script.read_text().splitlines()) <= SCRIPT_LINES_MAX
