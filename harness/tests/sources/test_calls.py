"""The table of calls against the machine and against strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from killpoint.sources.calls import CALLS, by_number, trace_set

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def test_numbers_are_those_of_the_kernel_headers() -> None:
    """A wrong number would strike another call: compare with the system's own list."""
    if os.uname().machine != "x86_64" or not HEADER.exists():
        pytest.skip("no kernel headers for x86_64 here")
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text()))
    # fchmodat2 is younger than some headers.
    known = {name: str(call.x86_64) for name, call in CALLS.items() if name in numbers}
    assert {name: numbers[name] for name in known} == known
    assert set(CALLS) - set(known) <= {"fchmodat2"}


def test_numbers_are_distinct_on_each_machine() -> None:
    """No two calls share a number, and an unknown machine has none at all."""
    assert len(by_number("x86_64")) == len(CALLS)
    missing = [name for name, call in CALLS.items() if call.aarch64 < 0]
    assert len(by_number("aarch64")) == len(CALLS) - len(missing)
    assert {} == by_number("vax")


def test_strace_knows_the_trace_set() -> None:
    """Strace refuses an expression with a name that it cannot place."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    options = ["-o", "/dev/null", f"--trace={trace_set(marks=True)}", "true"]
    done = subprocess.run(["strace", *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "args", "text", "counts"),
    [
        ("openat", (0, 0, 0), ("", "", "O_RDONLY"), False),
        ("openat", (0, 0, os.O_WRONLY), ("", "", "O_WRONLY"), False),
        ("openat", (0, 0, os.O_CREAT), ("", "", "O_CREAT"), True),
        ("open", (0, os.O_TRUNC | os.O_RDWR), ("", "O_RDWR|O_TRUNC"), True),
        ("openat", (0, 0, os.O_TMPFILE | os.O_RDWR), ("", "", "O_RDWR|O_TMPFILE"), True),
        ("ioctl", (3, 0x5401), ("3", "TCGETS"), False),
        ("ioctl", (3, 0x40049409), ("3", "BTRFS_IOC_CLONE or FICLONE"), True),
        ("write", (1, 0, 0), ("1", "", "0"), True),
    ],
)
def test_raw_arguments_and_their_text_count_alike(
    name: str, args: tuple[int, ...], text: tuple[str, ...], *, counts: bool
) -> None:
    """The trace and the striker must number the same calls."""
    call = CALLS[name]
    assert (counts, counts) == (call.counts(args), call.counts_as_text(text))
