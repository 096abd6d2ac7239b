"""What every part of the knowledge base needs in hand: the ports, its identity, its compiler.

It never keeps content in memory: another process may change any file between two calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.kb import points
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from engine.kb.compiler import Compiler
    from engine.storage import Clock, Ids, Storage

WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A knowledge base that is open. `wait_s` bounds every wait for the lock."""

    storage: Storage
    clock: Clock
    ids: Ids
    kb: str
    compiler: Compiler
    wait_s: float = WAIT_S

    def read(self, path: str) -> bytes | None:
        """Return a visible file, or None when there is none; call this under a lock."""
        try:
            return self.storage.get(points.CONTENT_READ, path)
        except NotFoundError:
            return None
