"""What the faults do: deaths in real processes, the rest in this one."""

from __future__ import annotations

import contextlib
import errno
import signal
import time
from typing import TYPE_CHECKING

import pytest

from killpoint.failpoints import FaultArgumentError, InjectedPanic, PauseTimeoutError, arm, reach
from tests.failpoints.probe import FIRST

if TYPE_CHECKING:
    from tests.failpoints.conftest import Run

STRUCK = """
import atexit, sys
atexit.register(print, "exit handler ran")
sys.stdout.write("unflushed")
arm("probe.first={fault}")
try:
    reach(FIRST)
finally:
    print("destructor ran")
"""


@pytest.mark.parametrize(
    ("fault", "status"),
    [("kill", -signal.SIGKILL), ("exit(7)", 7), ("abort", -signal.SIGABRT)],
)
def test_a_death_is_sudden(run: Run, fault: str, status: int) -> None:
    """No destructor, no exit handler, no flush: the process is gone, and says nothing."""
    program = "import faulthandler\nfaulthandler.enable()\n" + STRUCK.format(fault=fault)
    ended = run(program, PYTHONUNBUFFERED="")
    assert (status, "", "") == (ended.returncode, ended.stdout, ended.stderr)


def test_a_death_in_a_thread_takes_the_process(run: Run) -> None:
    """The point may be reached by any thread."""
    ended = run("""
import threading
arm("probe.first=kill")
thread = threading.Thread(target=reach, args=[FIRST])
thread.start()
thread.join()
print("alive")
""")
    assert (-signal.SIGKILL, "") == (ended.returncode, ended.stdout)


def test_a_hang_ends_only_with_its_process(run: Run) -> None:
    """A signal that is handled does not wake it; one that kills does."""
    ended = run("""
import os, signal, threading, time
handled = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: handled.set())
def nudge_and_kill():
    while not handled.wait(0.01):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    time.sleep(0.05)
    print("handled", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
arm("probe.first=hang", on_fire=lambda *_: threading.Thread(target=nudge_and_kill).start())
reach(FIRST)
print("woken")
""")
    assert (-signal.SIGKILL, "handled\n") == (ended.returncode, ended.stdout)


def test_a_raised_error_says_that_it_was_injected() -> None:
    """Whoever reads the traceback sees point and occurrence."""
    with arm("probe.first=raise(ValueError, 'no', 3)@2"):
        reach(FIRST)
        with pytest.raises(ValueError, match="no") as caught:
            reach(FIRST)
    assert ("no", 3) == caught.value.args
    assert ["injected at probe.first, occurrence 2"] == caught.value.__notes__


def test_an_errno_makes_the_error_that_the_system_would_raise() -> None:
    """A name or a number gives an OSError of the right subclass, with its errno and text."""
    with arm("probe.first=1*raise(OSError, ENOENT)->1*raise(OSError, 28)"):
        with pytest.raises(FileNotFoundError, match="No such file") as missing:
            reach(FIRST)
        with pytest.raises(OSError, match="No space left") as full:
            reach(FIRST)
    assert (errno.ENOENT, errno.ENOSPC) == (missing.value.errno, full.value.errno)


def test_a_dotted_type_is_imported() -> None:
    """An engine's own errors can be raised by the name under which they are imported."""
    plan = "probe.first=raise(concurrent.futures.process.BrokenProcessPool, 'x')"
    with arm(plan), pytest.raises(RuntimeError) as caught:
        reach(FIRST)
    assert "BrokenProcessPool" == type(caught.value).__name__


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("raise(NoSuchError)", "NoSuchError: cannot be found"),
        ("raise(no.such.Error)", "no.such.Error: cannot be found"),
        ("raise(KeyboardInterrupt)", "is no exception type to raise; .* panic"),
        ("raise(len)", "is no exception type to raise"),
        ("raise(UnicodeDecodeError, 'x')", "cannot be built"),
        (
            "raise(ValueError, ENOSPC)",
            r"errno names go with OSError only; .* raise\(OSError, ENOSPC",
        ),
    ],
)
def test_a_type_that_cannot_be_raised_is_refused_when_arming(fault: str, told: str) -> None:
    """Not when the point is reached, where it would look like an error of the engine."""
    with pytest.raises(FaultArgumentError, match=told):
        arm(f"probe.first={fault}")
    reach(FIRST)


def test_a_panic_passes_through_handlers_of_exceptions() -> None:
    """It is no Exception, so an engine that catches too much does not hide it."""

    def greedy() -> None:
        with contextlib.suppress(Exception):
            reach(FIRST)

    with arm("probe.first=panic(over)"), pytest.raises(InjectedPanic, match="over") as caught:
        greedy()
    assert ["injected at probe.first, occurrence 1"] == caught.value.__notes__


def test_return_replaces_the_payload_by_a_fresh_value() -> None:
    """What one caller does to the value does not reach the next."""
    with arm("probe.first=2*return([1])->1*return"):
        changed: object = reach(FIRST, "path", b"payload")
        assert isinstance(changed, list)
        changed.append(2)
        assert [[1], None, b"payload"] == [reach(FIRST, "path", b"payload") for _ in range(3)]


def test_print_says_its_text_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """With no text it says where it stands; the payload goes through."""
    with arm("probe.first=1*print(so it goes)->1*print->print(007)"):
        assert [1, 2, 3] == [reach(FIRST, payload=n) for n in (1, 2, 3)]
    assert "so it goes\nprobe.first, occurrence 2\n007\n" == capsys.readouterr().err


def test_sleep_waits_and_goes_on() -> None:
    """A delay changes nothing else."""
    start = time.perf_counter()
    with arm("probe.first=sleep(50ms)"):
        assert b"x" == reach(FIRST, "", b"x")
    assert 0.05 <= time.perf_counter() - start


def test_a_pause_that_nobody_ends_is_an_error() -> None:
    """It names the point and says how to release it; the term's own limit goes first."""
    with arm("probe.first=1*pause->pause(20ms)", pause_timeout_s=0.01):
        with pytest.raises(PauseTimeoutError, match=r"within 0.01 s: call release\(\)"):
            reach(FIRST)
        with pytest.raises(PauseTimeoutError, match=r"probe.first, occurrence 2, .* 0.02 s"):
            reach(FIRST)
