"""JSON files that know when they are damaged.

Every file of the knowledge base that is not a document or a page is one JSON object with sorted
keys, a `format` number and a `check`: the hash of all the rest. It never repairs or guesses.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from engine.kb.errors import DamagedFileError, FutureFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT = 1
DIGEST_BYTES = 16

Fields = dict[str, Any]


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file that holds the fields."""
    body = {**fields, "format": FORMAT}
    return _spell({**body, "check": digest(_spell(body))}) + b"\n"


def decode(path: str, data: bytes) -> Fields:
    """Return the fields, or raise what names the file and the next step."""
    try:
        body = json.loads(data)
    except ValueError as reason:
        raise DamagedFileError(path, "it is not JSON") from reason
    if not isinstance(body, dict) or type(body.get("format")) is not int:
        raise DamagedFileError(path, "it is not a JSON object with a format number")
    # Before the check, because a newer engine may check in another way.
    if body["format"] > FORMAT:
        raise FutureFormatError(path, body["format"], FORMAT)
    check = body.pop("check", None)
    if check != digest(_spell(body)):
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
    """Return the hash that stands for these bytes; a clone's digest is the same."""
    return blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def _spell(fields: Mapping[str, Any]) -> bytes:
    """Return the one spelling of the fields."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
