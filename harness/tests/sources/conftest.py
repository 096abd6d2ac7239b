"""Programs that are traced and struck for real: a C program, shell scripts, Python."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from killpoint.sources import syscalls
from killpoint.sources.striker import fork_quietly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from killpoint.sources.syscalls import SyscallHit, SyscallPoint, SyscallTrace

DEADLINE_S = 20.0

WRITER = r"""
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
static void put(int file, const char *text, int size) {
    if (write(file, text, size) != size) _exit(9);
}
int main(void) {
    int file = open("part", O_CREAT | O_WRONLY | O_TRUNC, 0644);
    put(file, "one", 3); put(file, "tw\"o", 4); put(file, "three", 5);
    close(file);
    rename("part", "whole");
    unlink("nothing");
    mkdir("d", 0755);
    if (fork() == 0) {
        int other = open("d/odd, (x)>\303\251\n", O_CREAT | O_WRONLY, 0644);
        put(other, "child", 5);
        _exit(0);
    }
    wait(NULL);
    file = open("whole", O_WRONLY | O_APPEND);
    put(file, "!", 1);
    return 0;
}
"""


@dataclass(slots=True)
class Bench:
    """A store's root, and a way to run a program in it under a tracer."""

    root: Path
    output: Path

    def run(
        self, command: Sequence[str], inject: SyscallPoint | None = None, *, marks: bool = False
    ) -> int:
        """Run a program from an empty root; return its wait status."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        reader, writer = os.pipe()
        if (child := fork_quietly()) == 0:
            os.setpgid(0, 0)
            os.close(writer)
            os.chdir(self.root)
            syscalls.allow_tracing()
            os.read(reader, 1)
            os.execv(command[0], list(command))
        os.close(reader)
        tracer = syscalls.attach(child, output=self.output, inject=inject, marks=marks)
        tracer.wait_attached(DEADLINE_S)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        tracer.finish(DEADLINE_S)
        return status

    def trace(self, command: Sequence[str]) -> SyscallTrace:
        """Run a program without fault and return its trace."""
        assert self.run(command) == 0
        return syscalls.read_trace(self.output, self.root)

    def strike(self, command: Sequence[str], point: SyscallPoint) -> SyscallHit | None:
        """Run a program with a kill at `point`; return what was struck."""
        status = self.run(command, inject=point)
        struck = syscalls.killed_at(self.output, self.root, point)
        assert (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL) == bool(struck)
        return struck

    def files(self) -> dict[str, bytes]:
        """Return the names below the root with their bytes; a directory has none."""
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.root.rglob("*"))
        }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A root to work in; the whole harness must be able to trace, or strace be missing."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    assert syscalls.unavailable() == ""
    return Bench(root=tmp_path / "root", output=tmp_path / "trace")


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Compile the C program once; the answer is its command."""
    place = tmp_path_factory.mktemp("writer")
    (place / "writer.c").write_text(WRITER)
    subprocess.run(["gcc", "-o", "writer", "writer.c"], cwd=place, check=True)
    return [str(place / "writer")]
