"""What a process does to a directory, file-system call by call, told as it is done.

`record(root, tape)` wraps the functions of `os` that the engine's storage calls; every call that
changes something below the root, or makes it durable, is written to the tape when it has returned.
So the tape of a process that is killed ends with the last call that was made. It is for forked
children only, it never changes what a call does, and it sees no other way into a directory:
whoever replays the tape compares the outcome with the real one.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What was done; the last two are of the workload, not of the file system."""

    CREATE = "create"
    WRITE = "write"
    SYNC = "sync"
    RENAME = "rename"
    LINK = "link"
    UNLINK = "unlink"
    MKDIR = "mkdir"
    RMDIR = "rmdir"
    CHMOD = "chmod"
    ATTEMPT = "attempt"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call that returned: a path inside the root, and what else it was given."""

    kind: Kind
    path: str = ""
    target: str = ""
    data: bytes = b""
    mode: int = 0


class Recorder:
    """Wraps `os` in this process and writes what passes to a tape."""

    def __init__(self, root: Path, tape: Path) -> None:
        """Begin at the end of the tape."""
        self._root = str(root)
        self._tape = os.open(tape, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._write = os.write
        self._files: dict[int, str] = {}

    def install(self) -> None:
        """Replace the functions of `os`, for as long as this process lives."""
        self._open, self._sync = os.open, os.fsync
        one = {"unlink": Kind.UNLINK, "mkdir": Kind.MKDIR, "rmdir": Kind.RMDIR}
        for name, kind in one.items():
            setattr(os, name, self._of_one(getattr(os, name), kind))
        for name, kind in (("rename", Kind.RENAME), ("link", Kind.LINK)):
            setattr(os, name, self._of_two(getattr(os, name), kind))
        os.chmod = self._changing_mode(os.chmod)
        os.open, os.write, os.fsync = self.open, self.write, self.fsync  # type: ignore[assignment]

    def say(self, kind: Kind, **fields: Any) -> None:  # noqa: ANN401 -- the fields of a step
        """Put a step on the tape, in one write."""
        self._write(self._tape, pickle.dumps(Step(kind=kind, **fields)))

    def open(self, path: Any, flags: int, *mode: int, **rest: Any) -> int:  # noqa: ANN401 -- as os
        """Open, and remember under which name."""
        fresh = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        descriptor = self._open(path, flags, *mode, **rest)
        name = self._inside(path)
        self._files[descriptor] = "" if name is None else name
        if fresh and name is not None:
            self.say(Kind.CREATE, path=name, mode=os.fstat(descriptor).st_mode & 0o7777)
        if name is None:
            del self._files[descriptor]
        return descriptor

    def write(self, descriptor: int, data: Any) -> int:  # noqa: ANN401 -- any buffer
        """Write, and tell what arrived."""
        count = self._write(descriptor, data)
        if descriptor in self._files:
            self.say(Kind.WRITE, path=self._files[descriptor], data=bytes(data[:count]))
        return count

    def fsync(self, descriptor: int) -> None:
        """Sync, and tell what is durable now."""
        self._sync(descriptor)
        if descriptor in self._files:
            self.say(Kind.SYNC, path=self._files[descriptor])

    def _of_one(self, call: Callable[..., Any], kind: Kind) -> Callable[..., None]:
        def wrapped(path: Any, *rest: Any, **named: Any) -> None:  # noqa: ANN401 -- as in os
            call(path, *rest, **named)
            if (name := self._inside(path)) is not None:
                self.say(kind, path=name)

        return wrapped

    def _of_two(self, call: Callable[..., Any], kind: Kind) -> Callable[..., None]:
        def wrapped(path: Any, target: Any, **named: Any) -> None:  # noqa: ANN401 -- as in os
            call(path, target, **named)
            names = self._inside(path), self._inside(target)
            if names[0] is not None and names[1] is not None:
                self.say(kind, path=names[0], target=names[1])

        return wrapped

    def _changing_mode(self, call: Callable[..., Any]) -> Callable[..., None]:
        def wrapped(path: Any, mode: int, **named: Any) -> None:  # noqa: ANN401 -- as in os
            call(path, mode, **named)
            if (name := self._inside(path)) is not None:
                self.say(Kind.CHMOD, path=name, mode=mode)

        return wrapped

    def _inside(self, path: Any) -> str | None:  # noqa: ANN401 -- whatever os takes
        """Return the name inside the root, empty for the root itself; None for what is outside."""
        name = os.fspath(path)
        if name == self._root:
            return ""
        return name[len(self._root) + 1 :] if name.startswith(f"{self._root}/") else None


def played(tape: Path) -> Iterator[Step]:
    """Return what is on a tape; a step that was cut short by a death is left out."""
    with tape.open("rb") as told:
        while True:
            try:
                yield pickle.load(told)  # noqa: S301 -- we wrote it
            except (EOFError, pickle.UnpicklingError):
                return
