"""The contract of a storage: its rows, the backends that are held to them, and what cannot apply.

A row is a plain function of a place, so that a backend that is wrong can be held against it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from engine.storage import Durability, Local, Memory, Storage, connect
from engine.tests.storage import effects
from engine.tests.storage.contract_locks import LOCKING
from engine.tests.storage.contract_names import NAMING
from engine.tests.storage.contract_writes import WRITING
from engine.tests.storage.place import Place
from engine.tests.stores import ports

Row = Callable[[Place], None]
ROWS: dict[str, Row] = {row.__name__: row for row in (*WRITING, *NAMING, *LOCKING)}


class Backend(StrEnum):
    """What is held to the contract."""

    LOCAL = "local"
    LOCAL_UNSYNCED = "local_unsynced"
    MEMORY = "memory"
    S3 = "s3"


ONE_PROCESS = "what is in memory is in the memory of one process"
NOT_APPLICABLE: dict[Backend, dict[str, str]] = {
    Backend.LOCAL: {},
    Backend.LOCAL_UNSYNCED: {},
    Backend.MEMORY: {
        "what_a_verb_returned_from_is_seen_by_another_process": ONE_PROCESS,
        "of_all_processes_that_create_one_wins_with_its_whole_content": ONE_PROCESS,
        "racing_swaps_of_processes_lose_no_update": ONE_PROCESS,
        "losing_a_swap_to_another_process_is_loud": ONE_PROCESS,
        "a_lock_dies_with_its_process": ONE_PROCESS,
    },
    Backend.S3: {},
}
CASES = [
    (backend, name) for backend in Backend for name in ROWS if name not in NOT_APPLICABLE[backend]
]


@contextmanager
def place_on(backend: Backend, directory: Path, bucket: Callable[[], str]) -> Iterator[Place]:
    """Yield an empty place on that backend; `bucket` is asked for an address if it needs one."""
    place = _place(backend, directory / "store", bucket)
    place.storage.make_fence(effects.FENCE)
    try:
        yield place
    finally:
        place.end()


def _place(backend: Backend, root: Path, bucket: Callable[[], str]) -> Place:
    """Return a place on which nothing has been made yet."""
    match backend:
        case Backend.LOCAL:
            return local_place(root, Durability.FSYNC)
        case Backend.LOCAL_UNSYNCED:
            return local_place(root, Durability.NONE)
        case Backend.MEMORY:
            memory = Memory()
            return Place(storage=memory.storage(), again=memory.storage, url="")
        case Backend.S3:
            url = bucket()
            return Place(storage=open_url(url), again=lambda: open_url(url), url=url)


def open_url(url: str) -> Storage:
    """Return a handle on that address."""
    return connect(url, ids=ports(1)[1])


def local_place(
    root: Path, durability: Durability = Durability.FSYNC, kind: type[Local] = Local
) -> Place:
    """Return a place of files; a wrong kind of storage is for finding that it is wrong."""

    def again() -> Local:
        return kind(root, ids=ports(1)[1], durability=durability)

    return Place(storage=again(), again=again, url=root.as_uri())
