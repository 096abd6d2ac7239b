"""The intent of one operation, on disk before any table moves and gone after it is settled.

A file in `recovery/`, named after its operation. Whoever finds it while the operation's lock is
free knows that the owner is dead, which tables it may have moved and from which version. It never
decides what to do about it; `classify` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.errors import MisnamedFileError
from engine.graph.operation import Kind
from engine.graph.record import decode, encode, parsing
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from engine.graph.store import Store
    from engine.storage import Storage

RECOVERY_DIRECTORY = "recovery"
SCHEMA_LOCK = "schema"  # shared by whoever relies on the schema, held alone to change it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A table that the operation moves: from `expected`, where HEAD and manifest are, to `post`."""

    table: str
    expected: int
    post: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What an operation was about to do. `base` is the graph version that it started from."""

    operation_id: str
    kind: Kind
    actor: str
    started_us: int
    base: int
    pins: tuple[Pin, ...]

    @property
    def path(self) -> str:
        """The file's path."""
        return sidecar_path(self.operation_id)

    @property
    def locks(self) -> tuple[str, ...]:
        """What the owner holds for as long as it lives."""
        return (operation_lock(self.operation_id), *(table_lock(pin.table) for pin in self.pins))

    def __str__(self) -> str:
        pins = ", ".join(f"{pin.table} {pin.expected} to {pin.post}" for pin in self.pins)
        return f"operation {self.operation_id}, {self.kind}, {pins}"

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return encode(
            {
                "operation_id": self.operation_id,
                "kind": str(self.kind),
                "actor": self.actor,
                "started_us": self.started_us,
                "base": self.base,
                "pins": [
                    {"table": pin.table, "expected": pin.expected, "post": pin.post}
                    for pin in self.pins
                ],
            }
        )

    @staticmethod
    def from_bytes(path: str, data: bytes) -> Sidecar:
        """Read the file's content, or raise what names the file."""
        fields = decode(path, data)
        with parsing(path):
            found = Sidecar(
                operation_id=fields["operation_id"],
                kind=Kind(fields["kind"]),
                actor=fields["actor"],
                started_us=int(fields["started_us"]),
                base=int(fields["base"]),
                pins=tuple(
                    Pin(
                        table=pin["table"],
                        expected=int(pin["expected"]),
                        post=int(pin["post"]),
                    )
                    for pin in fields["pins"]
                ),
            )
        if found.path != path:
            raise MisnamedFileError(path, found.path)
        return found


def sidecar_path(operation: str) -> str:
    """Return the file of an operation's sidecar."""
    return f"{RECOVERY_DIRECTORY}/{operation}.json"


def operation_lock(operation: str) -> str:
    """Return the lock that says that the operation's owner lives."""
    return f"operation:{operation}"


def table_lock(table: str) -> str:
    """Return the lock of a table."""
    return f"table:{table}"


def put_sidecar(store: Store, sidecar: Sidecar) -> None:
    """Write the intent down; when this returns, it is durable."""
    store.storage.put(points.SIDECAR_PUT, sidecar.path, sidecar.to_bytes())


def delete_sidecar(store: Store, sidecar: Sidecar) -> None:
    """Clear the intent away; again is harmless."""
    store.storage.delete(points.SIDECAR_DELETE, sidecar.path)


def read_sidecar(store: Store, path: str) -> Sidecar | None:
    """Return the sidecar, or None when it has gone: its owner or another recovery settled it.

    Never from memory: a sidecar is the one file that others remove.
    """
    try:
        data = store.storage.get(points.SIDECAR_READ, path)
    except NotFoundError:
        return None
    return Sidecar.from_bytes(path, data)


def pending_paths(storage: Storage) -> list[str]:
    """Return the paths of all sidecars, sorted."""
    paths = storage.list(points.SIDECAR_LIST, RECOVERY_DIRECTORY)
    return [path for path in paths if path.endswith(".json")]


def pending_sidecars(store: Store) -> tuple[Sidecar, ...]:
    """Return all sidecars, sorted by operation; one that cannot be read raises by name."""
    found = (read_sidecar(store, path) for path in pending_paths(store.storage))
    return tuple(sidecar for sidecar in found if sidecar is not None)
