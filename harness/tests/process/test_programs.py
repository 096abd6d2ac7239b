"""Any program, killed at its system calls: C, shell, several processes, and every bad ending."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from killpoint.sources import syscalls

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shell import Shell

LOG = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static void append(const char *name, const char *text) {
    int file = open(name, O_CREAT | O_WRONLY | O_APPEND, 0644);
    if (write(file, text, strlen(text)) < 0 || fsync(file) < 0) _exit(9);
    close(file);
}
static void acknowledge(const char *text) {
    if (write(1, text, strlen(text)) < 0) _exit(9);
}
int main(int count, char **argument) {
    if (count != 3 || chdir(argument[1]) < 0) return 9;
    append("log", "one\n"); acknowledge("one\n");
    append("log", "two\n"); acknowledge("two\n");
    append("log.new", "one\ntwo\nthree\n");
    if (strcmp(argument[2], "hasty") == 0) unlink("log");
    if (rename("log.new", "log") < 0) return 9;
    acknowledge("three\n");
    return 0;
}
"""
CHECK = """
while read -r line; do
  grep -qx "$line" "$1/log" || { echo "acknowledged and gone: $line"; exit 1; }
done < "$KILLPOINT_ACKNOWLEDGED"
"""
MOVE = "echo x > {dir}/x; mv {dir}/x {dir}/done"
TOKEN = re.compile(r"k1/cmd/\S+~[0-9a-f]{4}")


@pytest.fixture(autouse=True)
def tracing() -> None:
    """These tests need a machine that lets them trace; where it does not, they would be empty."""
    assert syscalls.unavailable() == ""


@pytest.fixture
def log(shell: Shell) -> Shell:
    """Put the C program and its check into the working directory."""
    (shell.directory / "log.c").write_text(LOG)
    (shell.directory / "check.sh").write_text(CHECK)
    subprocess.run(["gcc", "-o", "log", "log.c"], cwd=shell.directory, check=True)
    return shell


def program(shell: Shell, cmd: str, check: str, *more: str) -> tuple[int, str]:
    """Run a campaign over a command; return the exit code and all words of the output."""
    done = shell.killpoint("run", "--cmd", cmd, "--check", check, "--workers", "1", *more)
    return done.returncode, " ".join(done.stdout.split())


def test_a_c_program_that_replaces_its_log_survives_every_kill(log: Shell) -> None:
    """Append, fsync, acknowledge, replace by rename: nothing acknowledged is ever gone."""
    code, said = program(log, "./log {dir} right", "sh check.sh {dir}")

    assert (0, True) == (code, "complete: 10 of 10 pairs killed" in said), said


def test_a_log_that_is_unlinked_before_the_rename_is_found_and_replays(log: Shell) -> None:
    """The printed line, typed as it stands, fails twenty times in twenty; the story tells why."""
    done = log.killpoint("run", "--cmd", "./log {dir} hasty", "--check", "sh check.sh {dir}")
    printed = re.findall(r"replay +killpoint (replay .*)$", done.stdout, re.MULTILINE)

    assert (1, 1) == (done.returncode, len(printed)), done.stdout
    words = shlex.split(printed[0])
    again = log.killpoint(*words, "--times", "20")
    story = log.killpoint("explain", *words[1:])
    assert re.fullmatch(r"k1/cmd/kill:t\d\.rename@1~[0-9a-f]{4}", words[1])
    assert (1, 1) == (again.returncode, story.returncode)
    assert "the same in 20 of 20 replays" in again.stdout
    assert "two: acknowledged, so it must be there" in story.stdout
    assert "three: never attempted" in story.stdout
    assert "acknowledged and gone: one" in story.stdout
    assert re.search(r"killed at t\d\.rename, the 1st time it was reached, on log", story.stdout)


def test_a_script_that_acknowledges_too_early_is_found(log: Shell) -> None:
    """A line that was printed whole before the kill is held against the store."""
    early = "touch {dir}/log; echo one; echo one >> {dir}/log"

    code, said = program(log, early, "sh check.sh {dir}")

    assert (1, True) == (code, "acknowledged and gone: one" in said), said


def test_what_a_program_prints_does_not_move_its_points(log: Shell) -> None:
    """Points count changes of the store; a case is killed where its name says, whatever runs."""
    noisy = "echo a; echo b; echo 1 > {dir}/log; echo c; echo 2 >> {dir}/log"
    said = [
        log.killpoint(
            "explain", f"k1/cmd/kill:t0.write@{n}~0000", "--cmd", noisy, "--check", "test -d {dir}"
        ).stdout
        for n in (1, 2)
    ]

    assert ["on log" in each for each in said] == [True, True], said
    assert ["c: acknowledged" in each for each in said] == [False, True]


def test_every_process_of_a_program_is_killed_at_its_calls(shell: Shell) -> None:
    """Two children that write at once have points of their own, and no order to agree on."""
    both = "(echo 1 > {dir}/a) & (echo 2 > {dir}/b) & wait; echo done"
    check = 'test -z "$(cat "$KILLPOINT_ACKNOWLEDGED")" || cat {dir}/a {dir}/b'

    code, said = program(shell, both, check)

    assert (0, True) == (code, "complete: 4 of 4 pairs killed" in said), said
    assert "differ" not in said


@pytest.mark.parametrize(
    ("ending", "exit_code", "word"),
    [
        ("exit 0", 0, "passed"),
        ("echo half; exit 1", 1, "half"),
        ("echo confused; exit 2", 4, "exit code 2: confused"),
        ("kill -9 $$", 4, "a check raised"),
    ],
)
def test_a_check_answers_with_its_exit_code(
    shell: Shell, ending: str, exit_code: int, word: str
) -> None:
    """Nothing but 0 is a pass and nothing but 1 is a failure."""
    code, said = program(shell, MOVE, f"test -e {{dir}}/done || {{ {ending}; }}")

    assert (exit_code, True) == (code, word in said), said


def test_a_check_that_hangs_is_undecided(shell: Shell) -> None:
    """It is ended at the deadline of its program."""
    file = shell.directory / "hangs.py"
    file.write_text(
        "from killpoint import Program\n"
        "HANGS = Program(name='hangs', command='mkdir {dir}/done', deadline_s=3,\n"
        "    check='test -e {dir}/done || sleep 100')\n"
    )
    done = shell.killpoint("run", str(file))

    assert done.returncode == 4, done.stdout
    assert "a process passed its deadline" in done.stdout


@pytest.mark.parametrize(
    ("cmd", "check", "sentence"),
    [
        (
            "echo begun; echo {dir}/x is wrong >&2; exit 3",
            "test {dir}",
            "its command ended with exit code 3 and printed last: begun; /",
        ),
        (MOVE, "nonesuch {dir}", "its check does not accept the store of a whole run: exit code"),
        (MOVE, "ls {dir}; exit 1", "its check does not accept the store of a whole run: done."),
    ],
)
def test_without_fault_everything_must_be_right(
    shell: Shell, cmd: str, check: str, sentence: str
) -> None:
    """Otherwise nothing is killed, and the last lines that were printed say why."""
    code, said = program(shell, cmd, check)

    assert (3, True) == (code, sentence in said), said
    assert said.endswith("It must pass without any fault.")


def test_two_runs_that_differ_are_undecided(shell: Shell) -> None:
    """The sentence says where; the calls that both runs make are killed all the same."""
    code, said = program(shell, "echo 1 > {dir}/a; mktemp {dir}/XXXXXX", "test -d {dir}")

    assert (4, True) == (code, "two runs without fault differ: t" in said), said
    assert "is not a call that every run without fault makes" in said
    assert "INCOMPLETE: 2 of 3 pairs killed" in said


def test_a_strike_at_another_file_counts_as_not_fired(shell: Shell) -> None:
    """After three equal runs the program takes another name: its kill proves nothing."""
    moody = "echo >> runs; set -- $(wc -l runs); test $1 -gt 3 && f=b || f=a; echo 1 > {dir}/$f"

    code, said = program(shell, moody, "test -d {dir}")

    assert (4, True) == (code, "the fault did not fire" in said), said
    assert re.search(r"t0\.openat@1 was on b, and on a in the run without fault", said)


def test_a_file_reached_through_a_link_is_the_same_file(shell: Shell) -> None:
    """A trace shows the real path of an open and a strike the spelling: both mean one place."""
    linked = "mkdir {dir}/v1; ln -s v1 {dir}/now; echo 1 > {dir}/now/f"

    code, said = program(shell, linked, "test -d {dir}")

    assert (0, True) == (code, "complete: 4 of 4 pairs killed" in said), said


def test_what_a_trace_cannot_see_is_noted(shell: Shell) -> None:
    """A writable shared mapping changes the store without a call."""
    (shell.directory / "mapped.py").write_text(
        "import mmap, sys\n"
        "f = open(sys.argv[1] + '/f', 'w+b'); f.write(b'x' * 4096); f.flush()\n"
        "m = mmap.mmap(f.fileno(), 4096); m[0:1] = b'y'; m.flush()\n"
    )

    code, said = program(shell, f"{sys.executable} -IS mapped.py {{dir}}", "test -d {dir}")

    assert code == 0, said
    assert "note cmd: stores into the shared mapping of f are not seen" in said


TWO = """
import sqlite3
from killpoint import Operation, PointSource, Scenario, functions

def make(name, points):
    return Scenario(name=name, points=points, operations=(Operation("write", str),),
        system=functions(open=connect, observe=lambda _: 0, close=lambda db: db.close()))

def connect(root):
    if not (root / "plain").exists():
        (root / "plain").write_text("1")
    return sqlite3.connect(root / "db")

def plain(root):
    (root / "plain").write_text("1")
    return (root / "plain").open()

native = make("two.native", frozenset({PointSource.SYSCALLS}))
unseen = make("two.unseen", frozenset({PointSource.PYTHON}))
python = Scenario(name="two.python", operations=(Operation("write", str),),
    system=functions(open=plain, observe=lambda _: 0, close=lambda file: file.close()))
"""


@pytest.fixture
def two(shell: Shell) -> str:
    """Write a file with a native scenario, one that points miss, and one of plain Python."""
    file = shell.directory / "two.py"
    file.write_text(TWO)
    return str(file)


def test_changes_that_no_point_stands_before_leave_a_scenario_undecided(
    shell: Shell, two: str
) -> None:
    """SQLite under the points of Python code is not enumerated, and it is said so."""
    done = shell.killpoint("run", two, "two.unseen", "--no-measure")

    assert done.returncode == 4, done.stdout
    assert "no point stands before sqlite3.connect of db" in " ".join(done.stdout.split())


def test_without_strace_a_scenario_is_skipped_and_a_command_refused(
    shell: Shell, two: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A skip is named, makes no other verdict worse, and alone it is no pass."""
    monkeypatch.setenv("PATH", "/nonexistent")
    sentence = "strace is missing, and killing at system calls needs it."

    among = shell.killpoint("run", two, "two.native", "two.python", "--no-measure")
    alone = shell.killpoint("run", two, "two.native")
    command = shell.killpoint("run", "--cmd", MOVE, "--check", "test -d {dir}")
    again = shell.killpoint("replay", "k1/two.native/kill:t0.write@1~0000", two)

    assert (0, 4, 3, 3) == tuple(each.returncode for each in (among, alone, command, again))
    assert f"skipped  two.native: {sentence}" in among.stdout
    assert f"skipped  two.native: {sentence}" in alone.stdout
    assert f"killpoint: {sentence} Install the package strace." == command.stdout.strip()
    assert sentence in again.stdout


def test_where_tracing_is_forbidden_it_is_said_in_one_sentence(
    shell: Shell, tmp_path: Path
) -> None:
    """A process has one tracer: below a strace of somebody else nothing can be traced."""
    outer = ["strace", "-f", "-o", str(tmp_path / "outer"), "-e", "trace=none"]
    inner = [sys.executable, "-m", "killpoint", "run", "--cmd", MOVE, "--check", "test -d {dir}"]
    done = subprocess.run(
        [*outer, *inner],
        cwd=shell.directory,
        env=shell.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (3, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert done.stderr.startswith("killpoint: a working tracer is missing, and killing at system")
