"""Turning a document's text into a summary and the shared pages it belongs on.

A compiler is any function from text to `Compiled`; the one here stands in for a language model and
says the same every time: the first words are the summary, `[[Name]]` marks a concept and `@name`
an entity. Shared pages are lists with a line a document. It never touches the disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.kb.converter import NAME_CHARACTERS_MAX

SUMMARY_WORDS_MAX = 12
CONCEPT = re.compile(r"\[\[([A-Za-z0-9 -]+)\]\]")
ENTITY = re.compile(r"@([A-Za-z0-9-]+)")
INDEX_TITLE = "Index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a compiler makes of a text; concepts and entities by their names."""

    summary: str
    concepts: tuple[str, ...]
    entities: tuple[str, ...]

    @property
    def pages(self) -> dict[str, str]:
        """The shared pages that list the document: title by path."""
        concepts = {f"wiki/concepts/{_slug(name)}.md": name for name in self.concepts}
        entities = {f"wiki/entities/{_slug(name)}.md": name for name in self.entities}
        return concepts | entities


Compiler = Callable[[str], Compiled]


def first_words(text: str) -> Compiled:
    """Compile by the stand-in's rules."""
    return Compiled(
        summary=" ".join(text.split()[:SUMMARY_WORDS_MAX]),
        concepts=tuple(sorted(set(CONCEPT.findall(text)))),
        entities=tuple(sorted(set(ENTITY.findall(text)))),
    )


def summary_page(document: str, compiled: Compiled) -> bytes:
    """Return the page of one document."""
    return f"# {document}\n\n{compiled.summary}\n".encode()


def with_document(page: bytes | None, title: str, document: str) -> bytes:
    """Return a shared page that lists the document, once, in order."""
    lines = {f"- [[{document}]]", *_lines(page)}
    heading = f"# {title}" if page is None else page.decode().split("\n", maxsplit=1)[0]
    return "\n".join((heading, "", *sorted(lines), "")).encode()


def without_document(page: bytes, document: str) -> bytes | None:
    """Return a shared page that no longer lists the document; None when nothing is left on it."""
    lines = _lines(page) - {f"- [[{document}]]"}
    heading = page.decode().split("\n", maxsplit=1)[0]
    return "\n".join((heading, "", *sorted(lines), "")).encode() if lines else None


def list_page(path: str, page: bytes, documents: Iterable[str]) -> bool:
    """Whether a shared page is what was written for these documents, under a title that fits.

    A title whose path would be the same is taken for the right one.
    """
    heading = page.split(b"\n", maxsplit=1)[0].decode(errors="replace")
    title = heading.removeprefix("# ")
    lines = sorted({f"- [[{document}]]" for document in documents})
    named = f"/{_slug(title)}.md"
    return page == "\n".join((f"# {title}", "", *lines, "")).encode() and path.endswith(named)


def _lines(page: bytes | None) -> set[str]:
    """Return the lines of a shared page that list documents."""
    text = "" if page is None else page.decode()
    return {line for line in text.split("\n") if line.startswith("- ")}


def _slug(name: str) -> str:
    """Return the file name of a shared page."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return slug[:NAME_CHARACTERS_MAX] or "page"
