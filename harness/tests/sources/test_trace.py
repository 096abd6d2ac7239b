"""Which calls of a trace are hits, from small traces written by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from killpoint.sources.errors import TraceUnreadableError
from killpoint.sources.trace import HEADER, SyscallTrace, read_trace

if TYPE_CHECKING:
    from pathlib import Path


def traced(place: Path, *lines: str, cwd: str = "/elsewhere") -> SyscallTrace:
    """Read a trace of these lines; `ROOT` stands for the store, process 1 is attached."""
    root = place / "root"
    root.mkdir(exist_ok=True)
    text = "\n".join([f"{HEADER}{json.dumps([1, cwd])}", *lines, ""])
    (place / "trace").write_text(text.replace("ROOT", str(root)))
    return read_trace(place / "trace", root)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('open("ROOT/f", O_WRONLY|O_CREAT, 0644) = 3</r/f>', "f"),
        ('openat(AT_FDCWD</>, "ROOT/f", O_RDWR|O_TRUNC) = 3<ROOT/f>', "f"),
        ('openat2(4<ROOT>, "f", {flags=O_CREAT}, 24) = 3<ROOT/f>', "f"),
        ('writev(3<ROOT/f>, [{iov_base=""..., iov_len=3}], 1) = 3', "f"),
        ('rename("/out/a", "ROOT/b") = 0', "b"),
        ('rename("ROOT/a", "/out/b") = 0', "a"),
        ('renameat2(4<ROOT>, "a", 5<ROOT/d>, "b", 0) = 0', "d/b"),
        ('link("/out/a", "ROOT/b") = 0', "b"),
        ('symlinkat("ROOT/a", 4<ROOT/d>, "s") = 0', "d/s"),
        ('unlinkat(4<ROOT/d>, "f", 0) = 0', "d/f"),
        ('mkdirat(AT_FDCWD<ROOT>, "d", 0755) = 0', "d"),
        ("fsync(4<ROOT>) = 0", "."),
        ("copy_file_range(5</out/a>, NULL, 4<ROOT/f>, NULL, 9, 0) = 9", "f"),
        ("ioctl(4<ROOT/f>, BTRFS_IOC_CLONE or FICLONE, 5</out/a>) = 0", "f"),
        ('chmod("ROOT/x/../f", 0600) = 0', "f"),
    ],
)
def test_a_change_below_the_root_is_a_pair(tmp_path: Path, line: str, path: str) -> None:
    """Every way in which a call can name what it changes."""
    assert [path] == [hit.path for hit in traced(tmp_path, f"1  {line}").pairs]


@pytest.mark.parametrize(
    "line",
    [
        'openat(AT_FDCWD</>, "ROOT/f", O_RDONLY|O_CLOEXEC) = 3<ROOT/f>',
        'openat(AT_FDCWD</>, "ROOT/f", O_WRONLY|O_CREAT|O_EXCL, 0644) = -1 EEXIST (File exists)',
        'rename("/out/a", "/out/b") = 0',
        'unlink("ROOT/f") = -1 ENOENT (No such file or directory)',
        'symlink("ROOT/f", "/out/s") = 0',
        "write(1<pipe:[5]>, ..., 3) = 3",
        "write(3<ROOT/f>(deleted), ..., 3) = 3",
        "write(3<ROOTED/f>, ..., 3) = 3",
        "ioctl(3<ROOT/f>, TCGETS, 0x7ffe) = -1 ENOTTY (Inappropriate ioctl for device)",
        "copy_file_range(5<ROOT/a>, NULL, 4</out/f>, NULL, 9, 0) = 9",
        "fsync(4<ROOT>) = ?",
    ],
)
def test_what_changes_nothing_below_the_root_is_no_pair(tmp_path: Path, line: str) -> None:
    """Reads, failures, other directories, nameless files and calls that never returned."""
    assert () == traced(tmp_path, f"1  {line}").pairs


def test_occurrences_count_all_calls_that_could_change_a_file(tmp_path: Path) -> None:
    """A write to a pipe counts, an open for reading does not: the striker counts alike."""
    trace = traced(
        tmp_path,
        "1  write(1<pipe:[5]>, ..., 3) = 3",
        '1  openat(AT_FDCWD</>, "ROOT/f", O_RDONLY) = 3<ROOT/f>',
        '1  openat(AT_FDCWD</>, "ROOT/f", O_WRONLY|O_CREAT, 0644) = 3<ROOT/f>',
        "1  write(3<ROOT/f>, ..., 3) = 3",
    )
    assert [("t0.openat", 1), ("t0.write", 2)] == [
        (hit.point.name, hit.occurrence) for hit in trace.pairs
    ]


def test_relative_paths_follow_the_directory_of_their_process(tmp_path: Path) -> None:
    """chdir, fchdir, inheritance by fork, and one directory shared by threads."""
    trace = traced(
        tmp_path,
        '1  unlink("a") = 0',
        '1  chdir("ROOT") = 0',
        "1  fork( <unfinished ...>",
        '2  mkdir("child", 0755) = 0',
        "1  <... fork resumed>) = 2",
        "2  fchdir(4</out>) = 0",
        '2  mkdir("not", 0755) = 0',
        "1  clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD}, 88) = 3",
        '3  chdir("child") = 0',
        '1  mkdir("together", 0755) = 0',
    )
    expected = [(1, "child"), (0, "child/together")]
    assert expected == [(hit.tracee, hit.path) for hit in trace.pairs]
    assert trace.tracees_count == 3


def test_a_root_behind_a_symbolic_link_is_recognised(tmp_path: Path) -> None:
    """Programs may use a link to the root, and strace shows real paths of open files."""
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to("root")
    (tmp_path / "alias").symlink_to(".")
    text = (
        f"{HEADER}{json.dumps([1, '/'])}\n"
        f'1  unlink("{tmp_path}/link/a") = 0\n'
        f'1  unlink("{tmp_path}/alias/root/b") = 0\n'
        f"1  fsync(3<{tmp_path}/root/c>) = 0\n"
    )
    (tmp_path / "trace").write_text(text)
    pairs = read_trace(tmp_path / "trace", tmp_path / "link").pairs
    assert ["a", "b", "c"] == [hit.path for hit in pairs]


def test_a_damaged_trace_is_refused(tmp_path: Path) -> None:
    """A cut line is an error that names the file, not a shorter trace."""
    with pytest.raises(TraceUnreadableError, match="trace"):
        traced(tmp_path, "1  openat(AT_FDCWD</>")
