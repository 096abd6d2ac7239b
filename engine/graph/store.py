"""What every part of the graph store needs in hand: the ports, a schema, and three memories.

The memories hold immutable files only, by path, and are bounded; forgetting costs a read and
nothing else. It never remembers that a file was absent, because that may change at any moment.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from engine.graph.schema import Row, Schema
    from engine.storage import Clock, Ids, Storage
    from killpoint.failpoints import Effect

V = TypeVar("V")

FRAGMENTS_MAX = 512
FILES_MAX = 2_048
SCHEMAS_MAX = 64
WAIT_S = 10.0


class Memory(Generic[V]):
    """The newest values by path, at most so many."""

    __slots__ = ("_limit", "_values")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, path: str) -> V | None:
        """Return the value, or None when it is not remembered."""
        return self._values.get(path)

    def put(self, path: str, value: V) -> None:
        """Remember the value, and forget the oldest beyond the limit."""
        self._values[path] = value
        while len(self._values) > self._limit:
            self._values.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A store that is open, seen under one schema. `wait_s` bounds every wait for a lock."""

    storage: Storage
    clock: Clock
    ids: Ids
    schema: Schema
    wait_s: float = WAIT_S
    fragments: Memory[tuple[Row, ...]] = field(default_factory=lambda: Memory(FRAGMENTS_MAX))
    files: Memory[bytes] = field(default_factory=lambda: Memory(FILES_MAX))
    schemas: Memory[Schema] = field(default_factory=lambda: Memory(SCHEMAS_MAX))

    def read(self, effect: Effect, path: str) -> bytes:
        """Return an immutable file, from memory if this handle has read it before."""
        known = self.files.get(path)
        if known is not None:
            return known
        data = self.storage.get(effect, path)
        self.files.put(path, data)
        return data
