"""When two crashes are the same: what the verdict on a crash depends on. It never judges one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from killpoint.case import Means
from killpoint.history import Outcome

if TYPE_CHECKING:
    from killpoint.process.crash import Crash


def key_of(crash: Crash) -> tuple[str, str]:
    """Return what the verdict on a crash depends on: its image, and all else.

    What an acknowledged operation answered is judged, too; the words of a failure are not. After
    an error it counts which effect has failed, since that decides what may have been told.
    """
    failed = [each.rpartition(".")[0] for each in crash.struck if crash.means is Means.ERROR]
    operations = [
        (each.index, each.outcome.value, each.detail * (each.outcome is Outcome.ACKNOWLEDGED))
        for each in crash.history.operations
    ]
    parts = (operations, crash.witness, crash.beside, failed)
    told = msgspec.msgpack.encode(parts, order="deterministic")
    return crash.image.id, hashlib.blake2b(told, digest_size=8).hexdigest()
