"""A list in one file whose storage fails: one that is sound, and five that make a mistake of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from killpoint import FollowUp, Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare_effect, reach

if TYPE_CHECKING:
    from pathlib import Path

WRITE = declare_effect(
    "failing.write",
    "put",
    ("before", "created", "written", "after"),
    durable="the list before",
    pending="the new list",
)
READ = declare_effect(
    "failing.read", "get", ("before", "after"), durable="the list", pending="nothing"
)


class StoreError(Exception):
    """The list could not be read or written."""


class Words:
    """Reads the list at each use and replaces it whole, by rename."""

    def __init__(self, root: Path) -> None:
        """Look once, so that opening reads."""
        self.path = root / "words"
        self.read()

    def read(self) -> list[str]:
        """Return the words."""
        try:
            reach(READ["before"], "words")
            return self.path.read_text().split() if self.path.exists() else []
        except OSError as error:
            raise StoreError from error

    def write(self, words: list[str]) -> None:
        """Replace the list; a short one is never published."""
        data = " ".join(words).encode()
        fresh = self.path.with_name("fresh")
        try:
            reach(WRITE["before"], "words")
            with fresh.open("wb", buffering=0) as file:
                file.write(reach(WRITE["created"], "words", data))
            self.check(fresh, len(data))
            reach(WRITE["written"], "words")
            fresh.replace(self.path)
            reach(WRITE["after"], "words")
        except OSError as error:
            raise StoreError from error

    def check(self, fresh: Path, size: int) -> None:
        """Refuse what is too short."""
        if fresh.stat().st_size != size:
            raise StoreError

    def add(self, word: str) -> None:
        """Add a word."""
        self.write([*self.read(), word])


class Careless(Words):
    """Publishes whatever arrived."""

    def check(self, fresh: Path, size: int) -> None:
        """Look at nothing."""


class Deaf(Words):
    """Takes every failure for a success."""

    def add(self, word: str) -> None:
        """Add a word, or not."""
        try:
            super().add(word)
        except StoreError:
            return


class Clumsy(Words):
    """Stumbles over its own handling of an error."""

    def write(self, words: list[str]) -> None:
        """Look for the reason where there is none."""
        try:
            super().write(words)
        except StoreError as error:
            raise StoreError(error.reason) from error  # type: ignore[attr-defined]


class Sulking(Words):
    """Works no more once something has failed."""

    failed = False

    def add(self, word: str) -> None:
        """Add a word, unless anything ever failed."""
        if self.failed:
            raise StoreError
        try:
            super().add(word)
        except StoreError:
            self.failed = True
            raise


class Hasty(Words):
    """Takes a list that cannot be read for one that is damaged, and begins anew."""

    def __init__(self, root: Path) -> None:
        """Open, whatever it costs."""
        try:
            super().__init__(root)
        except StoreError:
            self.path.write_text("")


def scenario(name: str, kind: type[Words]) -> Scenario:
    """Return two words that are added to a list that has one."""
    more = FollowUp("more", lambda words: words.add("more"), lambda state: [*state, "more"])
    return Scenario(
        name=f"failing.{name}",
        system=functions(
            prepare=lambda root: (root / "words").write_text("first"), open=kind, observe=Words.read
        ),
        operations=tuple(
            Operation(f"add {word}", lambda words, word=word: words.add(word))  # type: ignore[misc]
            for word in ("second", "third")
        ),
        follow_ups=(more,),
        kept=(more,),
        points=frozenset({PointSource.DECLARED}),
    )


SCENARIOS = (
    scenario("sound", Words),
    scenario("careless", Careless),
    scenario("deaf", Deaf),
    scenario("clumsy", Clumsy),
    scenario("sulking", Sulking),
    scenario("hasty", Hasty),
)
