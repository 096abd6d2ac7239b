"""A shelf of named boxes in a log, to draw operations on; and shelves that take two to go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from killpoint import FollowUp, Scenario, functions

if TYPE_CHECKING:
    from pathlib import Path

Boxes = dict[str, str]


class Shelf:
    """Reads its log whenever it is asked, so that a kept handle sees what there is."""

    def __init__(self, root: Path) -> None:
        """Settle what a compaction that died has left."""
        self.log, self.fresh = root / "log", root / "log.new"
        self.settle()

    def settle(self) -> None:
        """Throw half a compaction away: the log is whole."""
        self.fresh.unlink(missing_ok=True)

    def boxes(self) -> Boxes:
        """Return what is in the boxes; an empty one is none."""
        return {name: body for name, body in self.lines().items() if body}

    def lines(self) -> Boxes:
        """Return the last line of every box."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return dict(line.split("=", 1) for line in lines)

    def put(self, name: str, body: str) -> None:
        """Put something into a box."""
        with self.log.open("a") as file:
            file.write(f"{name}={body}\n")

    def compact(self) -> None:
        """Write a log that says no more than it must, in place of the old one."""
        with self.fresh.open("w") as file:
            for name, body in self.kept().items():
                file.write(f"{name}={body}\n")
        self.fresh.replace(self.log)

    def kept(self) -> Boxes:
        """Return what a compaction keeps."""
        return self.boxes()


class Hasty(Shelf):
    """Takes half a compaction for a whole one."""

    def settle(self) -> None:
        """Believe that whatever stands there is finished."""
        if self.fresh.exists():
            self.fresh.replace(self.log)


class Forgetful(Shelf):
    """Brings what was taken out back when it compacts."""

    def kept(self) -> Boxes:
        """Take an empty box for one that nobody has filled yet."""
        return {name: body or "back" for name, body in self.lines().items()}


def putting(name: str, body: str) -> FollowUp:
    """Return the operation that fills a box, or empties it."""

    def expect(boxes: Boxes) -> Boxes:
        return {key: kept for key, kept in {**boxes, name: body}.items() if kept}

    return FollowUp(f"put {body or 'nothing'} in {name}", lambda s: s.put(name, body), expect)


ALPHABET = (
    putting("a", "1"),
    putting("b", "2"),
    putting("a", ""),
    FollowUp("compact", lambda shelf: shelf.compact(), dict),
)


def shelf(name: str, kind: type[Shelf]) -> Scenario:
    """Return the scenario of a shelf."""
    return Scenario(
        name=f"shelf.{name}",
        system=functions(open=kind, observe=lambda shelf: shelf.boxes()),
        operations=(),
        alphabet=ALPHABET,
        kept=ALPHABET,
    )


DRAWN_FROM = (shelf("sound", Shelf), shelf("hasty", Hasty), shelf("forgetful", Forgetful))
