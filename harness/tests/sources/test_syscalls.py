"""Real programs under a real tracer: what is listed, what is struck, what the strike leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from killpoint.errors import MissingToolError
from killpoint.sources import syscalls
from killpoint.sources.errors import AttachError, TracerStuckError, TraceUnreadableError
from killpoint.sources.syscalls import SyscallPoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.conftest import Bench

ODD = "d/odd, (x)>é\n"
SCRIPT = ["/bin/sh", "-c", "echo a > f; mv f g; mv g h; (echo b; echo c) > k; echo d >> h"]


def test_every_change_of_a_c_program_is_a_pair(bench: Bench, writer: list[str]) -> None:
    """Opens that create, writes, renames and the child's calls are listed in order."""
    pairs = [(hit.point.name, hit.occurrence, hit.path) for hit in bench.trace(writer).pairs]
    expected = [
        ("t0.openat", 1, "part"),
        ("t0.write", 1, "part"),
        ("t0.write", 2, "part"),
        ("t0.write", 3, "part"),
        ("t0.rename", 1, "whole"),
        ("t0.mkdir", 1, "d"),
        ("t1.openat", 1, ODD),
        ("t1.write", 1, ODD),
        ("t0.write", 4, "whole"),
    ]
    assert expected == pairs


def test_a_call_that_failed_is_no_pair(bench: Bench, writer: list[str]) -> None:
    """The unlink of a name that is not there touches the store and changes nothing."""
    failed = [(hit.call, hit.path) for hit in bench.trace(writer).hits if not hit.mutates]
    assert [("unlink", "nothing")] == failed


def test_a_kill_comes_before_its_call_and_after_all_earlier_ones(
    bench: Bench, writer: list[str]
) -> None:
    """Each pair, struck, leaves exactly what the calls before it made."""
    whole = b'onetw"othree'
    expected = [
        {},
        {"part": b""},
        {"part": b"one"},
        {"part": b'onetw"o'},
        {"part": whole},
        {"whole": whole},
        {"d": b"", "whole": whole},
        {"d": b"", "whole": whole, ODD: b""},
        {"d": b"", "whole": whole, ODD: b"child"},
    ]
    left = []
    for pair in bench.trace(writer).pairs:
        struck = bench.strike(writer, pair.point)
        assert (pair.point, pair.path) == (struck and (struck.point, struck.path))
        left.append(bench.files())
    assert expected == left


def test_a_kill_ends_all_processes_of_a_script(bench: Bench) -> None:
    """Each `mv` can be aimed at, and the shell above it never goes on to the next command."""
    expected = [
        ("f", {}),
        ("f", {"f": b""}),
        ("g", {"f": b"a\n"}),
        ("h", {"g": b"a\n"}),
        ("k", {"h": b"a\n"}),
        ("k", {"h": b"a\n", "k": b""}),
        ("k", {"h": b"a\n", "k": b"b\n"}),
        ("h", {"h": b"a\n", "k": b"b\nc\n"}),
        ("h", {"h": b"a\n", "k": b"b\nc\n"}),
    ]
    left = []
    for pair in bench.trace(SCRIPT).pairs:
        struck = bench.strike(SCRIPT, pair.point)
        left.append((struck.path if struck else None, bench.files()))
    assert expected == left


def test_strace_alone_would_let_the_shell_go_on(bench: Bench) -> None:
    """The reason for a striker of our own: after strace's kill of one `mv` the script writes."""
    bench.root.mkdir()
    options = ["-f", "-qq", "-o", str(bench.output), "-e", "trace=renameat2,rename"]
    inject = ["-e", "inject=renameat2,rename:signal=KILL:when=1"]
    subprocess.run(["strace", *options, *inject, *SCRIPT], cwd=bench.root, check=False)
    assert {"f": b"a\n", "h": b"d\n", "k": b"b\nc\n"} == bench.files()


def test_our_strike_leaves_what_a_strike_of_strace_leaves(bench: Bench, writer: list[str]) -> None:
    """In a program of one process both kill at the same instant: the third write."""
    bench.strike(writer, SyscallPoint(tracee=0, call="write", occurrence=3))
    ours = bench.files()
    for path in bench.root.iterdir():
        path.unlink()
    options = ["-qq", "-o", str(bench.output), "-e", "inject=write:signal=KILL:when=3"]
    subprocess.run(["strace", *options, *writer], cwd=bench.root, check=False)
    assert ours == bench.files()


def test_a_point_that_is_never_reached_is_told(bench: Bench, writer: list[str]) -> None:
    """The program runs to its end, and `killed_at` says that nothing was struck."""
    assert bench.strike(writer, SyscallPoint(tracee=0, call="write", occurrence=5)) is None


def test_two_runs_of_a_program_give_the_same_pairs(bench: Bench) -> None:
    """Process ids differ between runs; pairs do not."""
    assert syscalls.difference(bench.trace(SCRIPT), bench.trace(SCRIPT)) == ""


def test_a_program_that_does_something_else_is_found_out(bench: Bench) -> None:
    """The first pair that differs is named, or the two lengths."""
    short = bench.trace(["/bin/sh", "-c", "echo a > f"])
    other = bench.trace(["/bin/sh", "-c", "echo a > g"])
    long = bench.trace(["/bin/sh", "-c", "echo a > f; echo b >> f"])
    assert "t0.openat@1 on f in the first trace is t0.openat@1 on g in the second" == (
        syscalls.difference(short, other)
    )
    assert syscalls.difference(short, long) == "2 pairs in the first trace, 4 in the second"


def test_threads_are_tracees_of_their_own(bench: Bench) -> None:
    """A thread's write is its own first one, and its kill ends the main thread too."""
    code = (
        "import os, threading\n"
        "f = os.open('f', os.O_CREAT | os.O_WRONLY)\n"
        "os.write(f, b'main')\n"
        "t = threading.Thread(target=lambda: os.write(f, b'thread')); t.start(); t.join()\n"
        "os.write(f, b'end')\n"
    )
    command = [sys.executable, "-ISc", code]
    pairs = [(hit.tracee, hit.call, hit.occurrence) for hit in bench.trace(command).pairs]
    assert [(0, "openat", 1), (0, "write", 1), (1, "write", 1), (0, "write", 2)] == pairs
    bench.strike(command, SyscallPoint(tracee=1, call="write", occurrence=1))
    assert {"f": b"main"} == bench.files()


def test_what_cannot_be_seen_is_named(bench: Bench) -> None:
    """A writable shared mapping changes the store without a call; its msync is a pair."""
    code = (
        "import mmap\n"
        "f = open('f', 'w+b'); f.write(b'x' * 4096); f.flush()\n"
        "m = mmap.mmap(f.fileno(), 4096); m[0:1] = b'y'; m.flush()\n"
    )
    command = [sys.executable, "-ISc", code]
    trace = bench.trace(command)
    assert ("stores into the shared mapping of f are not seen",) == trace.blind
    assert ("msync", "f") == (trace.pairs[-1].call, trace.pairs[-1].path)
    assert bench.strike(command, trace.pairs[-1].point) is not None
    assert bench.files()["f"].startswith(b"yx")


def test_a_program_that_stops_itself_can_still_go_on(bench: Bench) -> None:
    """A stop by job control and a caught signal reach the program as without a tracer."""
    script = (
        'trap "echo t > trapped" USR1; kill -USR1 $$; '
        "(sleep 0.1; kill -CONT $$) & kill -STOP $$; echo r > resumed; wait"
    )
    command = ["/bin/sh", "-c", script]
    point = SyscallPoint(tracee=0, call="unlink", occurrence=1)
    assert bench.strike(command, point) is None
    assert {"resumed": b"r\n", "trapped": b"t\n"} == bench.files()


def test_a_process_that_does_not_exist_cannot_be_attached(bench: Bench) -> None:
    """Both tracers say so, in one sentence that ends with what to check."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    for inject in (None, SyscallPoint(tracee=0, call="write", occurrence=1)):
        tracer = syscalls.attach(gone.pid, output=bench.output, inject=inject)
        with pytest.raises(AttachError, match=f"cannot trace process {gone.pid}: .*ptrace_scope"):
            tracer.wait_attached(10)
        tracer.finish(10)


@pytest.mark.parametrize("inject", [None, SyscallPoint(tracee=0, call="write", occurrence=1)])
def test_a_tracer_whose_program_lives_on_is_ended_at_its_deadline(
    bench: Bench, inject: SyscallPoint | None
) -> None:
    """`finish` is bounded: it ends the tracer, reaps it and names the process."""
    program = subprocess.Popen(["sleep", "100"])
    tracer = syscalls.attach(program.pid, output=bench.output, inject=inject)
    tracer.wait_attached(10)
    with pytest.raises(TracerStuckError, match=f"process {program.pid} was still running"):
        tracer.finish(0.2)
    program.kill()
    assert program.wait() == -9


def test_a_missing_strace_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without strace, tracing answers with the name of the package."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingToolError, match="strace is missing"):
        syscalls.attach(os.getpid(), output=tmp_path / "trace")


def test_a_file_that_is_no_trace_is_refused(tmp_path: Path) -> None:
    """The reader names the file rather than report an empty trace."""
    other = tmp_path / "other"
    other.write_text("hello\n")
    with pytest.raises(TraceUnreadableError, match="other"):
        syscalls.read_trace(other, tmp_path)
    with pytest.raises(TraceUnreadableError, match="missing"):
        syscalls.read_trace(tmp_path / "missing", tmp_path)
