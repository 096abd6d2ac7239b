"""The one process that may write to a bucket: its name stands in the object `fence`.

No kernel guards a bucket, so nobody lets go of a lock for the dead. Instead a process claims the
whole place before its first lock, by compare-and-swap, and its handles exclude each other in
memory. It gives the place back when its last handle is closed. A process that died without that is
known to be dead by the machine it ran on, exactly: same boot, same process ids, no such process.
Seen from any other machine it may live, so the claim stands until somebody deletes the object.

A claim is looked at before every lock, so a process that lost it takes no more locks. What it had
under way may still arrive: a request that was sent cannot be called back. It never waits, and
never guesses.
"""

from __future__ import annotations

import logging
import os
import threading
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from engine.storage.calls import naming
from engine.storage.errors import (
    FenceMissingError,
    ForeignWriterError,
    NotFoundError,
)
from engine.storage.fence import FENCE_NAME
from engine.storage.locks import Holders, ProcessLocks

if TYPE_CHECKING:
    from engine.storage.bucket import Bucket

FREE = b"free\n"
ATTEMPTS_MAX = 5
MACHINE_BYTES = 16
DEAD_STATES = frozenset({"Z", "X"})
START_FIELD = 19  # of /proc/<pid>/stat, counted after the name; the state is the first

_log = logging.getLogger(__name__)


class Here:
    """What the handles of this process on one place share."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.holders = Holders()
        self.writers_count = 0


_places: dict[str, Here] = {}


class Claim:
    """One handle's part in the claim of its process."""

    def __init__(self, bucket: Bucket, place: str) -> None:
        """Two handles of a process are on the same place when `place` is equal."""
        self._bucket = bucket
        self._here = _places.setdefault(place, Here())
        self._locks = ProcessLocks(self._here.holders, self.admit)
        self._writes = False

    @property
    def locks(self) -> ProcessLocks:
        """The locks of this place."""
        return self._locks

    def make(self) -> None:
        """Make the object, claimed by nobody."""
        self._bucket.put_new(FENCE_NAME, FREE)

    def admit(self) -> None:
        """Claim the place, or see that the claim still stands.

        Raises `ForeignWriterError` while another process has it that is not known to be dead.
        """
        with self._here.mutex, naming("claim", FENCE_NAME):
            self._take()
            if not self._writes:
                self._writes = True
                self._here.writers_count += 1

    def leave(self) -> None:
        """Give the place back if no other handle of this process writes there."""
        with self._here.mutex:
            if not self._writes:
                return
            self._writes = False
            self._here.writers_count -= 1
            if not self._here.writers_count:
                self._give_back()

    def _take(self) -> None:
        """Put our name there, unless it stands there or another's does."""
        ours = _name_of(os.getpid())
        for _ in range(ATTEMPTS_MAX):
            try:
                found = self._bucket.get(FENCE_NAME)
            except NotFoundError:
                raise FenceMissingError from None
            if found.data == ours:
                return
            if found.data != FREE and not _known_dead(found.data):
                break
            if self._bucket.put_over(FENCE_NAME, ours, found.tag):
                return
        raise ForeignWriterError

    def _give_back(self) -> None:
        """Take our name away. If that fails, our death will do."""
        try:
            found = self._bucket.get(FENCE_NAME)
            if found.data == _name_of(os.getpid()):
                self._bucket.put_over(FENCE_NAME, FREE, found.tag)
        except (OSError, NotFoundError):
            _log.warning("the claim of this process stays until it ends", exc_info=True)


def _name_of(process: int) -> bytes:
    """Return what no other process has been or will be called, on any machine."""
    _, start = _state_and_start(process)
    return f"writer {_machine()} {process} {start}\n".encode()


def _known_dead(name: bytes) -> bool:
    """Whether the process of that name ran here, and runs no more."""
    match name.decode(errors="replace").split():
        case ["writer", machine, process, start] if machine == _machine() and process.isdigit():
            try:
                state, started = _state_and_start(int(process))
            except (FileNotFoundError, ProcessLookupError):
                return True
            return started != start or state in DEAD_STATES
        case _:
            return False


def _machine() -> str:
    """Return a hash of what makes process ids comparable: the boot, and the namespace of ids."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    about = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return blake2b(about.encode(), digest_size=MACHINE_BYTES).hexdigest()


def _state_and_start(process: int) -> tuple[str, str]:
    """Return the state of a process, and when it was started, in ticks since the boot."""
    line = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    fields = line.rpartition(")")[2].split()
    return fields[0], fields[START_FIELD]
