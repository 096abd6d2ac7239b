"""The intent of one operation, on disk before any table moves and gone after it is settled.

A file in `recovery/`, named after its operation. Whoever finds it while the operation's lock is
free knows that the owner is dead, on which branch it worked, which tables it may have moved, from
which version and on which chain, and what it was going to publish. One whose operation commits a
table several times is replaced once, in one step, by the same with the versions that were reached.
It never decides what to do about it; `classify` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.graph import points
from engine.graph.branch import TablePin
from engine.graph.errors import MisnamedFileError
from engine.graph.manifest import NO_PARENT, Edit
from engine.graph.operation import Kind
from engine.graph.record import decode, encode, parsing
from engine.graph.table import MAIN
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.graph.store import Store
    from engine.storage import Storage

RECOVERY_DIRECTORY = "recovery"
SCHEMA_LOCK = "schema"  # shared by whoever relies on the schema, held alone to change it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A table that the operation moves: from `expected`, where the branch sees it, to `post`.

    Its commits land on the chain `ref`. `expected` stands there, too, unless this is the branch's
    first write of the table: then it stands on `begun_at`. `confirmed` is the version that was
    reached, once the owner has said so.
    """

    table: str
    expected: int
    post: int
    ref: str = MAIN
    begun_at: str = MAIN
    confirmed: int | None = None

    @property
    def reached(self) -> int:
        """The version to publish: the confirmed one, else the planned one."""
        return self.post if self.confirmed is None else self.confirmed

    def to_fields(self) -> dict[str, Any]:
        """Return the JSON object that stands for it."""
        fields: dict[str, Any] = {
            "table": self.table,
            "expected": self.expected,
            "post": self.post,
        }
        if self.ref != MAIN:
            fields |= {"ref": self.ref, "begun_at": self.begun_at}
        return fields if self.confirmed is None else {**fields, "confirmed": self.confirmed}

    @staticmethod
    def from_fields(fields: dict[str, Any]) -> Pin:
        """Read it back."""
        return Pin(
            table=fields["table"],
            expected=int(fields["expected"]),
            post=int(fields["post"]),
            ref=fields.get("ref", MAIN),
            begun_at=fields.get("begun_at", MAIN),
            confirmed=fields.get("confirmed"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What an operation was about to do. `base` is the graph version that it started from.

    `branch` is the id of the branch that it works on. Beside the tables that it commits it may
    publish others at versions that are there already (`adopts`), publish tables under other names
    (`renames`, from the one that a pin says), drop tables, name another schema (`schema_hash`), and
    name the commit that it merges (`merged_id`).
    """

    operation_id: str
    kind: Kind
    actor: str
    started_us: int
    base: int
    pins: tuple[Pin, ...]
    branch: str = MAIN
    adopts: Mapping[str, TablePin] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    drops: tuple[str, ...] = ()
    schema_hash: str = ""
    merged_id: str = NO_PARENT
    rests_on: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file's path."""
        return sidecar_path(self.operation_id)

    @property
    def locks(self) -> tuple[str, ...]:
        """What the owner holds for as long as it lives."""
        return (operation_lock(self.operation_id), *self.table_locks)

    @property
    def table_locks(self) -> tuple[str, ...]:
        """The locks of the chains that it commits to."""
        return tuple(table_lock(pin.table, pin.ref) for pin in self.pins)

    @property
    def edit(self) -> Edit:
        """What it publishes when all of it is there."""
        moved = {
            self.renames.get(pin.table, pin.table): TablePin(
                version=pin.reached, operation_id=self.operation_id, ref=pin.ref
            )
            for pin in self.pins
        }
        return Edit(
            branch=self.branch,
            moved={**self.adopts, **moved},
            dropped=(*self.drops, *self.renames),
            schema_hash=self.schema_hash,
            rests_on=self.rests_on,
        )

    def confirmed(self, reached: Mapping[str, int]) -> Sidecar:
        """Return the same with the version that each table has reached."""
        pins = tuple(replace(pin, confirmed=reached[pin.table]) for pin in self.pins)
        return replace(self, pins=pins)

    def __str__(self) -> str:
        where = () if self.branch == MAIN else (f"on branch {self.branch}",)
        pins = (f"{pin.table} {pin.expected} to {pin.post}" for pin in self.pins)
        return ", ".join((f"operation {self.operation_id}", str(self.kind), *where, *pins))

    def to_bytes(self) -> bytes:
        """Return the file's content; what it does not do is not in it."""
        fields: dict[str, Any] = {
            "operation_id": self.operation_id,
            "kind": str(self.kind),
            "actor": self.actor,
            "started_us": self.started_us,
            "base": self.base,
            "branch": self.branch,
            "pins": [pin.to_fields() for pin in self.pins],
        }
        if self.adopts:
            fields["adopts"] = {key: pin.to_fields() for key, pin in self.adopts.items()}
        if self.renames:
            fields["renames"] = {**self.renames}
        if self.drops:
            fields["drops"] = [*self.drops]
        if self.schema_hash:
            fields["schema"] = self.schema_hash
        if self.merged_id != NO_PARENT:
            fields["merged_id"] = self.merged_id
        if self.rests_on:
            fields["rests_on"] = [*self.rests_on]
        return encode(fields)

    @staticmethod
    def from_bytes(path: str, data: bytes) -> Sidecar:
        """Read the file's content, or raise what names the file."""
        fields = decode(path, data)
        with parsing(path):
            adopts = fields.get("adopts", {})
            found = Sidecar(
                operation_id=fields["operation_id"],
                kind=Kind(fields["kind"]),
                actor=fields["actor"],
                started_us=int(fields["started_us"]),
                base=int(fields["base"]),
                pins=tuple(Pin.from_fields(pin) for pin in fields["pins"]),
                branch=fields["branch"],
                adopts={key: TablePin.from_fields(pin) for key, pin in adopts.items()},
                renames=fields.get("renames", {}),
                drops=tuple(fields.get("drops", ())),
                schema_hash=fields.get("schema", ""),
                merged_id=fields.get("merged_id", NO_PARENT),
                rests_on=tuple(fields.get("rests_on", ())),
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


def table_lock(table: str, ref: str = MAIN) -> str:
    """Return the lock of a table on one branch: whoever moves it there holds this."""
    return f"table:{table}" if ref == MAIN else f"table:{table}@{ref}"


def put_sidecar(store: Store, sidecar: Sidecar) -> None:
    """Write the intent down; when this returns, it is durable."""
    store.storage.put(points.SIDECAR_PUT, sidecar.path, sidecar.to_bytes())


def confirm_sidecar(store: Store, sidecar: Sidecar) -> None:
    """Replace the intent by one that says more; readers see the one or the other, whole."""
    store.storage.put(points.SIDECAR_CONFIRM, sidecar.path, sidecar.to_bytes())


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
