"""Where the stores of the cases live: a directory in memory that no two campaigns share.

A campaign takes the first free slot below the scratch place and keeps it locked, so the same
campaign meets the same paths every time, and what a killed one left behind is removed by the next
that takes its slot. It never touches a slot that somebody holds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from killpoint.errors import ScratchError
from killpoint.image import clear

ENVIRONMENT_VARIABLE = "KILLPOINT_SCRATCH"
SLOTS_MAX = 64
FREE_BYTES_MIN = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A slot that this process holds; `close` empties it and gives it back."""

    place: Path
    lock: FileLock

    def worker(self, number: int) -> Path:
        """Return the directory of one worker, made if need be."""
        directory = self.place / f"w{number}"
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def close(self) -> None:
        """Remove everything in the slot and release it."""
        clear(self.place)
        self.lock.release()


def default_place() -> Path:
    """Return the scratch place: KILLPOINT_SCRATCH, else memory, else the temporary directory."""
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if chosen:
        return Path(chosen)
    memory = Path("/dev/shm")  # noqa: S108 -- the mount point, not a file of ours
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    return base / f"killpoint-{os.getuid()}"


def take() -> Scratch:
    """Take the first free slot; raises `ScratchError` when there is no room or no right."""
    base = default_place()
    try:
        base.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(base).free
    except OSError as error:
        raise ScratchError(base, error.strerror or str(error)) from error
    if free_bytes < FREE_BYTES_MIN:
        raise ScratchError(base, f"only {free_bytes // 1024} KiB are free")
    for slot in range(SLOTS_MAX):
        lock = FileLock(base / f"{slot}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        except OSError as error:
            raise ScratchError(base, error.strerror or str(error)) from error
        place = base / str(slot)
        clear(place)
        place.mkdir()
        return Scratch(place=place, lock=lock)
    raise ScratchError(base, f"all {SLOTS_MAX} slots are in use")
