"""Fork one child, hear what it says, and bury it with its whole process group.

The child writes framed messages into a pipe that the parent owns; whatever arrived before it died
is kept, a torn last frame is dropped. Its standard output and error go to a memory file. The
parent waits on a pidfd, so a deadline is exact; it empties the pipe when the child is gone, and
now and then before that, for a child that says more than a pipe holds.

It never lets an exception of the work escape into the parent's code: a child always ends in
`os._exit`, and `ChildEnd` says how.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed leaves it out
import contextlib
import ctypes
import faulthandler
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from killpoint.sources.syscalls import allow_tracing

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
EXIT_RAISED = 70
OUTPUT_BYTES_MAX = 64 * 1024
PIPE_BYTES = 64 * 1024
STACK_DUMP_S = 0.2
# Waking the parent for every message would cost as much as the message does. A child is over long
# before the first look; one that fills the pipe is looked at again soon.
LOOK_FIRST_MS = 20.0
LOOK_AGAIN_MS = 1.0
LOOK_MS_MAX = 200.0

Gate = tuple[socket.socket, socket.socket]

# A forked child copies each page of memory that it touches, and the enumerations of `signal` are
# many: plain numbers, and the module in C below `signal`, halve what it costs to be born.
_KILL = int(signal.SIGKILL)
_DEFAULT = int(signal.SIG_DFL)
_TO_DEFAULT = (int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIGPIPE))

# Not CDLL: giving the interpreter's lock away and keeping errno cost a child 40 pages more.
_libc = ctypes.PyDLL(None)
_head = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def become_subreaper() -> None:
    """Adopt the orphans of this process's descendants, so that they can be killed and reaped."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Have this process killed as soon as the one that started it is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, _KILL, 0, 0, 0)


class Channel:
    """The child's end of the pipe, and of the socket on which it can stop."""

    __slots__ = ("_descriptor", "_stop")

    def __init__(self, descriptor: int, stop: socket.socket | None = None) -> None:
        """Write to this descriptor from now on."""
        self._descriptor = descriptor
        self._stop = stop

    def halt(self) -> None:
        """Stand still until the parent has looked at what is on disk."""
        assert self._stop is not None, "only a child that is photographed may stop"
        self._stop.send(b"s")
        self._stop.recv(1)

    def send(self, *message: Any) -> None:  # noqa: ANN401 -- plain data of any shape
        """Write one message whole; plain data only."""
        body = _encode(message)
        left = memoryview(_head.pack(len(body)) + body)
        while left:
            left = left[os.write(self._descriptor, left) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnd:
    """How a child ended and what it had said by then."""

    pid: int
    exit_code: int
    timed_out: bool
    messages: tuple[list[Any], ...]
    output: str
    elapsed_s: float

    @property
    def how(self) -> str:
        """Say in two or three words how it ended."""
        if self.timed_out:
            return "its deadline"
        return f"signal {-self.exit_code}" if self.exit_code < 0 else f"exit code {self.exit_code}"

    @property
    def killed(self) -> bool:
        """Tell whether SIGKILL ended it, and not its deadline."""
        return self.exit_code == -_KILL and not self.timed_out

    def last(self, kind: str) -> list[Any] | None:
        """Return the last message of that kind, without the kind itself."""
        said = self.all(kind)
        return said[-1] if said else None

    def all(self, kind: str) -> list[list[Any]]:
        """Return all messages of that kind, without the kind itself."""
        return [message[1:] for message in self.messages if message[0] == kind]


class Nursery:
    """Runs children one after another; one a worker, since children share its memory file."""

    def __init__(self) -> None:
        """Adopt orphans and make the file that collects output."""
        become_subreaper()
        self._output = os.memfd_create("killpoint-output", os.MFD_CLOEXEC)
        # Children inherit it, and in them the descriptor is that of their output.
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)

    def run(
        self,
        work: Callable[[Channel], None],
        *,
        deadline_s: float,
        attach: Callable[[int], None] | None = None,
        look: Callable[[], None] | None = None,
    ) -> ChildEnd:
        """Fork, run `work` in the child, wait for its end, and kill what is left of its group.

        `attach` is called with the child's pid before `work` starts; the child waits for it, and
        lets any process trace it. `look` is called each time the child halts.
        """
        os.ftruncate(self._output, 0)
        os.lseek(self._output, 0, os.SEEK_SET)
        hear, speak = os.pipe2(os.O_CLOEXEC)
        gate = socket.socketpair() if attach is not None else None
        stop = socket.socketpair() if look is not None else None
        sys.stdout.flush()
        sys.stderr.flush()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(hear)
            _be_child(work, Channel(speak, stop[0] if stop else None), self._output, gate)
        os.close(speak)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        try:
            if gate is not None and attach is not None:
                gate[0].close()
                with gate[1]:
                    # The child says that it waits; only then may anything fasten on to it.
                    gate[1].recv(1)
                    attach(pid)
            halts = None
            if stop is not None and look is not None:
                stop[0].close()
                halts = Halts(stop[1], look)
            frames, exit_code, timed_out = _wait(pid, hear, deadline_s, halts)
        finally:
            os.close(hear)
            if stop is not None:
                stop[1].close()
            _bury_group(pid)
        return ChildEnd(
            pid=pid,
            exit_code=exit_code,
            timed_out=timed_out,
            messages=_messages(frames),
            output=self._read_output(),
            elapsed_s=time.monotonic() - started,
        )

    def _read_output(self) -> str:
        size = os.fstat(self._output).st_size
        if size == 0:
            return ""
        start = max(size - OUTPUT_BYTES_MAX, 0)
        return os.pread(self._output, OUTPUT_BYTES_MAX, start).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Halts:
    """The parent's end of the socket on which a child stops to be looked at."""

    socket: socket.socket
    look: Callable[[], None]

    def answer(self) -> bool:
        """Look at the halted child's work and let it go on; tell whether it can halt again."""
        if not self.socket.recv(1):
            return False
        self.look()
        self.socket.send(b"g")
        return True


def _be_child(
    work: Callable[[Channel], None], channel: Channel, output: int, gate: Gate | None
) -> None:
    code = EXIT_RAISED
    try:
        os.setpgid(0, 0)
        die_with_parent()
        for each in _TO_DEFAULT:
            _signal.signal(each, _DEFAULT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if gate is not None:
            gate[1].close()
            with gate[0]:
                allow_tracing()
                gate[0].send(b"w")
                gate[0].recv(1)
        try:
            work(channel)
            code = 0
        except BaseException as error:  # noqa: BLE001 -- the child's last words, whatever it is
            channel.send("raised", type(error).__name__, str(error), traceback.format_exc())
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
    finally:
        os._exit(code)


def _wait(
    pid: int, hear: int, deadline_s: float, halts: Halts | None
) -> tuple[bytearray, int, bool]:
    os.set_blocking(hear, False)
    handle = os.pidfd_open(pid)
    heard = bytearray()
    timed_out = False
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if halts is not None:
            poll.register(halts.socket, select.POLLIN)
        end = time.monotonic() + deadline_s
        look_ms = LOOK_FIRST_MS
        while True:
            left_ms = max((end - time.monotonic()) * 1000, 0)
            ready = {descriptor for descriptor, _ in poll.poll(min(left_ms, look_ms))}
            if halts is not None and halts.socket.fileno() in ready:
                if not halts.answer():
                    poll.unregister(halts.socket)
                _drain(hear, heard)
                continue
            if handle in ready:
                break
            if left_ms <= look_ms:
                timed_out = True
                _dump_stacks_and_kill(pid, handle)
                break
            look_ms = LOOK_AGAIN_MS if _drain(hear, heard) else min(look_ms * 2, LOOK_MS_MAX)
        _, status = os.waitpid(pid, 0)
        _drain(hear, heard)
    finally:
        os.close(handle)
    return heard, os.waitstatus_to_exitcode(status), timed_out


def _drain(hear: int, heard: bytearray) -> bool:
    """Read what is there; tell whether there was anything."""
    before = len(heard)
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(hear, PIPE_BYTES):
            heard += chunk
    return len(heard) > before


def _dump_stacks_and_kill(pid: int, handle: int) -> None:
    # A child past its deadline says where it stands before it dies; only that makes a hang useful.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
    select.select([handle], [], [], STACK_DUMP_S)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, _KILL)


def _bury_group(group: int) -> None:
    try:
        os.killpg(group, _KILL)
    except (ProcessLookupError, PermissionError):
        return
    # The members became ours through the subreaper; wait until each is gone.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-group, 0)


def _messages(heard: bytearray) -> tuple[list[Any], ...]:
    messages = []
    position = 0
    while position + _head.size <= len(heard):
        (length,) = _head.unpack_from(heard, position)
        end = position + _head.size + length
        if end > len(heard):
            break
        messages.append(_decode(heard[position + _head.size : end]))
        position = end
    return tuple(messages)


def plain(value: object) -> Any:  # noqa: ANN401 -- whatever shape the state has
    """Return the value as it looks after the pipe: tuples become lists, sets are refused."""
    return _decode(_encode(value))
