"""Kill a whole program at the entry of one system call of one of its processes.

A forked child of the caller follows the victim and all it creates with ptrace, numbers them in
order of creation and counts calls as `trace` does. At the pair it was given it kills every other
tracee first and the struck one last, so that no parent comes round to go on; the struck one
stands at the entry of its call, which the kernel then never begins. If the striker dies, the
kernel kills all that it follows.

It never lets a struck program run on, and it never restarts anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.sources import ptrace
from killpoint.sources.calls import Call, by_number

if TYPE_CHECKING:
    from killpoint.sources.trace import SyscallPoint

ATTACHED = b"attached"
_WAIT_ALL = 0x40000000
_SYSCALL_STOP = signal.SIGTRAP | 0x80
_GROUP_STOPS = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
_AT_FDCWD = 0xFFFFFF9C
_LOW = 0xFFFFFFFF
_FILES_MAX = 1 << 20
_PATH_BYTES_MAX = 4096


def start_striker(pid: int, *, output: Path, point: SyscallPoint) -> tuple[int, int]:
    """Fork the striker of `pid`; return its process id and the pipe it reports on."""
    reader, writer = os.pipe()
    striker = fork_quietly()
    if striker == 0:
        _live(pid, writer, output, point)
    os.close(writer)
    return striker, reader


def fork_quietly() -> int:
    """Fork a child that uses no state of any thread, without the warning that 3.12 gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _live(pid: int, writer: int, output: Path, point: SyscallPoint) -> None:
    """Be the striker, from birth to exit; never returns."""
    code = 1
    try:
        ptrace.die_with_parent(signal.SIGKILL)
        # A copy of the victim's pipes here would hide from their readers that it died.
        os.dup2(writer, 3)
        os.closerange(4, _FILES_MAX)
        try:
            ptrace.seize(pid)
        except OSError as error:
            os.write(3, str(error).encode())
        else:
            os.write(3, ATTACHED)
            output.write_text("")
            _Strike(first=pid, point=point, output=output).follow()
            code = 0
    finally:
        os._exit(code)


@dataclass(slots=True)
class _Strike:
    """The tracees, their counts, and the pair to wait for."""

    first: int
    point: SyscallPoint
    output: Path
    numbers: dict[int, int] = field(default_factory=dict)
    alive: set[int] = field(default_factory=set)
    count: int = 0
    calls: dict[int, Call] = field(default_factory=lambda: by_number(os.uname().machine))

    def follow(self) -> None:
        """See every stop of every tracee until none is left."""
        self._number(self.first)
        while True:
            try:
                tid, status = os.waitpid(-1, _WAIT_ALL)
            except ChildProcessError:
                return
            if not os.WIFSTOPPED(status):
                self.alive.discard(tid)
                continue
            self._number(tid)
            # Whoever was killed meanwhile cannot be asked anything: its end comes next.
            with contextlib.suppress(ProcessLookupError):
                self._answer(tid, status)

    def _number(self, tid: int) -> int:
        self.alive.add(tid)
        return self.numbers.setdefault(tid, len(self.numbers))

    def _answer(self, tid: int, status: int) -> None:
        """Do what one stop asks for.

        Only the tracee that is aimed at stops at its calls; the others run at full speed.
        """
        stop, event = os.WSTOPSIG(status), status >> 16
        aimed_at = self.numbers[tid] == self.point.tracee
        if event == ptrace.Event.STOP and stop in _GROUP_STOPS:
            ptrace.listen(tid)
        elif event:
            if event in (ptrace.Event.FORK, ptrace.Event.VFORK, ptrace.Event.CLONE):
                self._number(ptrace.new_tracee(tid))
            ptrace.resume(tid, to_next_call=aimed_at)
        elif stop != _SYSCALL_STOP:
            ptrace.resume(tid, to_next_call=aimed_at, signal_number=stop)
        elif not self._is_struck(tid):
            ptrace.resume(tid, to_next_call=aimed_at)

    def _is_struck(self, tid: int) -> bool:
        """Count the call that `tid` enters, and kill the program when it is the one."""
        if (entered := ptrace.entered_call(tid)) is None:
            return False
        number, args = entered
        call = self.calls.get(number)
        if call is None or call.name != self.point.call or not call.counts(args):
            return False
        self.count += 1
        if self.count != self.point.occurrence:
            return False
        paths = _paths(tid, call, args)
        for other in [*sorted(self.alive - {tid}), tid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)
        self.output.write_text(json.dumps({"paths": paths}) + "\n")
        return True


def _paths(tid: int, call: Call, args: tuple[int, ...]) -> list[str]:
    """Return the absolute paths that a call is about to touch, the one it makes last."""
    if call.name == "msync":
        return _mapped(tid, args[0])
    found = []
    for target in call.targets:
        with contextlib.suppress(OSError):
            here = target.fd < 0 or args[target.fd] & _LOW == _AT_FDCWD
            link = "cwd" if here else f"fd/{args[target.fd] & _LOW}"
            base = Path(f"/proc/{tid}/{link}").readlink()
            found.append(str(base / _text(tid, args[target.path]) if target.path >= 0 else base))
    return found


def _text(tid: int, address: int) -> str:
    """Return the C string at an address of a stopped tracee."""
    text = b""
    with open(f"/proc/{tid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        # A page at a time: the page behind the string need not be there.
        while b"\0" not in text and len(text) < _PATH_BYTES_MAX:
            text += memory.read(_PATH_BYTES_MAX - (address + len(text)) % _PATH_BYTES_MAX)
    return os.fsdecode(text.partition(b"\0")[0])


def _mapped(tid: int, address: int) -> list[str]:
    """Return the file that is mapped at an address of a stopped tracee."""
    for line in Path(f"/proc/{tid}/maps").read_text("utf-8", "surrogateescape").splitlines():
        span, *_, last = line.split(maxsplit=5)
        start, _, end = span.partition("-")
        if int(start, 16) <= address < int(end, 16) and last.startswith("/"):
            return [last]
    return []
