"""Which schema a graph version has: the manifest names its hash, and the file bears that name.

A schema's file is written before anything names it and never changed or moved, so a reader of any
graph version, old or new, finds the schema that its rows were written under, and nothing has to be
promoted once a schema is published. It never writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.graph import points
from engine.graph.errors import DamagedFileError, MisnamedFileError
from engine.graph.schema import Schema, decode_schema, schema_path
from engine.storage import NotFoundError

if TYPE_CHECKING:
    from engine.graph.manifest import Manifest
    from engine.graph.store import Store

NO_SCHEMA = Schema(tables={}, hash="")  # of a store that is being opened


def under(store: Store, manifest: Manifest) -> Store:
    """Return the store as one sees it under the schema of a graph version."""
    if manifest.schema_hash == store.schema.hash:
        return store
    return replace(store, schema=read_schema(store, manifest.schema_hash))


def read_schema(store: Store, schema_hash: str) -> Schema:
    """Return the schema that a manifest names; its file must be there."""
    path = schema_path(schema_hash)
    known = store.schemas.get(path)
    if known is not None:
        return known
    try:
        found = decode_schema(path, store.storage.get(points.SCHEMA_READ, path))
    except NotFoundError as missing:
        raise DamagedFileError(path, "it is missing, yet a manifest names it") from missing
    if found.hash != schema_hash:
        raise MisnamedFileError(path, schema_path(found.hash))
    store.schemas.put(path, found)
    return found
