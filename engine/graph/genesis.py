"""Making a store: four files, each created once, the one that makes it a store last.

Every step can be repeated, so an init that was cut short is finished by the next one. It never
removes or replaces a file, whoever made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.branch import UNWRITTEN, Branch
from engine.graph.errors import (
    AlreadyAStoreError,
    FutureFormatError,
    NotAStoreError,
    SchemaDiffersError,
)
from engine.graph.manifest import (
    FIRST_VERSION,
    NO_PARENT,
    LineageRow,
    Manifest,
    manifest_path,
)
from engine.graph.operation import Kind
from engine.graph.record import decode, encode, parsing
from engine.graph.schema import Schema, encode_schema, schema_path
from engine.graph.table import GENESIS_OPERATION, MAIN
from engine.storage import FenceMissingError, NotFoundError

if TYPE_CHECKING:
    from engine.storage import Clock, Storage

FORMAT_PATH = "graph.json"
LAYOUT = 1
GENESIS_ACTOR = "init"


def make_store(storage: Storage, schema: Schema, clock: Clock) -> None:
    """Make an empty store with this schema.

    Raises `AlreadyAStoreError` if a complete one is there, `SchemaDiffersError` if another init
    has begun with another schema.
    """
    storage.make_fence(points.FENCE_MAKE)
    if storage.exists(points.FORMAT_LOOK, FORMAT_PATH):
        raise AlreadyAStoreError
    storage.put_if_absent(points.INIT_SCHEMA, schema_path(schema.hash), encode_schema(schema))
    manifest = Manifest(
        version=FIRST_VERSION,
        schema_hash=schema.hash,
        branches={
            MAIN: Branch(
                name=MAIN,
                id=MAIN,
                head=GENESIS_OPERATION,
                tables=dict.fromkeys(schema.tables, UNWRITTEN),
            )
        },
        row=LineageRow(
            commit_id=GENESIS_OPERATION,
            parent_id=NO_PARENT,
            operation_id=GENESIS_OPERATION,
            actor=GENESIS_ACTOR,
            kind=Kind.INIT,
            started_us=clock.now_us(),
        ),
    )
    path = manifest_path(manifest.version)
    if not storage.put_if_absent(points.INIT_MANIFEST, path, manifest.to_bytes()):
        found = Manifest.from_bytes(path, storage.get(points.MANIFEST_READ, path))
        if found.schema_hash != schema.hash:
            raise SchemaDiffersError(path, expected=schema.hash, found=found.schema_hash)
    storage.put_if_absent(points.INIT_FORMAT, FORMAT_PATH, layout_file())


def layout_file() -> bytes:
    """Return the content of the file that makes a directory a store."""
    return encode({"engine": "graph", "layout": LAYOUT})


def read_layout(storage: Storage) -> int:
    """Return the layout of a store; refuse what is no complete one, or a newer engine's."""
    try:
        fields = decode(FORMAT_PATH, storage.get(points.FORMAT_READ, FORMAT_PATH))
    except (NotFoundError, FenceMissingError) as missing:
        raise NotAStoreError from missing
    with parsing(FORMAT_PATH):
        layout = int(fields.get("layout", 0))
    if layout > LAYOUT:
        raise FutureFormatError(FORMAT_PATH, layout, LAYOUT)
    return layout
