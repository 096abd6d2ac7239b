"""Two notes in a file each: a store that checks what it reads, and three that do it badly."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

from killpoint import Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare, reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from killpoint import Ports

STEP = declare("fragile.step", durable="the notes before", pending="the note")
NAMES = ("1.note", "2.note")


class DamagedError(Exception):
    """A file is not what was written."""


class Notes:
    """Each note has its name and a checksum in its first line."""

    def __init__(self, root: Path) -> None:
        """Look at nothing yet."""
        self.root = root

    def write(self, name: str, body: str) -> None:
        """Write a note."""
        reach(STEP)
        (self.root / name).write_text(f"{name} {zlib.crc32(body.encode()):08x}\n{body}")

    def check(self, name: str, text: str) -> str:
        """Return the body, or raise what names the file."""
        head, _, body = text.partition("\n")
        if head != f"{name} {zlib.crc32(body.encode()):08x}":
            message = f"{name} is damaged: restore it from a copy."
            raise DamagedError(message)
        return body

    def read(self, name: str) -> str:
        """Return a note."""
        file = self.root / name
        if not file.exists():
            message = f"{name} is missing: restore it from a copy."
            raise DamagedError(message)
        return self.check(name, file.read_bytes().decode("latin-1"))

    def read_all(self) -> dict[str, str]:
        """Return both notes."""
        return {name: self.read(name) for name in NAMES}


class Trusting(Notes):
    """Believes what it reads."""

    def check(self, name: str, text: str) -> str:
        """Look at nothing."""
        del name
        return text.partition("\n")[2]


class Vague(Notes):
    """Says that something is wrong, and not where."""

    def read(self, name: str) -> str:
        """Hide the name."""
        try:
            return super().read(name)
        except DamagedError:
            message = "the store is damaged"
            raise DamagedError(message) from None


class Timid(Notes):
    """Reads nothing when anything is wrong."""

    def read(self, name: str) -> str:
        """Check every note first."""
        for each in NAMES:
            super().read(each)
        return super().read(name)


def prepare(root: Path) -> None:
    """Write both notes."""
    for name in NAMES:
        Notes(root).write(name, f"{name} is new")


def scenario(name: str, kind: type[Notes]) -> Scenario:
    """Return two notes that are written anew."""

    def parts(root: Path, ports: Ports) -> dict[str, Callable[[], object]]:
        del ports
        return {note: partial(kind(root).read, note) for note in NAMES}

    def rewrite(note: str) -> Operation:
        return Operation(f"write {note}", lambda notes: notes.write(note, f"{note} says so"))

    return Scenario(
        name=f"fragile.{name}",
        system=functions(prepare=prepare, open=kind, observe=Notes.read_all),
        operations=tuple(rewrite(note) for note in NAMES),
        points=frozenset({PointSource.DECLARED}),
        parts=parts,
    )


SCENARIOS = (
    scenario("sound", Notes),
    scenario("trusting", Trusting),
    scenario("vague", Vague),
    scenario("timid", Timid),
)
