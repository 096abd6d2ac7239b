"""The graph's only authority: one immutable file per graph version.

It names the visible version of every table and carries the lineage row of the operation that
published it, so data and history become visible in one step. Publishing version n+1 is creating
its file, which only one can do: that is the compare-and-swap of the whole store. It never writes;
`commit` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.graph import points
from engine.graph.errors import DamagedFileError, MisnamedFileError, NotAStoreError
from engine.graph.operation import Decision, Kind, Outcome
from engine.graph.record import decode, encode, parsing
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.graph.store import Store

MANIFEST_DIRECTORY = "manifest"
VERSION_DIGITS = 20
FIRST_VERSION = 1
NO_PARENT = ""  # of the first lineage row


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRow:
    """One commit of the graph: who did what, on top of which commit, and how it was decided.

    A row that recovery published belongs to the operation that died (`operation`); `actor` is
    then the recovery, and `outcomes` are what the audit row will say.
    """

    commit_id: str
    parent_id: str
    operation_id: str
    actor: str
    kind: Kind
    started_us: int
    decision: Decision = Decision.COMMITTED
    outcomes: tuple[Outcome, ...] = ()

    def to_fields(self) -> dict[str, Any]:
        """Return the JSON object that stands for it; what recovery decided only if it did."""
        fields: dict[str, Any] = {
            "commit_id": self.commit_id,
            "parent_id": self.parent_id,
            "operation_id": self.operation_id,
            "actor": self.actor,
            "kind": str(self.kind),
            "started_us": self.started_us,
        }
        if self.decision is not Decision.COMMITTED:
            fields["decision"] = str(self.decision)
            fields["outcomes"] = [outcome.to_fields() for outcome in self.outcomes]
        return fields

    @staticmethod
    def from_fields(fields: dict[str, Any]) -> LineageRow:
        """Read it back."""
        return LineageRow(
            commit_id=fields["commit_id"],
            parent_id=fields["parent_id"],
            operation_id=fields["operation_id"],
            actor=fields["actor"],
            kind=Kind(fields["kind"]),
            started_us=int(fields["started_us"]),
            decision=Decision(fields.get("decision", Decision.COMMITTED)),
            outcomes=tuple(Outcome.from_fields(one) for one in fields.get("outcomes", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePin:
    """The visible version of a table, and the operation that made it."""

    version: int
    operation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One graph version: the visible version of every table, and its lineage row."""

    version: int
    schema_hash: str
    tables: Mapping[str, TablePin]
    row: LineageRow

    def pinned(self, table: str) -> int:
        """Return the visible version of a table; 0, the empty one, if it was never written."""
        pin = self.tables.get(table)
        return 0 if pin is None else pin.version

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return encode(
            {
                "version": self.version,
                "schema": self.schema_hash,
                "tables": {
                    key: {"version": pin.version, "operation_id": pin.operation_id}
                    for key, pin in self.tables.items()
                },
                "lineage": self.row.to_fields(),
            }
        )

    @staticmethod
    def from_bytes(path: str, data: bytes) -> Manifest:
        """Read the file's content, or raise what names the file."""
        fields = decode(path, data)
        with parsing(path):
            return Manifest(
                version=int(fields["version"]),
                schema_hash=fields["schema"],
                tables={
                    key: TablePin(version=int(pin["version"]), operation_id=pin["operation_id"])
                    for key, pin in fields["tables"].items()
                },
                row=LineageRow.from_fields(fields["lineage"]),
            )


def manifest_path(version: int) -> str:
    """Return the file of one graph version."""
    return f"{MANIFEST_DIRECTORY}/{version:0{VERSION_DIGITS}d}.json"


def read_manifest(store: Store, version: int) -> Manifest:
    """Return one graph version, or raise `NotFoundError` if there is none."""
    path = manifest_path(version)
    found = Manifest.from_bytes(path, store.read(points.MANIFEST_READ, path))
    if found.version != version:
        raise MisnamedFileError(path, manifest_path(found.version))
    return found


def newest_manifest(store: Store) -> Manifest:
    """Return the newest graph version, knowing none: one listing."""
    paths = store.storage.list(points.MANIFEST_LIST, MANIFEST_DIRECTORY)
    if not paths:
        raise NotAStoreError
    stem = paths[-1].removeprefix(f"{MANIFEST_DIRECTORY}/").removesuffix(".json")
    if not stem.isdigit():
        raise DamagedFileError(paths[-1], "its name is no graph version")
    return newer_manifest(store, read_manifest(store, int(stem)))


def newer_manifest(store: Store, known: Manifest) -> Manifest:
    """Return the newest graph version, knowing an older one: one read if nothing has happened."""
    while True:
        try:
            known = read_manifest(store, known.version + 1)
        except NotFoundError:
            return known


def manifests(store: Store, first: int, last: int) -> Iterator[Manifest]:
    """Yield the graph versions from `first` to `last`; a missing one is damage."""
    for version in range(first, last + 1):
        try:
            yield read_manifest(store, version)
        except NotFoundError as missing:
            path = manifest_path(version)
            raise DamagedFileError(path, "it is missing, yet newer ones stand") from missing


def publication(store: Store, operation: str, base: int, newest: Manifest) -> Manifest | None:
    """Return the graph version that an operation published after `base`, or None.

    Asking for the operation, not for numbers, is what keeps one operation from being taken for
    another that happened to move the same tables.
    """
    for found in manifests(store, base + 1, newest.version):
        if found.row.operation_id == operation:
            return found
    return None
