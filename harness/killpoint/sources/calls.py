"""The file-system calls that can change a directory, and which of their arguments say where.

One table serves the tracer (names, places of paths) and the striker (numbers). A call counts by
its form: an open counts when it may create or truncate, an ioctl when it clones a file; reads of
shared libraries would otherwise make occurrences depend on the machine. It never looks at what
the calls return.
"""

from __future__ import annotations

from dataclasses import dataclass

OPEN_CHANGES = ("O_CREAT", "O_TRUNC", "O_TMPFILE")
OPEN_CHANGES_MASK = 0o100 | 0o1000 | 0o20000000
CLONES = {"FICLONE": 0x40049409, "FICLONERANGE": 0x4020940D}
CLONE_TEXTS = ("FICLONE", "BTRFS_IOC_CLONE")
ABSENT = -1
MARK_CALLS = ("newfstatat", "stat", "lstat", "statx", "fstatat64")
PROCESS_CALLS = ("clone", "clone3", "fork", "vfork", "chdir", "fchdir")
BLIND_CALLS = ("mmap", "io_uring_setup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a call names what it touches, as positions of arguments.

    `fd` alone is an open file, `path` alone is relative to the working directory, both together
    are a path relative to an open directory.
    """

    fd: int = ABSENT
    path: int = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that can change a directory: its number on each machine, and its targets.

    `flags` is the position of the open flags, `request` that of the ioctl request.
    """

    name: str
    x86_64: int
    aarch64: int
    targets: tuple[Target, ...]
    flags: int = ABSENT
    request: int = ABSENT

    def counts(self, args: tuple[int, ...]) -> bool:
        """Say whether a call with these raw arguments is of a form that can change something."""
        if self.flags != ABSENT:
            return bool(args[self.flags] & OPEN_CHANGES_MASK)
        if self.request != ABSENT:
            return args[self.request] & 0xFFFFFFFF in CLONES.values()
        return True

    def counts_as_text(self, args: tuple[str, ...]) -> bool:
        """Say the same of arguments in strace's words."""
        if self.flags != ABSENT:
            return any(flag in args[self.flags] for flag in OPEN_CHANGES)
        if self.request != ABSENT:
            return any(word in args[self.request] for word in CLONE_TEXTS)
        return True


def _call(name: str, numbers: tuple[int, int], *targets: Target) -> Call:
    return Call(name=name, x86_64=numbers[0], aarch64=numbers[1], targets=targets)


_FD = Target(fd=0)
_PATH = Target(path=0)
_AT = Target(fd=0, path=1)
_TO = Target(path=1)
_TO_AT = Target(fd=2, path=3)

_TABLE = (
    Call(name="open", x86_64=2, aarch64=ABSENT, targets=(_PATH,), flags=1),
    Call(name="openat", x86_64=257, aarch64=56, targets=(_AT,), flags=2),
    # The flags of openat2 are in memory: every one of them counts.
    _call("openat2", (437, 437), _AT),
    _call("creat", (85, ABSENT), _PATH),
    _call("write", (1, 64), _FD),
    _call("pwrite64", (18, 68), _FD),
    _call("writev", (20, 66), _FD),
    _call("pwritev", (296, 70), _FD),
    _call("pwritev2", (328, 287), _FD),
    _call("sendfile", (40, 71), _FD),
    _call("splice", (275, 76), Target(fd=2)),
    _call("copy_file_range", (326, 285), Target(fd=2)),
    Call(name="ioctl", x86_64=16, aarch64=29, targets=(_FD,), request=1),
    _call("ftruncate", (77, 46), _FD),
    _call("truncate", (76, 45), _PATH),
    _call("fallocate", (285, 47), _FD),
    _call("rename", (82, ABSENT), _PATH, _TO),
    _call("renameat", (264, 38), _AT, _TO_AT),
    _call("renameat2", (316, 276), _AT, _TO_AT),
    _call("link", (86, ABSENT), _PATH, _TO),
    _call("linkat", (265, 37), _AT, _TO_AT),
    _call("symlink", (88, ABSENT), _TO),
    _call("symlinkat", (266, 36), Target(fd=1, path=2)),
    _call("unlink", (87, ABSENT), _PATH),
    _call("unlinkat", (263, 35), _AT),
    _call("mkdir", (83, ABSENT), _PATH),
    _call("mkdirat", (258, 34), _AT),
    _call("rmdir", (84, ABSENT), _PATH),
    _call("mknod", (133, ABSENT), _PATH),
    _call("mknodat", (259, 33), _AT),
    _call("chmod", (90, ABSENT), _PATH),
    _call("fchmod", (91, 52), _FD),
    _call("fchmodat", (268, 53), _AT),
    _call("fchmodat2", (452, 452), _AT),
    _call("fsync", (74, 82), _FD),
    _call("fdatasync", (75, 83), _FD),
    _call("sync_file_range", (277, 84), _FD),
    _call("syncfs", (306, 267), _FD),
    # msync names an address: the tracer and the striker look up what is mapped there.
    _call("msync", (26, 227)),
)

CALLS: dict[str, Call] = {call.name: call for call in _TABLE}


def by_number(machine: str) -> dict[int, Call]:
    """Return the calls by their number on `machine`, as `os.uname().machine` names it.

    The answer is empty for a machine whose numbers the table does not have.
    """
    match machine:
        case "x86_64":
            return {call.x86_64: call for call in _TABLE if call.x86_64 != ABSENT}
        case "aarch64":
            return {call.aarch64: call for call in _TABLE if call.aarch64 != ABSENT}
        case _:
            return {}


def trace_set(*, marks: bool) -> str:
    """Return strace's `trace=` expression: a `?` lets a machine lack a call."""
    names = [*CALLS, *PROCESS_CALLS, *BLIND_CALLS, *(MARK_CALLS if marks else ())]
    return ",".join(f"?{name}" for name in names)
