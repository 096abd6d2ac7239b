"""The graph's only authority: one immutable file per graph version.

It names all branches with the version of every table that each of them sees, and carries the
lineage row of the operation that published it, so data and history become visible in one step.
Publishing version n+1 is creating its file, which only one can do: that is the compare-and-swap of
the whole store, branches and all. It never writes; `commit` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.graph import points
from engine.graph.branch import Branch, TablePin
from engine.graph.branch_errors import BranchGoneError, UnknownBranchError
from engine.graph.errors import DamagedFileError, MisnamedFileError, NotAStoreError
from engine.graph.operation import Decision, Kind, Outcome
from engine.graph.record import decode, encode, parsing
from engine.graph.table import MAIN
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

    `branch` is the id of the branch whose head it became; `parent_id` was its head until then,
    `merged_id` the commit of another branch that a merge brought in. A row that recovery published
    belongs to the operation that died (`operation`); `actor` is then the recovery, and `outcomes`
    are what the audit row will say.
    """

    commit_id: str
    parent_id: str
    operation_id: str
    actor: str
    kind: Kind
    started_us: int
    branch: str = MAIN
    merged_id: str = NO_PARENT
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
            "branch": self.branch,
        }
        if self.merged_id != NO_PARENT:
            fields["merged_id"] = self.merged_id
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
            branch=fields["branch"],
            merged_id=fields.get("merged_id", NO_PARENT),
            decision=Decision(fields.get("decision", Decision.COMMITTED)),
            outcomes=tuple(Outcome.from_fields(one) for one in fields.get("outcomes", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What one graph version changes: on one branch, tables; and the schema, if it says so.

    `moved` are tables with the version that they have from now on, new tables among them;
    `dropped` are tables that go. An empty `schema_hash` leaves the schema as it is. `rests_on` are
    branches that the branch rests on from now on, too.
    """

    branch: str = MAIN
    moved: Mapping[str, TablePin] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    schema_hash: str = ""
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One graph version: the schema, all branches by name, and its lineage row."""

    version: int
    schema_hash: str
    branches: Mapping[str, Branch]
    row: LineageRow

    @property
    def tables(self) -> Mapping[str, TablePin]:
        """What the main branch sees."""
        return self.branches[MAIN].tables

    def branch(self, branch: str) -> Branch | None:
        """Return the branch with this id, or None if there is none, or none any more."""
        return next((one for one in self.branches.values() if one.id == branch), None)

    def pinned(self, table: str) -> int:
        """Return the version of a table that the main branch sees; 0 if it was never written."""
        return self.branches[MAIN].pin(table).version

    def after(self, edit: Edit, row: LineageRow) -> Manifest:
        """Return the graph version that follows, with this edit on a branch that is there."""
        before = self.branch(edit.branch)
        assert before is not None, "the caller has looked whether the branch is there"
        tables = {key: pin for key, pin in before.tables.items() if key not in edit.dropped}
        changed = replace(
            before,
            tables={**tables, **edit.moved},
            head=row.commit_id,
            rests_on=(*before.rests_on, *edit.rests_on),
        )
        after = self.followed_by(
            {**self.branches, changed.name: changed},
            replace(row, branch=before.id, parent_id=before.head),
        )
        return replace(after, schema_hash=edit.schema_hash or self.schema_hash)

    def followed_by(self, branches: Mapping[str, Branch], row: LineageRow) -> Manifest:
        """Return the graph version that follows, with these branches."""
        return replace(self, version=self.version + 1, branches=branches, row=row)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return encode(
            {
                "version": self.version,
                "schema": self.schema_hash,
                "branches": {name: one.to_fields() for name, one in self.branches.items()},
                "lineage": self.row.to_fields(),
            }
        )

    @staticmethod
    def from_bytes(path: str, data: bytes) -> Manifest:
        """Read the file's content, or raise what names the file."""
        fields = decode(path, data)
        with parsing(path):
            branches = fields["branches"]
            return Manifest(
                version=int(fields["version"]),
                schema_hash=fields["schema"],
                branches={name: Branch.from_fields(name, one) for name, one in branches.items()},
                row=LineageRow.from_fields(fields["lineage"]),
            )


def branch_of(manifest: Manifest, branch: str) -> Branch:
    """Return the branch with this id, or raise `BranchGoneError`."""
    found = manifest.branch(branch)
    if found is None:
        raise BranchGoneError(branch)
    return found


def branch_named(manifest: Manifest, name: str) -> Branch:
    """Return the branch that has this name, or raise `UnknownBranchError`."""
    found = manifest.branches.get(name)
    if found is None:
        raise UnknownBranchError(name, tuple(sorted(manifest.branches)))
    return found


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
    if paths[0] < manifest_path(FIRST_VERSION):
        raise DamagedFileError(paths[0], "its name is no graph version")
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
