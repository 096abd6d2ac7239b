"""Real processes beside each other: one dies or is interrupted at work, the others go on."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import kb
from engine.tests.kb.bases import (
    INTERRUPTED,
    edit,
    leftovers,
    open_base,
    standing_at,
    tree,
)

UNDECIDED = ["kb.publish.rename.renamed", "kb.page.put.renamed", "kb.journal.commit.created"]
DECIDED = ["kb.journal.commit.renamed", "kb.discard.delete.removed", "kb.discard.journal.before"]


@pytest.mark.parametrize("point", [*UNDECIDED, *DECIDED])
def test_a_reader_beside_a_writer_that_is_killed_sees_a_whole_state(root: Path, point: str) -> None:
    """It waits while the writer lives; then it sees what the next drain makes of it, no half."""
    reader = open_base(root, 8, mode=kb.Mode.READ_ONLY)
    before = reader.files()
    with standing_at(root, edit, point) as writer, ThreadPoolExecutor(1) as thread:
        seen = thread.submit(reader.files)
        with pytest.raises(TimeoutError):
            seen.result(0.05)
        os.kill(writer, signal.SIGKILL)
        crashed = tree(root)
        files = seen.result(kb.store.WAIT_S)
    assert (crashed, point in UNDECIDED) == (tree(root), files == before)
    open_base(root).close()
    assert files == reader.files()


@pytest.mark.parametrize("point", [*UNDECIDED, *DECIDED])
def test_a_second_process_that_was_open_drains_what_the_first_left(root: Path, point: str) -> None:
    """Its next change first settles the dead one's, then is done on top of that."""
    other = open_base(root, 8)
    with standing_at(root, edit, point) as writer:
        os.kill(writer, signal.SIGKILL)
        os.waitid(os.P_PID, writer, os.WEXITED | os.WNOWAIT)
    other.add("more.md", b"more")
    operations = [row["document"] for row in other.audit()]
    wanted = ["almanac", "atlas", *(["almanac"] if point in DECIDED else []), "more"]
    assert (wanted, []) == (operations, leftovers(root))


@pytest.mark.parametrize("point", [*UNDECIDED, "kb.stage.put.created", "kb.backup.clone.linked"])
def test_ctrl_c_leaves_the_old_state_and_no_journal(root: Path, point: str) -> None:
    """The signal comes at the point; when the process ends, everything is undone by itself."""
    before = tree(root)
    with standing_at(root, edit, point) as process:
        os.kill(process, signal.SIGINT)
        _, status = os.waitpid(process, 0)
    assert INTERRUPTED == os.waitstatus_to_exitcode(status)
    assert (before, []) == (tree(root), leftovers(root))
