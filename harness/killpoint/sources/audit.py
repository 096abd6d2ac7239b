"""The second look at Python code: audit events for changes that no wrapper announced.

Python raises an audit event for most calls that open or change a file, also when C code of the
interpreter makes them or a reference that nobody could replace. An event that arrives while no
wrapper of its thread is at work is a change that has no point. It never sees writes to a file
that is already open: Python raises no event for them.
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from killpoint.sources.places import Roots, inside, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

OPEN_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# Which arguments of an event name a path or an open file.
_EVENTS: dict[str, tuple[int, ...]] = {
    "open": (0,),
    "os.chmod": (0,),
    "os.link": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "mmap.__new__": (0,),
    "sqlite3.connect": (0,),
}
_DIRECTORIES = {"os.mkdir": (2,), "os.remove": (1,), "os.rmdir": (1,), "os.rename": (2, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A change of the store that no point stands before: the audit event, and the path."""

    event: str
    path: str


def watch(roots: Roots, *, announced: Callable[[], bool], found: list[Unseen]) -> None:
    """Add to `found` every change below the roots that arrives while nothing is `announced`.

    An audit hook stays for the life of the process.
    """

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event not in _EVENTS or announced() or not _changes(event, args):
            return
        for place, argument in enumerate(_EVENTS[event]):
            path = path_of(args[argument], _directory(event, place, args))
            name = None if path is None else inside(roots, path)
            if name is not None:
                found.append(Unseen(event=event, path=name))

    sys.addaudithook(hook)


def _changes(event: str, args: tuple[Any, ...]) -> bool:
    """Whether an event of this kind, with these arguments, announces a change."""
    match event:
        case "open":
            return isinstance(args[2], int) and bool(args[2] & OPEN_WRITES)
        case "mmap.__new__":
            return args[2] not in (mmap.ACCESS_READ, mmap.ACCESS_COPY)
        case _:
            return True


def _directory(event: str, place: int, args: tuple[Any, ...]) -> object:
    positions = _DIRECTORIES.get(event, ())
    return args[positions[place]] if place < len(positions) else None
