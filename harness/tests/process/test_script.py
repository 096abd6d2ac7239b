"""Scripts of kept failures: each shows its failure by itself, and no longer once it is mended."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import ROOT, STORES, Shell

LINES_MAX = 40
TEXTS = ("token", "command", "plan", "history", "violation", "output", "shrunk")
# The two lines that empty the file before they write it, and what a sound store does.
BUG = r"        with self\.path\.open\(\"w\"\).*\n.*\n"
# Runs a script, and then tells which modules it has imported.
RUN = """
import runpy, sys
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""
MENDED = """        fresh = self.path.with_name("fresh")
        fresh.write_text("".join(f"{k}={v}\\n" for k, v in self.items.items()))
        fresh.replace(self.path)
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the README's store with its bug, and return the directory of its failure."""
    shell = Shell(tmp_path_factory.mktemp("mine"))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    source = next(block for block in blocks if "class Log" in block)
    (shell.directory / "mine.py").write_text(source)
    shell.killpoint("run", "mine.py", "--no-measure", "--workers", "1")
    return shell.directory / "reports" / "latest" / "failures" / "1"


def shown(script: Path) -> tuple[int, str, str]:
    """Run a script in a foreign place; return its exit code, what it says, and its modules."""
    runner = ["sh"] if script.suffix == ".sh" else [sys.executable, "-c", RUN]
    done = subprocess.run(
        [*runner, str(script)], cwd="/", capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_kept_failure_holds_all_that_it_takes_to_go_on(mine: Path) -> None:
    """Its token and command, what was planned, what happened, what is wrong, and the images."""
    texts = {name: (mine / f"{name}.txt").read_text() for name in TEXTS}

    assert "killpoint replay k1/log.put/kill:python.write@2~1f08" in texts["command"]
    assert texts["plan"] == "killed at python.write@2\n"
    assert texts["history"] == "put a: acknowledged\nput b: in flight\n"
    assert "nothing acknowledged is lost: acknowledged and gone: 'put a'" in texts["violation"]
    assert "as small as it gets" in texts["shrunk"]
    assert all((mine / name).is_dir() for name in ("before", "crash-1", "recovered"))


def test_the_script_of_a_python_store_shows_its_failure_without_a_harness(mine: Path) -> None:
    """On the crash that was kept, and on one that it makes itself."""
    code, said, imported = shown(mine / "show.py")

    assert (1, 2) == (code, said.count("a reader sees {}")), said
    assert "made: a reader sees {}" in said
    ours = {name for name in imported.split() if name.startswith("killpoint")}
    assert "killpoint.scenario" in ours
    assert not ours & {f"killpoint.{name}" for name in ("process", "session", "campaign", "cli")}
    assert len((mine / "show.py").read_text().splitlines()) <= LINES_MAX


def test_the_script_shows_nothing_once_the_store_is_mended(mine: Path, tmp_path: Path) -> None:
    """The crash is made anew, and the mended store survives it."""
    home = mine.parents[3]
    mended, count = re.subn(BUG, lambda _: MENDED, (home / "mine.py").read_text())
    assert count == 1
    (tmp_path / "mine.py").write_text(mended)
    kept = Path(shutil.copytree(mine, tmp_path / "kept"))
    text = (kept / "show.py").read_text()
    (kept / "show.py").write_text(text.replace(repr(str(home)), repr(str(tmp_path))))

    code, said, _ = shown(kept / "show.py")

    assert (0, True) == (code, "made: nothing is wrong" in said), said


def test_the_script_of_a_program_runs_its_check_on_the_kept_crash(shell: Shell) -> None:
    """It exits as the check says, and with 0 when the check accepts."""
    (shell.directory / "write.sh").write_text("echo one > $1/log; echo one\n")
    check = "test -s $1/log || test ! -e $1/log || { echo empty; exit 1; }\n"
    (shell.directory / "check.sh").write_text(check)
    arguments = ("--cmd", "sh write.sh {dir}", "--check", "sh check.sh {dir}", "--workers", "1")
    run = shell.killpoint("run", *arguments)
    script = shell.directory / "reports" / "latest" / "failures" / "1" / "show.sh"

    code, said, _ = shown(script)
    (shell.directory / "check.sh").write_text("exit 0\n")
    accepted, _, _ = shown(script)

    assert (1, 1, 0) == (run.returncode, code, accepted), run.stdout + said
    assert "empty" in said
    assert len(script.read_text().splitlines()) <= LINES_MAX


def test_what_no_directory_shows_has_no_script(shell: Shell) -> None:
    """An error that is told as a bug leaves a store that is right: only a replay shows it."""
    failing = str(STORES / "failing.py")
    settings = ("--strategy", "error", "--depth", "0", "--kept", "1", "--stop-at-first")
    shell.killpoint("run", failing, "failing.clumsy", *settings)
    kept = shell.directory / "reports" / "latest" / "failures" / "1"

    assert "an error of the storage is told as one" in (kept / "violation.txt").read_text()
    assert "replay it" in (kept / "show.txt").read_text()
    assert not (kept / "show.py").exists()
