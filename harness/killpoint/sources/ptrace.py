"""The few ptrace requests that the striker needs, by way of libc.

Linux only, and checked before use by `syscalls.unavailable`. All requests for a tracee must come
from the thread that seized it. It never decides anything.
"""

from __future__ import annotations

import ctypes
import os
from enum import IntEnum


class Request(IntEnum):
    """Requests, with the kernel's numbers."""

    CONT = 7
    SYSCALL = 24
    GETEVENTMSG = 0x4201
    SEIZE = 0x4206
    INTERRUPT = 0x4207
    LISTEN = 0x4208
    GET_SYSCALL_INFO = 0x420E


class Event(IntEnum):
    """Why a tracee stopped, as the kernel puts it above the signal."""

    FORK = 1
    VFORK = 2
    CLONE = 3
    EXEC = 4
    STOP = 128


_TRACE_SYSCALLS_APART = 0x01
_FOLLOW = 0x02 | 0x04 | 0x08 | 0x10
_DIE_WITH_TRACER = 0x100000
_ENTRY = 1
_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61
_ANY = -1


class _SyscallInfo(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("args", ctypes.c_uint64 * 6),
        ("rest", ctypes.c_uint64 * 4),
    )


_libc = ctypes.CDLL(None, use_errno=True)
_ptrace = _libc.ptrace if hasattr(_libc, "ptrace") else None
_info = _SyscallInfo()
_SIZE = ctypes.c_void_p(ctypes.sizeof(_info))
_WHERE = ctypes.c_void_p(ctypes.addressof(_info))


def seize(pid: int) -> None:
    """Take hold of a process with its later children; they die when this process dies."""
    _ask(Request.SEIZE, pid, data=_TRACE_SYSCALLS_APART | _FOLLOW | _DIE_WITH_TRACER)
    # Once interrupted, the process runs no instruction of its own before it stops for us.
    _ask(Request.INTERRUPT, pid)


def resume(tid: int, *, to_next_call: bool, signal_number: int = 0) -> None:
    """Let a stopped tracee run, to its next system call or to its next event.

    `signal_number` is delivered to it; 0 is none.
    """
    request = Request.SYSCALL if to_next_call else Request.CONT
    _ask(request, tid, data=signal_number)


def listen(tid: int) -> None:
    """Leave a tracee in its group stop, and hear when it ends."""
    _ask(Request.LISTEN, tid)


def new_tracee(tid: int) -> int:
    """Return the id of the tracee that a stopped one has just created."""
    message = ctypes.c_ulong()
    _ask(Request.GETEVENTMSG, tid, data=ctypes.addressof(message))
    return message.value


def entered_call(tid: int) -> tuple[int, tuple[int, ...]] | None:
    """Return number and arguments of the call that a stopped tracee is about to make.

    None means that the tracee has come back from a call.
    """
    _request(Request.GET_SYSCALL_INFO, tid, _SIZE, _WHERE)
    if _info.op != _ENTRY:
        return None
    return _info.number, tuple(_info.args)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number), 0, 0, 0)


def let_any_process_trace_me() -> None:
    """Permit tracing by a process that is no ancestor, where Yama would forbid it."""
    _libc.prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANY & (2**64 - 1)), 0, 0, 0)


def _ask(request: Request, tid: int, data: int = 0) -> None:
    _request(request, tid, ctypes.c_void_p(0), ctypes.c_void_p(data))


def _request(request: Request, tid: int, address: ctypes.c_void_p, data: ctypes.c_void_p) -> None:
    assert _ptrace is not None, "syscalls.unavailable comes before any request"
    if _ptrace(ctypes.c_long(request), ctypes.c_long(tid), address, data) == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace {request.name.lower()}: {os.strerror(code)}")
