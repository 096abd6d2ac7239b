"""JSON files that know when they are damaged.

Every file of the store but the fragments is one JSON object with sorted keys, a `format` number
and a `check`: the hash of all the rest. The format is looked at before anything else, because a
newer engine may check in another way. It never repairs and never guesses.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from engine.graph.errors import DamagedFileError, FutureFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT = 1
HASH_BYTES = 16

Fields = dict[str, Any]


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file that holds the fields."""
    body = {**fields, "format": FORMAT}
    return _dump({**body, "check": digest(_dump(body))}) + b"\n"


def decode(path: str, data: bytes) -> Fields:
    """Return the fields, or raise what names the file and the next step."""
    try:
        body = json.loads(data)
    except ValueError as reason:
        raise DamagedFileError(path, f"it is not JSON: {reason}") from reason
    if not isinstance(body, dict):
        raise DamagedFileError(path, "it is not a JSON object")
    version = body.get("format")
    if type(version) is not int:
        raise DamagedFileError(path, "it has no format number")
    if version > FORMAT:
        raise FutureFormatError(path, version, FORMAT)
    check = body.pop("check", None)
    if check != digest(_dump(body)):
        raise DamagedFileError(path, "its content does not match its check")
    del body["format"]
    return body


@contextmanager
def parsing(path: str) -> Iterator[None]:
    """Turn a missing or wrong field inside the block into an error that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        raise DamagedFileError(path, f"a field is missing or wrong: {reason!r}") from reason


def digest(data: bytes) -> str:
    """Return the hash that stands for these bytes."""
    return blake2b(data, digest_size=HASH_BYTES).hexdigest()


def _dump(fields: Mapping[str, Any]) -> bytes:
    """Return the one spelling of the fields."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
