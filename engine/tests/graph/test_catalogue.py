"""A graph version has the schema whose hash it names, and no other file will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.graph import ColumnType, DamagedFileError, MisnamedFileError, TableSchema, schema_of
from engine.graph.schema import encode_schema, schema_path
from engine.tests.stores import SCHEMA, image, open_store

if TYPE_CHECKING:
    from pathlib import Path

OTHER = schema_of(TableSchema(key="node:Other", columns={"id": ColumnType.STR}))


def test_a_store_is_read_under_the_schema_that_its_manifest_names(root: Path) -> None:
    """Another schema beside it, from an init or an apply that came to nothing, is in nobody's way.

    It is found by its hash, never by being the only one or the newest.
    """
    (root / schema_path(OTHER.hash)).write_bytes(encode_schema(OTHER))
    assert SCHEMA == open_store(root).schema()


def test_a_schema_that_is_named_and_missing_is_refused_by_name(root: Path) -> None:
    """Nothing is changed, and putting it back is all that it takes."""
    path = root / schema_path(SCHEMA.hash)
    kept = path.read_bytes()
    path.unlink()
    before = image(root)
    with pytest.raises(DamagedFileError, match=rf"schema/{SCHEMA.hash}.*restore it"):
        open_store(root)
    assert before == image(root)
    path.write_bytes(kept)
    assert SCHEMA == open_store(root).schema()


def test_a_schema_under_anothers_hash_is_refused(root: Path) -> None:
    """Old rows are never read under a schema that they were not written under."""
    (root / schema_path(SCHEMA.hash)).write_bytes(encode_schema(OTHER))
    with pytest.raises(MisnamedFileError, match=OTHER.hash):
        open_store(root)
