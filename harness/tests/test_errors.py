"""Storage errors: a sound store bears each of them, and each way of bearing them badly is found."""

import re

import pytest

from tests.shell import STORES, Shell

FAILING = str(STORES / "failing.py")


@pytest.mark.parametrize(
    ("store", "exit_code", "sentence"),
    [
        ("sound", 0, "passed"),
        ("careless", 1, "half was written at failing.write.created (1st time)"),
        ("deaf", 1, "nothing acknowledged is lost"),
        ("clumsy", 1, "an operation raised AttributeError"),
        ("sulking", 1, "a kept handle goes on"),
        ("hasty", 1, "EIO was returned at failing.read.before (1st time)"),
    ],
)
def test_only_the_sound_store_passes(
    shell: Shell, store: str, exit_code: int, sentence: str
) -> None:
    """What was acknowledged is there, errors are told, and the handle works again."""
    done = shell.killpoint("run", FAILING, f"failing.{store}", "--strategy", "error")

    assert exit_code == done.returncode, done.stdout
    assert sentence in " ".join(done.stdout.split())


def test_the_sentence_counts_errors_and_what_struck_after_them(shell: Shell) -> None:
    """Every error that makes sense at a hit, and no word of pairs or of strace."""
    done = shell.killpoint("run", FAILING, "failing.sound", "--strategy", "error")

    said = " ".join(done.stdout.split())
    found = re.search(r"complete: (\d+) of (\d+) errors injected, \d+ distinct states; ", said)
    assert found is not None, said
    # Opening reads once, and each operation once: three hits of four faults, nobody lists. A
    # write has five, four, two and two at its stages, twice.
    assert (str(3 * 4 + 2 * 13),) * 2 == found.groups()
    assert re.search(r"kills and errors after them (\d+) of \1, ", said)
    assert "pairs" not in said
    assert "unbracketed" not in said


@pytest.mark.parametrize(
    ("token", "exit_code"),
    [
        ("eio:failing.write.after@1/kill:operation.returned@1", 4),
        ("eio:failing.write.after@1", 0),
        ("dead:failing.write.created@2", 0),
        ("eio:failing.write.before@1/recover.eio:failing.read.before@1", 0),
        ("eio:failing.write.before@2/recover.dead:#1", 0),
    ],
)
def test_a_token_of_errors_is_replayed(shell: Shell, token: str, exit_code: int) -> None:
    """Also in a recovery; a kill at what is not reached any more is undecided, and says so."""
    done = shell.killpoint("replay", f"k1/failing.sound/{token}~0000", FAILING, "--times", "3")

    assert exit_code == done.returncode, done.stdout


def test_a_kill_after_an_error_strikes_the_same_process(shell: Shell) -> None:
    """A failed read ends the second operation; a deaf store goes on, and dies at its next point."""
    case = "k1/failing.deaf/eio:failing.write.before@1/kill:failing.read.before@3~0000"
    done = shell.killpoint("explain", case, FAILING)

    said = " ".join(done.stdout.split())
    both = "the workload: EIO was returned at failing.write.before@1, then killed at "
    assert both + "failing.read.before, the 3rd time" in said
    assert "nothing acknowledged is lost" in said


def test_native_code_is_skipped_and_never_counted_as_passed(shell: Shell) -> None:
    """Its calls to the storage are its own: a campaign of nothing else is undecided."""
    (shell.directory / "native.py").write_text(NATIVE)
    done = shell.killpoint("run", "native.py", "--strategy", "error")

    assert 4 == done.returncode, done.stdout
    assert "skipped native.put: storage errors reach Python code only" in " ".join(
        done.stdout.split()
    )


NATIVE = """
import sqlite3
from killpoint import Operation, PointSource, Scenario, functions

def put(store):
    with store:
        store.execute("insert into t values (1)")

scenario = Scenario(
    name="native.put",
    system=functions(
        prepare=lambda root: sqlite3.connect(root / "db").execute("create table t (n)"),
        open=lambda root: sqlite3.connect(root / "db"),
        observe=lambda store: store.execute("select count(*) from t").fetchone()[0],
        close=lambda store: store.close(),
    ),
    operations=(Operation("put", put),),
    points=frozenset({PointSource.SYSCALLS}),
)
"""
