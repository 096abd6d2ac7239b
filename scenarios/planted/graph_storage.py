"""Wrong storages under the graph store: a name is given to a file before its content is whole.

The steps reach the points of the right verbs, each right after the call that it makes, so that a
campaign kills between the same kinds of calls. They never change what a reader sees of a verb that
was left in peace.
"""

from __future__ import annotations

import os

from engine.storage import Local
from engine.storage.calls import FILE_MODE, around
from engine.storage.paths import check_path, parent_of
from killpoint.failpoints import Effect, reach
from killpoint.invariants import OPENS
from scenarios.planted.graph import WRITES
from scenarios.planted.patch import Bug, planted, put


def claim_before_content() -> None:
    """Take the final name first, then fill the file."""

    def put_if_absent(self: Local, effect: Effect, path: str, data: bytes) -> bool:
        check_path(path)
        with around(effect, "put_if_absent", path):
            self._directories.ensure(effect, parent_of(path))
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                descriptor = os.open(self._root / path, flags, FILE_MODE)
            except FileExistsError:
                return False
            try:
                os.write(descriptor, reach(effect["created"], path, data))
                reach(effect["written"], path)
            finally:
                os.close(descriptor)
        return True

    put(Local, "put_if_absent", put_if_absent)


def truncate_in_place() -> None:
    """Empty the object, then fill it again."""

    def wrong(self: Local, effect: Effect, path: str, data: bytes) -> None:
        check_path(path)
        with around(effect, "put", path):
            self._directories.ensure(effect, parent_of(path))
            with (self._root / path).open("wb", buffering=0) as file:
                file.write(reach(effect["created"], path, data))
                reach(effect["written"], path)

    put(Local, "put", wrong)


BUGS = (
    Bug(
        name="claimed_first",
        mechanism="a creation takes the final name, and writes the content afterwards",
        expected=OPENS,
        plant=claim_before_content,
        about=WRITES,
        rows=("2",),
    ),
    Bug(
        name="truncated_in_place",
        mechanism="a put empties the file that stands there, and fills it again",
        expected=OPENS,
        plant=truncate_in_place,
        about=WRITES,
        rows=("3",),
    ),
)

SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
