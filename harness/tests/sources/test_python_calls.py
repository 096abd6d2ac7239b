"""Python code in a forked child, with a point before each of its file-system calls."""

# ruff: noqa: PTH102, PTH103, PTH104, PTH105, PTH108, PTH123 -- these tests are about os.X
from __future__ import annotations

import csv
import importlib
import io
import json
import mmap
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from os import replace as taken_before
from typing import TYPE_CHECKING

import pytest

from killpoint.failpoints import Hit, Seam, install
from killpoint.sources import python_calls
from killpoint.sources.striker import fork_quietly

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked child; return its wait status."""
    if (child := fork_quietly()) == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def observed(root: Path, work: Callable[[Path], object]) -> tuple[list[str], list[list[str]]]:
    """Run `work` in a child with points; return its hits, and what came past them."""
    reader, writer = os.pipe()

    def body() -> None:
        hits: list[Hit] = []
        install(Seam(observe=hits.append))
        wrapped = python_calls.install(root)
        work(root)
        told = [f"{hit.point.removeprefix('python.')} {hit.footprint}" for hit in hits]
        unseen = [[one.event, one.path] for one in wrapped.unseen()]
        os.write(writer, json.dumps([told, unseen]).encode())

    status = in_child(body)
    os.close(writer)
    with open(reader, "rb") as pipe:
        assert status == 0
        told, unseen = json.load(pipe)
    return told, unseen


def write_text(root: Path) -> None:
    """Write by way of pathlib, then append by way of open."""
    (root / "f").write_text("1")
    with open(root / "f", "a") as file:
        file.write("2")


def write_json(root: Path) -> None:
    """Let json write many small parts into one buffer."""
    with (root / "j").open("w") as file:
        json.dump({"a": list(range(5))}, file)


def write_csv(root: Path) -> None:
    """Let the C writer of csv call a Python file."""
    with open(root / "c", "w", newline="") as file:
        csv.writer(file).writerows([[1, 2], [3, 4]])


def replace_by_temporary(root: Path) -> None:
    """Write, sync and replace, with a temporary file that was given a name by hand."""
    with tempfile.NamedTemporaryFile("w", dir=root, delete=False) as file:
        file.write("new")
        file.flush()
        os.fsync(file.fileno())
        os.rename(file.name, root / "t")
    taken_before(root / "t", root / "u")


def work_beside_a_directory(root: Path) -> None:
    """Use an open directory and open files by number."""
    place = os.open(root, os.O_RDONLY)
    file = os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=place)
    os.pwrite(file, b"1", 0)
    os.ftruncate(file, 0)
    os.rename("f", "g", src_dir_fd=place, dst_dir_fd=place)
    os.unlink("g", dir_fd=place)
    os.write(file, b"into nothing")
    os.fsync(place)


def copy_and_remove(root: Path) -> None:
    """Let shutil and os do trees."""
    os.makedirs(root / "a" / "b")
    (root / "a" / "b" / "f").touch()
    shutil.copyfile(root / "a" / "b" / "f", root / "h")
    shutil.rmtree(root / "a")


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (write_text, ["open f", "write f", "open f", "write f"]),
        (write_json, ["open j", "write j"]),
        (write_csv, ["open c", "write c"]),
        (
            work_beside_a_directory,
            ["open f", "pwrite f", "ftruncate f", "rename g", "unlink g", "fsync ."],
        ),
        (
            copy_and_remove,
            [
                *("mkdir a", "mkdir a/b", "open a/b/f", "open h"),
                *("unlink a/b/f", "rmdir a/b", "rmdir a"),
            ],
        ),
    ],
)
def test_each_change_is_a_hit_before_it_happens(
    tmp_path: Path, work: Callable[[Path], object], expected: list[str]
) -> None:
    """Whatever of the standard library makes the call, its point is reached, and none is missed."""
    told, unseen = observed(tmp_path, work)
    # Whether an empty file is copied by a call depends on the version of Python.
    told = [one for one in told if not one.startswith("sendfile")]
    assert (expected, []) == (told, unseen)


def test_references_that_were_taken_before_are_replaced(tmp_path: Path) -> None:
    """`from os import replace`, and the defaults by which tempfile holds its functions."""
    told, unseen = observed(tmp_path, replace_by_temporary)
    calls = [one.split()[0] for one in told]
    assert ["open", "write", "fsync", "rename", "replace"] == calls
    assert [] == unseen


def test_a_module_that_came_after_the_preparation_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a warm parent prepared once holds for children that find more modules than it did."""
    (tmp_path / "late_store.py").write_text(
        "import os\nfrom os import replace as taken\n"
        "class Store:\n    def drop(self, path, unlink=os.unlink):\n        unlink(path)\n"
    )
    (tmp_path / "f").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(python_calls, "_prepared", None)
    python_calls.prepare(tmp_path)
    late_store = importlib.import_module("late_store")

    def work(root: Path) -> None:
        late_store.taken(root / "f", root / "g")
        late_store.Store().drop(root / "g")

    told = observed(tmp_path, work)
    del sys.modules["late_store"]
    assert (["replace g", "unlink g"], []) == told


def test_a_temporary_file_that_removes_itself_is_seen(tmp_path: Path) -> None:
    """Tempfile keeps `unlink` as the default of an argument, where no module shows it."""

    def work(root: Path) -> None:
        with tempfile.NamedTemporaryFile(dir=root):
            pass

    told, unseen = observed(tmp_path, work)
    assert (["open", "unlink"], []) == ([one.split()[0] for one in told], unseen)


def test_what_is_outside_of_the_root_or_only_read_is_no_hit(tmp_path: Path) -> None:
    """Other directories keep their own file objects, and reading costs no point."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "f").write_text("there")

    def work(root: Path) -> None:
        (tmp_path / "other").write_text((root / "f").read_text())
        os.rename(tmp_path / "other", tmp_path / "another")

    assert ([], []) == observed(root, work)


def test_a_move_out_of_the_root_is_a_hit(tmp_path: Path) -> None:
    """A rename changes the directory it leaves as well."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "f").touch()
    told, _ = observed(root, lambda root: os.rename(root / "f", tmp_path / "g"))
    assert ["rename f"] == told


def sqlite_writes(root: Path) -> None:
    """Native code opens the file by itself."""
    sqlite3.connect(root / "db").close()


def raw_file_writes(root: Path) -> None:
    """The C file object, asked for by name."""
    io.FileIO(str(root / "raw"), "w").close()


def mapping_writes(root: Path) -> None:
    """A mapping changes the file with no call at all."""
    with open(root / "there", "r+b") as file:
        mmap.mmap(file.fileno(), 1).close()


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (sqlite_writes, ["sqlite3.connect", "db"]),
        (raw_file_writes, ["open", "raw"]),
        (mapping_writes, ["mmap.__new__", "there"]),
    ],
)
def test_a_change_past_the_wrappers_is_named(
    tmp_path: Path, work: Callable[[Path], object], expected: list[str]
) -> None:
    """What no point stands before is listed by event and path, not missed."""
    (tmp_path / "there").write_bytes(b"x")
    assert ([], [expected]) == observed(tmp_path, work)


class KillAt:
    """A plan that kills at the n-th hit of any point."""

    def __init__(self, number: int) -> None:
        self.left = number

    def decide(self, hit: Hit) -> KillAt | None:
        """Count down."""
        del hit
        self.left -= 1
        return self if self.left == 0 else None

    text = "kill"

    def act(self, hit: Hit, payload: object) -> object:
        """Die for real."""
        del hit
        os.kill(os.getpid(), signal.SIGKILL)
        return payload


@pytest.mark.parametrize(
    ("number", "left"),
    [
        (1, {"f": "old"}),
        (2, {"f": "old", "part": ""}),
        (3, {"f": "old", "part": "new"}),
        (4, {"f": "old", "part": "new"}),
    ],
)
def test_a_kill_at_a_hit_leaves_what_the_calls_before_it_made(
    tmp_path: Path, number: int, left: dict[str, str]
) -> None:
    """A real SIGKILL in the child, before open, write, fsync and replace in turn."""
    (tmp_path / "f").write_text("old")

    def work() -> None:
        install(Seam(plan=KillAt(number)))
        python_calls.install(tmp_path)
        with open(tmp_path / "part", "w") as file:
            file.write("new")
            file.flush()
            os.fsync(file.fileno())
        os.replace(tmp_path / "part", tmp_path / "f")

    assert signal.SIGKILL == os.WTERMSIG(in_child(work))
    assert left == {path.name: path.read_text() for path in tmp_path.iterdir()}


def test_an_error_of_the_call_itself_comes_through(tmp_path: Path) -> None:
    """A wrapper changes neither results nor exceptions nor wrong arguments."""

    def work(root: Path) -> None:
        with pytest.raises(FileNotFoundError):
            os.unlink(root / "nothing")
        with pytest.raises(TypeError):
            os.rename(root / "one")  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            os.mkdir(1.5)  # type: ignore[arg-type]
        assert os.write(os.open(root / "f", os.O_CREAT | os.O_WRONLY), b"four") == len(b"four")

    assert (["unlink nothing", "rename one", "open f", "write f"], []) == observed(tmp_path, work)
