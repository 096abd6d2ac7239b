"""A campaign that is stopped, however, leaves no process, no directory and a readable record."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from killpoint.records import read_record
from tests.shell import STORES, Shell

GONE_S = 20.0


def _marked(scratch: Path) -> list[psutil.Process]:
    """Return every process that carries this test's own scratch place in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("KILLPOINT_SCRATCH") == str(scratch)
        except psutil.Error:
            continue
        if mine and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def _wait(condition: Callable[[], object], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + GONE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {GONE_S} s for {what()}"
        time.sleep(0.05)


def _left(scratch: Path) -> list[Path]:
    return list(scratch.glob("[0-9]*/*"))


def _record(shell: Shell) -> Path | None:
    runs = list((shell.directory / "reports").glob("2*/cases.arrow"))
    return runs[0].parent if runs else None


@pytest.mark.parametrize(
    "sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["ctrl-c", "sigterm", "sigkill"]
)
def test_a_stopped_campaign_cleans_up(shell: Shell, sent: signal.Signals) -> None:
    """No process, no store and an incomplete record, whichever signal stopped it."""
    # Each crash is verified, though most are equal: or it would be over before it is stopped.
    bounds = ("--workers", "2", "--no-measure", "--every")
    campaign = shell.start("run", str(STORES / "slow.py"), *bounds)
    _wait(lambda: _record(shell) and len(_marked(shell.scratch)) > 4, lambda: "the campaign to run")
    time.sleep(1.5)

    campaign.send_signal(sent)
    campaign.communicate(timeout=GONE_S)

    _wait(lambda: not _marked(shell.scratch), lambda: _marked(shell.scratch))
    _wait(lambda: not _left(shell.scratch), lambda: _left(shell.scratch))
    record = _record(shell)
    if record is None:
        (record,) = (shell.directory / "reports").glob("2*")
    read = read_record(record)
    assert not read.complete
    assert {signal.SIGINT: 130, signal.SIGTERM: 130, signal.SIGKILL: -9}[
        sent
    ] == campaign.returncode
