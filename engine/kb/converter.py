"""Turning what a user hands over into text, pages and images; a stand-in for real conversion.

Text in, text out, the same every time: a form feed ends a page, a line `!image NAME TEXT` is an
image whose bytes are the text. Three pages make a document long. It never touches the disk.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import PurePosixPath

from engine.kb.errors import BadSourceError

PAGE_BREAK = "\f"
LONG_PAGES_MIN = 3
IMAGE_LINE = re.compile(r"^!image ([a-z0-9-]{1,80}) (.*)$", re.MULTILINE)
UNFIT = re.compile(r"[^a-z0-9]+")
NAME_CHARACTERS_MAX = 80  # leaves room for what is put around it, in a file name
SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


class Kind(StrEnum):
    """How a document came and how it is kept."""

    SHORT = "short"
    LONG = "long"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is to be added: where it came from, and its bytes."""

    name: str
    data: bytes

    @property
    def content(self) -> str:
        """The SHA-256 of the bytes."""
        return sha256(self.data).hexdigest()

    @property
    def suffix(self) -> str:
        """The ending of the name, if it has a plain one."""
        found = PurePosixPath(self.name).suffix.lower()
        return found if SUFFIX.fullmatch(found) else ".txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A source as text: its pages, and its images by name."""

    pages: tuple[str, ...]
    images: dict[str, bytes]

    @property
    def kind(self) -> Kind:
        """Whether it is kept page by page."""
        return Kind.LONG if len(self.pages) >= LONG_PAGES_MIN else Kind.SHORT

    @property
    def text(self) -> str:
        """All pages as one text."""
        return "\n".join(self.pages)


def convert(source: Source) -> Converted:
    """Convert a source, or raise `BadSourceError`."""
    try:
        text = source.data.decode()
    except UnicodeDecodeError as reason:
        raise BadSourceError(source.name, "it is not UTF-8 text") from reason
    if not text.strip():
        raise BadSourceError(source.name, "it is empty")
    images = {name: body.encode() for name, body in IMAGE_LINE.findall(text)}
    pages = tuple(IMAGE_LINE.sub(r"![\1]", page).strip() for page in text.split(PAGE_BREAK))
    return Converted(pages=pages, images=images)


def pages_json(pages: tuple[str, ...]) -> bytes:
    """Return the source file of a document that is kept page by page."""
    listed = [{"page": number, "content": page} for number, page in enumerate(pages, start=1)]
    return json.dumps(listed, indent=1, ensure_ascii=False).encode()


def clean_stem(name: str) -> str:
    """Return the plain name that a document of this source gets if nobody has it."""
    stem = UNFIT.sub("-", PurePosixPath(name).stem.lower()).strip("-")
    return stem[:NAME_CHARACTERS_MAX] or "document"


def distinct_stem(name: str) -> str:
    """Return the name that it gets when somebody has the plain one."""
    return f"{clean_stem(name)}-{sha256(name.encode()).hexdigest()[:8]}"
