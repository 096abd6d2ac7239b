"""JSON files that know when they are damaged; both stores keep their own files this way.

A file is one JSON object with sorted keys, a `format` number and a `check`: the hash of all the
rest. The format is looked at before anything else, because a newer engine may check in another
way. Each store says which errors of its own tree are raised. It never repairs and never guesses.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMAT = 1
HASH_BYTES = 16

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """How a store reads its files: `damaged` and `future` make the errors that name the file."""

    damaged: Callable[[str, str], Exception]  # path and reason
    future: Callable[[str, int, int], Exception]  # path, format found, format known

    def decode(self, path: str, data: bytes) -> Fields:
        """Return the fields, or raise what names the file and the next step."""
        try:
            body = json.loads(data)
        except ValueError as reason:
            raise self.damaged(path, f"it is not JSON: {reason}") from reason
        if not isinstance(body, dict):
            raise self.damaged(path, "it is not a JSON object")
        version = body.get("format")
        if type(version) is not int:
            raise self.damaged(path, "it has no format number")
        if version > FORMAT:
            raise self.future(path, version, FORMAT)
        check = body.pop("check", None)
        if check != digest(_spell(body)):
            raise self.damaged(path, "its content does not match its check")
        del body["format"]
        return body

    @contextmanager
    def parsing(self, path: str) -> Iterator[None]:
        """Turn a missing or wrong field inside the block into an error that names the file."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as reason:
            raise self.damaged(path, f"a field is missing or wrong: {reason!r}") from reason


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file that holds the fields."""
    body = {**fields, "format": FORMAT}
    return _spell({**body, "check": digest(_spell(body))}) + b"\n"


def digest(data: bytes) -> str:
    """Return the hash that stands for these bytes."""
    return blake2b(data, digest_size=HASH_BYTES).hexdigest()


def _spell(fields: Mapping[str, Any]) -> bytes:
    """Return the one spelling of the fields."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
