"""One changes, many read, and nobody sees a half: across processes, threads and tasks."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import kb
from engine.tests.kb.bases import EDITED, edit, kill_at, open_base, tree
from killpoint.failpoints import park_first


def _refused(root: Path, incarnation: int = 20) -> None:
    with pytest.raises(kb.BusyError, match="then try again"):
        open_base(root, incarnation, wait_s=0.02).add("late.md", b"late")


def test_who_holds_it_keeps_threads_and_handles_out(root: Path) -> None:
    """Also the same thread through another handle, or the same handle again: no re-entering."""
    base = open_base(root, wait_s=0.02)
    with base.exclusive(), ThreadPoolExecutor(1) as thread:
        thread.submit(_refused, root).result()
        _refused(root, 21)
        with pytest.raises(kb.BusyError, match="through the section itself"):
            base.add("nested.md", b"nested")
    base.add("now.md", b"now")


def test_two_tasks_of_one_thread_exclude_each_other(root: Path) -> None:
    """A lock that asked for the thread would let the second in; ours asks who opened it."""
    base = open_base(root, wait_s=0.02)
    inside: list[str] = []

    async def hold(name: str) -> None:
        with base.exclusive():
            inside.append(name)
            await asyncio.sleep(0.01)

    async def both() -> list[BaseException | None]:
        return list(await asyncio.gather(hold("one"), hold("two"), return_exceptions=True))

    first, second = asyncio.run(both())
    assert (["one"], None) == (inside, first)
    assert isinstance(second, kb.BusyError)


def test_another_process_waits_its_turn(root: Path) -> None:
    """It gets the lock when the holder ends, and adds to what that one left."""
    base = open_base(root)
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(ready, 1)
        other = open_base(root, 30)
        other.add("child.md", b"from the child")
        os._exit(0)
    with base.exclusive() as section:
        os.write(go, b"x")
        kb_file = kb.Source(name="parent.md", data=b"from the parent")
        kb.operations.add(section, kb_file)
    _, status = os.waitpid(child, 0)
    assert 0 == os.waitstatus_to_exitcode(status)
    assert {"child", "parent"} <= {document.name for document in base.documents()}


def test_readers_read_beside_each_other_and_keep_writers_out(root: Path) -> None:
    """A reader that would become a writer is refused in time, instead of blocking for ever."""
    base = open_base(root, wait_s=0.02)
    with kb.section.shared(base._store), kb.section.shared(base._store) as view:
        assert [] != view.list("raw")
        with pytest.raises(kb.BusyError):
            base.remove("atlas")
    base.remove("atlas")


def test_a_reader_of_a_crash_sees_the_old_state_without_touching_it(root: Path) -> None:
    """Read-only, before any drain: exactly the files from before, out of the backups."""
    before = open_base(root, mode=kb.Mode.READ_ONLY).files()
    kill_at(root, edit, "kb.journal.commit.created")
    crashed = tree(root)
    reader = open_base(root, 9, mode=kb.Mode.READ_ONLY)
    assert (before, crashed) == (reader.files(), tree(root))
    assert ["Tides follow the [[Moon]], says @Ada."] == reader.pages("almanac")
    with pytest.raises(kb.ReadOnlyError):
        reader.remove("atlas")


def test_a_reader_waits_while_a_mutation_is_at_work(root: Path) -> None:
    """Parked half way through an edit, the writer keeps it out; then it sees all of the edit."""
    writer, reader = open_base(root), open_base(root, 10, wait_s=0.02)
    with park_first("kb.hash.put.before") as meeting, ThreadPoolExecutor(1) as thread:
        edited = thread.submit(edit, writer)
        meeting.wait_until_reached()
        with pytest.raises(kb.BusyError):
            reader.files()
        meeting.release()
        edited.result()
    assert EDITED[1] == reader.files()["raw/almanac.md"]


def test_threads_that_add_at_once_all_do(root: Path) -> None:
    """Each add is whole; none is lost, and none sees the other's half."""
    base = open_base(root)
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        base.add(f"n{number}.md", f"number [[N{number % 2}]] {number}".encode())

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, number) for number in range(4)]:
            done.result()
    listed = base.files()["wiki/index.md"].decode()
    assert all(f"- [[n{number}]]" in listed for number in range(4))
