"""Bad input gets one clear sentence and an exit code, and nothing is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import STORES, Shell

HONESTY = str(STORES / "honesty.py")
CASE = "k1/honesty.sound/kill:honesty.step@1~0000"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("run", HONESTY, "honesty.sond"), 2, "did you mean honesty.sound"),
        (("run", "missing.py"), 2, "there is no such file"),
        (("run",), 2, "[tool.killpoint] scenarios"),
        (("run", HONESTY, "--workers", "0"), 2, "0 is not in the range x>=1"),
        (("run", HONESTY, "--shard", "3/2"), 2, "write I/N"),
        (("run", HONESTY, "--budget", "soon"), 2, "write 90s, 5m or 1h"),
        (("run", HONESTY, "--budget", "0s"), 2, "more than nothing"),
        (("run", "--cmd", "touch {dir}/a"), 2, "--cmd and --check belong together"),
        (("run", "--cmd", "touch a", "--check", "true {dir}"), 2, "does not mention {dir}"),
        (("run", HONESTY, "--reports", "/proc/none"), 3, "the record at /proc/none"),
        (("replay", "k1/honesty.sound/kill:honesty.step@1", HONESTY), 2, "no ~"),
        (("replay", CASE.replace("k1", "k7"), HONESTY), 2, "format is 'k7'"),
        (("replay", CASE.replace("sound", "sund"), HONESTY), 2, "did you mean honesty.sound"),
        (("explain", "nonsense", HONESTY), 2, "cannot read the token"),
        (("merge", "missing", "--into", "merged"), 3, "missing"),
        (("report", "missing"), 3, "missing"),
        (("points", HONESTY, "honesty.nothing"), 2, "no scenario is called"),
    ],
)
def test_one_sentence_and_an_exit_code(
    shell: Shell, arguments: tuple[str, ...], exit_code: int, words: str
) -> None:
    """No traceback, the cause, and what to do next."""
    done = shell.killpoint(*arguments)

    assert exit_code == done.returncode, done.stdout
    assert words in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout


def test_a_file_that_cannot_be_imported_is_named(shell: Shell) -> None:
    """With the error that it raised."""
    (shell.directory / "broken.py").write_text("import killpoint\nraise ValueError('not yet')\n")

    done = shell.killpoint("run", "broken.py")

    assert done.returncode == 2
    assert "broken.py: importing it raised ValueError: not yet" in done.stdout


def test_a_file_without_scenarios_runs_nothing(shell: Shell) -> None:
    """Exit code 5 is for nothing ran."""
    (shell.directory / "empty.py").write_text("import killpoint\n")

    done = shell.killpoint("run", "empty.py")

    assert done.returncode == 5, done.stdout
    assert "nothing ran" in done.stdout


def test_an_unknown_failpoint_in_the_environment_is_refused() -> None:
    """`FAILPOINTS` with a misspelt name never runs as if nothing were armed."""
    code = (
        f"import sys; sys.path.insert(0, {str(STORES)!r})\n"
        "import honesty; from killpoint.failpoints import reach; reach(honesty.STEP)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FAILPOINTS": "honesty.stpe=kill"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "honesty.step" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_named(shell: Shell) -> None:
    """The scratch place has no room for the stores: nothing is said about them."""
    shell.scratch.mkdir()
    mount = f'mount -t tmpfs -o size=64k none {shell.scratch} && exec "$@"'
    done = subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            mount,
            "sh",
            sys.executable,
            "-m",
            "killpoint",
            "run",
            HONESTY,
            "honesty.sound",
        ],
        env=shell.environment(),
        cwd=shell.directory,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3, done.stdout
    assert "are free" in done.stderr
    assert "KILLPOINT_SCRATCH" in done.stderr


def test_without_strace_the_sentence_says_what_was_not_measured(
    shell: Shell, tmp_path: Path
) -> None:
    """A missing tool is named; what it measures is never counted as zero."""
    done = subprocess.run(
        [sys.executable, "-m", "killpoint", "run", HONESTY, "honesty.sound"],
        env={**shell.environment(), "PATH": str(tmp_path)},
        cwd=shell.directory,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "not measured (strace is not installed)" in " ".join(done.stdout.split())
    assert "INCOMPLETE" in done.stdout
