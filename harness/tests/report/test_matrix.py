"""The matrix of errors: what each call's failure comes to, for each writer."""

from __future__ import annotations

from killpoint.records import read_record
from killpoint.report.matrix import MatrixRow, matrix_of
from killpoint.verdict import Verdict
from tests.shell import STORES, Shell


def _matrix(shell: Shell, *stores: str) -> dict[str, MatrixRow]:
    names = [f"failing.{store}" for store in stores]
    options = ("--strategy", "error", "--depth", "0")
    shell.killpoint("run", str(STORES / "failing.py"), *names, *options)
    rows = read_record(shell.directory / "reports" / "latest").rows()
    return {row.whole.name: row for row in matrix_of(rows)}


def test_each_call_says_what_came_of_its_failure(shell: Shell) -> None:
    """A sound store fails and has nothing changed, or has done it when only the answer was lost."""
    matrix = _matrix(shell, "sound")

    write, read = matrix["failing.write"].whole, matrix["failing.read"].whole
    assert (26, [22, 4, 0]) == (write.cases_count, [count for _, count in write.counts])
    assert (12, [12, 0, 0]) == (read.cases_count, [count for _, count in read.counts])
    assert ("eio", "dead", "short", "enospc", "emfile", "eacces") == matrix["failing.write"].faults


def test_writers_are_told_apart(shell: Shell) -> None:
    """A deaf store goes on where another fails, and its line alone has failed."""
    writers = {line.name: line for line in _matrix(shell, "sound", "deaf")["failing.write"].writers}

    sound, deaf = writers["failing.sound"], writers["failing.deaf"]
    assert (0, Verdict.PASSED) == (dict(sound.counts)["went on"], sound.verdict)
    assert Verdict.FAILED is deaf.verdict
    assert dict(deaf.counts)["went on"] > 0


def test_the_page_has_the_matrix_of_a_campaign_of_errors_only(shell: Shell) -> None:
    """Under the word for its cases."""
    file = str(STORES / "failing.py")
    headings = {}
    for strategy in ("error", "kill"):
        shell.killpoint("run", file, "failing.sound", "--strategy", strategy, "--no-measure")
        headings[strategy] = (shell.directory / "reports" / "latest" / "index.html").read_text()

    assert "failure comes to" in headings["error"]
    assert '<th class="number">errors</th>' in headings["error"]
    assert "failure comes to" not in headings["kill"]
