"""One table: a chain of immutable versions, each a small file that names its fragments.

Version 0 is the empty table and has no file. The newest file is HEAD; what readers see is the
version that the manifest pins. Every version carries the operation that made it, so that recovery
can ask whose it is and never has to conclude it from a number.

A table has a chain on the main branch, and one more for every branch that has written it: its
forks, which the `ref` tells apart. A fork goes on from the number that it began at. It never
writes; `commit` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.graph import points
from engine.graph.errors import DamagedFileError, MisnamedFileError
from engine.graph.fragment import decode_rows
from engine.graph.record import decode, encode, parsing
from engine.graph.schema import directory_of
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.graph.schema import Row, TableSchema
    from engine.graph.store import Store

VERSION_DIGITS = 20
GENESIS_OPERATION = "genesis"  # of every table's version 0, and of the first graph version
MAIN = "main"  # the ref of the chain that is no fork
FORKS = "forks"  # where the others stand in a table's directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Rows of a table in one immutable file; `deleted` are places in it that no longer count."""

    path: str
    rows_count: int
    digest: str
    deleted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An immutable file that says where values stand in the fragments that it covers."""

    path: str
    digest: str
    columns: tuple[str, ...]
    covers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """One version of a table. `restores` is the version whose content a rollback brought back.

    `key` is what the table's files stand under: its home, whatever it is called by now. `rows_of`
    is, if maintenance made it, the version whose rows it holds in other files.
    """

    key: str
    version: int
    parent: int
    operation_id: str
    fragments: tuple[Fragment, ...]
    restores: int | None = None
    ref: str = MAIN
    index: Index | None = None
    rows_of: int | None = None

    @property
    def path(self) -> str:
        """The file's path."""
        return _path(directory_of(self.key), self.version, self.ref)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        fields: dict[str, Any] = {
            "key": self.key,
            "version": self.version,
            "parent": self.parent,
            "operation_id": self.operation_id,
            "fragments": [
                {
                    "path": fragment.path,
                    "rows": fragment.rows_count,
                    "digest": fragment.digest,
                    "deleted": list(fragment.deleted),
                }
                for fragment in self.fragments
            ],
        }
        if self.restores is not None:
            fields["restores"] = self.restores
        if self.ref != MAIN:
            fields["ref"] = self.ref
        if self.rows_of is not None:
            fields["rows_of"] = self.rows_of
        if self.index is not None:
            fields["index"] = {
                "path": self.index.path,
                "digest": self.index.digest,
                "columns": list(self.index.columns),
                "covers": list(self.index.covers),
            }
        return encode(fields)

    @staticmethod
    def from_bytes(path: str, data: bytes) -> TableVersion:
        """Read the file's content, or raise what names the file."""
        fields = decode(path, data)
        with parsing(path):
            return TableVersion(
                key=fields["key"],
                version=int(fields["version"]),
                parent=int(fields["parent"]),
                operation_id=fields["operation_id"],
                fragments=tuple(
                    Fragment(
                        path=fragment["path"],
                        rows_count=int(fragment["rows"]),
                        digest=fragment["digest"],
                        deleted=tuple(fragment["deleted"]),
                    )
                    for fragment in fields["fragments"]
                ),
                restores=fields.get("restores"),
                ref=fields.get("ref", MAIN),
                index=_index_of(fields["index"]) if "index" in fields else None,
                rows_of=fields.get("rows_of"),
            )


def versions_directory(table: TableSchema, ref: str = MAIN) -> str:
    """Return where the versions of a table stand, on the main chain or on a fork."""
    return _directory(table.directory, ref)


def version_path(table: TableSchema, version: int, ref: str = MAIN) -> str:
    """Return the file of one version."""
    return _path(table.directory, version, ref)


def fragment_path(table: TableSchema, operation: str, number: int) -> str:
    """Return the file of one fragment of an operation."""
    return f"{table.directory}/data/{operation}-{number}.arrow"


def index_path(table: TableSchema, operation: str) -> str:
    """Return the file of the index that an operation makes of a table."""
    return f"{table.directory}/index/{operation}-0.json"


def read_version(store: Store, table: TableSchema, version: int, ref: str = MAIN) -> TableVersion:
    """Return a version that must be there.

    Raises `DamagedFileError` when it is not, because somebody names it.
    """
    if version == 0:
        return no_version(table)
    path = version_path(table, version, ref)
    try:
        return _read(store, path, (table.home, version, ref))
    except NotFoundError as missing:
        raise DamagedFileError(path, "it is missing, yet it is named") from missing


def no_version(table: TableSchema) -> TableVersion:
    """Return version 0: the empty table, which has no file."""
    return TableVersion(
        key=table.home, version=0, parent=0, operation_id=GENESIS_OPERATION, fragments=()
    )


def versions_after(
    store: Store, table: TableSchema, version: int, ref: str = MAIN
) -> Iterator[TableVersion]:
    """Yield the versions above `version` in order; there are no gaps, so the first gap ends it."""
    while True:
        version += 1
        try:
            yield _read(store, version_path(table, version, ref), (table.home, version, ref))
        except NotFoundError:
            return


def head_version(store: Store, table: TableSchema, at_least: int, ref: str = MAIN) -> int:
    """Return the number of HEAD, knowing that it is `at_least` this."""
    head = at_least
    for found in versions_after(store, table, at_least, ref):
        head = found.version
    return head


def live_fragments(
    store: Store, version: TableVersion
) -> Iterator[tuple[Fragment, tuple[Row, ...]]]:
    """Yield every fragment of a version with all its rows, the deleted ones too."""
    for fragment in version.fragments:
        yield fragment, read_fragment(store, fragment)


def live_rows(store: Store, table: TableSchema, version: TableVersion) -> list[Row]:
    """Return the rows of a version, sorted by primary key, as copies of the caller's own."""
    rows: list[Row] = []
    for fragment, stored in live_fragments(store, version):
        deleted = frozenset(fragment.deleted)
        rows += [dict(row) for place, row in enumerate(stored) if place not in deleted]
    return sorted(rows, key=lambda row: row[table.primary])


def _index_of(fields: dict[str, Any]) -> Index:
    """Return the index that a version names."""
    return Index(
        path=fields["path"],
        digest=fields["digest"],
        columns=tuple(fields["columns"]),
        covers=tuple(fields["covers"]),
    )


def _directory(directory: str, ref: str) -> str:
    """Return where the versions of one chain stand in a table's directory."""
    return f"{directory}/versions" if ref == MAIN else f"{directory}/{FORKS}/{ref}"


def _path(directory: str, version: int, ref: str) -> str:
    """Return the file of one version in a table's directory."""
    return f"{_directory(directory, ref)}/{version:0{VERSION_DIGITS}d}.json"


def _read(store: Store, path: str, place: tuple[str, int, str]) -> TableVersion:
    """Read one version file and hold it against its place: home, version and ref."""
    data = store.read(points.TABLE_READ, path)
    found = TableVersion.from_bytes(path, data)
    if (found.key, found.version, found.ref) != place:
        raise MisnamedFileError(path, found.path)
    return found


def read_fragment(store: Store, fragment: Fragment) -> tuple[Row, ...]:
    """Return the rows of a fragment, from memory if this handle has read it before."""
    known = store.fragments.get(fragment.path)
    if known is not None:
        return known
    try:
        data = store.storage.get(points.FRAGMENT_READ, fragment.path)
    except NotFoundError as missing:
        reason = "it is missing, yet a table version names it"
        raise DamagedFileError(fragment.path, reason) from missing
    rows = decode_rows(fragment.path, data, fragment.digest)
    store.fragments.put(fragment.path, rows)
    return rows
