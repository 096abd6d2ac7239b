"""Versioned objects: what `put_if_match` writes, and the token that the next swap must name.

An object is a first line with its generation, then the data. The token holds the generation and a
hash of the data, so that equal content of another generation is no match, on any backend: what a
bucket calls an entity tag is a hash of the bytes, and the generation is among them. It never reads
or writes anything itself.
"""

from __future__ import annotations

from hashlib import blake2b

from engine.storage.errors import TruncatedObjectError
from engine.storage.verbs import Versioned

GENERATION_PREFIX = b"generation "
TOKEN_BYTES = 16


def sealed(generation: int, data: bytes) -> bytes:
    """Return the bytes of an object of that generation."""
    return GENERATION_PREFIX + b"%d\n" % generation + data


def opened(path: str, body: bytes) -> tuple[int, Versioned]:
    """Return the generation of an object, and its data with their token."""
    line, newline, data = body.partition(b"\n")
    number = line.removeprefix(GENERATION_PREFIX)
    if not newline or not line.startswith(GENERATION_PREFIX) or not number.isdigit():
        raise TruncatedObjectError(path)
    generation = int(number)
    return generation, Versioned(data=data, token=token_of(generation, data))


def token_of(generation: int, data: bytes) -> str:
    """Return what a swap must name."""
    return f"{generation}:{blake2b(data, digest_size=TOKEN_BYTES).hexdigest()}"
