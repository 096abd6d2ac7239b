"""The server that stands in for S3 outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from engine.tests.buckets import Buckets
from engine.tests.stores import DEADLINE_S, ROOT

STARTER = """
import signal
from engine.tests.buckets import serving
with serving() as buckets:
    print(buckets.process, flush=True)
    signal.pause()
"""


def _runs(process: int) -> bool:
    """Whether a process is there and is more than the remains of one."""
    try:
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123 -- one word of one line
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("buckets")
def test_the_server_ends_when_its_starter_is_killed() -> None:
    """SIGKILL runs no clean-up, and the server is in another process group."""
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        server = int(starter.stdout.readline())
        assert _runs(server)
        assert os.getpgid(server) != os.getpgid(starter.pid)
        starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_S
    while _runs(server):
        assert time.monotonic() < deadline, "the server runs on"
        time.sleep(0.01)


def test_every_place_is_another_one(buckets: Buckets) -> None:
    """Tests of one session share a bucket, and nothing in it."""
    assert buckets.url() != buckets.url()
