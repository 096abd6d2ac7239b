"""Making a store: four files, each created once, the one that makes it a store last.

Every step can be repeated, so an init that was cut short is finished by the next one. It never
removes or replaces a file, whoever made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.errors import AlreadyAStoreError, NotAStoreError, SchemaDiffersError
from engine.graph.manifest import (
    FIRST_VERSION,
    NO_PARENT,
    LineageRow,
    Manifest,
    TablePin,
    manifest_path,
)
from engine.graph.operation import Kind
from engine.graph.record import decode, encode
from engine.graph.schema import SCHEMA_PATH, Schema, decode_schema, encode_schema
from engine.graph.table import GENESIS_OPERATION
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from engine.storage import Clock, Storage

FORMAT_PATH = "graph.json"
GENESIS_ACTOR = "init"


def make_store(storage: Storage, schema: Schema, clock: Clock) -> None:
    """Make an empty store with this schema.

    Raises `AlreadyAStoreError` if a complete one is there, `SchemaDiffersError` if another init
    has begun with another schema.
    """
    storage.make_fence(points.FENCE_MAKE)
    if storage.exists(points.FORMAT_READ, FORMAT_PATH):
        raise AlreadyAStoreError
    if not storage.put_if_absent(points.INIT_SCHEMA, SCHEMA_PATH, encode_schema(schema)):
        found = decode_schema(storage.get(points.SCHEMA_READ, SCHEMA_PATH))
        if found.hash != schema.hash:
            raise SchemaDiffersError(schema.hash, found.hash)
    manifest = Manifest(
        version=FIRST_VERSION,
        schema_hash=schema.hash,
        tables={key: TablePin(version=0, operation_id=GENESIS_OPERATION) for key in schema.tables},
        row=LineageRow(
            commit_id=GENESIS_OPERATION,
            parent_id=NO_PARENT,
            operation_id=GENESIS_OPERATION,
            actor=GENESIS_ACTOR,
            kind=Kind.INIT,
            started_us=clock.now_us(),
        ),
    )
    storage.put_if_absent(
        points.INIT_MANIFEST, manifest_path(manifest.version), manifest.to_bytes()
    )
    storage.put_if_absent(points.INIT_FORMAT, FORMAT_PATH, encode({"engine": "graph"}))


def read_schema(storage: Storage) -> Schema:
    """Return the schema of a complete store; refuse what is none, or a newer engine's."""
    try:
        decode(FORMAT_PATH, storage.get(points.FORMAT_READ, FORMAT_PATH))
        return decode_schema(storage.get(points.SCHEMA_READ, SCHEMA_PATH))
    except NotFoundError as missing:
        raise NotAStoreError from missing
