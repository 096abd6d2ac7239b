"""The only code of the engine that touches files, locks, clocks and chance.

A store is given a `Storage` and speaks to it in verbs; every verb takes the declared effect it
carries out, so that each durable step passes the seam. It never knows what the bytes mean.
"""

from engine.storage.effects import (
    clone_effect,
    create_effect,
    delete_all_effect,
    delete_effect,
    delete_prefix_effect,
    exists_effect,
    fence_effect,
    list_effect,
    put_effect,
    read_effect,
    rename_effect,
    settle_effect,
    swap_effect,
)
from engine.storage.errors import (
    BackendMissingError,
    FenceMissingError,
    ForeignWriterError,
    IoFailedError,
    LockBusyError,
    NotFoundError,
    ShortWriteError,
    StaleTokenError,
    StorageError,
    TruncatedObjectError,
    UnsafePathError,
    UnsafeUrlError,
)
from engine.storage.fence import Fence, Held
from engine.storage.local import Durability, Local
from engine.storage.memory import Memory
from engine.storage.ports import (
    Clock,
    CountedClock,
    CountedIds,
    Ids,
    SystemClock,
    system_ids,
)
from engine.storage.urls import connect
from engine.storage.verbs import ABSENT, Clone, Cloned, Cloning, Storage, Versioned

__all__ = [
    "ABSENT",
    "BackendMissingError",
    "Clock",
    "Clone",
    "Cloned",
    "Cloning",
    "CountedClock",
    "CountedIds",
    "Durability",
    "Fence",
    "FenceMissingError",
    "ForeignWriterError",
    "Held",
    "Ids",
    "IoFailedError",
    "Local",
    "LockBusyError",
    "Memory",
    "NotFoundError",
    "ShortWriteError",
    "StaleTokenError",
    "Storage",
    "StorageError",
    "SystemClock",
    "TruncatedObjectError",
    "UnsafePathError",
    "UnsafeUrlError",
    "Versioned",
    "clone_effect",
    "connect",
    "create_effect",
    "delete_all_effect",
    "delete_effect",
    "delete_prefix_effect",
    "exists_effect",
    "fence_effect",
    "list_effect",
    "put_effect",
    "read_effect",
    "rename_effect",
    "settle_effect",
    "swap_effect",
    "system_ids",
]
