"""Stores whose failures hold more than they need: later operations, recoveries, errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint import FollowUp, Operation, PointSource, Scenario, functions
from killpoint.failpoints import declare, declare_effect, reach

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = declare("shrinkable.before_write", durable="the words before", pending="the next word")
OPENED = declare("shrinkable.opened", durable="all words", pending="nothing")
TRUNCATE = declare_effect(
    "shrinkable.truncate",
    "put",
    ("before", "created", "after"),
    durable="the words before",
    pending="the next word",
)
WORDS = ("one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words in a file, which is emptied before it is written again."""

    path: Path

    def read(self) -> list[str]:
        """Return the words."""
        return self.path.read_text().split() if self.path.exists() else []

    def add(self, word: str) -> None:
        """Write all words anew; the third one takes two attempts."""
        words = [*self.read(), word]
        for _ in range(2 if word == "three" else 1):
            reach(BEFORE, "words")
            reach(TRUNCATE["before"], "words")
            self.path.write_text("")
            reach(TRUNCATE["created"], "words")
            self.path.write_text(" ".join(words))
            reach(TRUNCATE["after"], "words")


def opened(root: Path) -> Words:
    """Open the list; there is nothing to recover, and a point all the same."""
    reach(OPENED)
    return Words(root / "words")


def scenario(name: str, words: tuple[str, ...]) -> Scenario:
    """Return a list to which these words are added."""
    more = FollowUp("more", lambda held: held.add("more"), lambda state: [*state, "more"])
    return Scenario(
        name=f"shrinkable.{name}",
        system=functions(open=opened, observe=Words.read),
        operations=tuple(
            Operation(f"add {word}", lambda held, word=word: held.add(word))  # type: ignore[misc]
            for word in words
        ),
        follow_ups=(more,),
        points=frozenset({PointSource.DECLARED}),
    )


def needs_the_first(held: Words) -> None:
    """Fail where an operation before has not been: it cannot be left out."""
    if "one" not in held.read():
        message = "the word one is missing"
        raise ValueError(message)
    held.add("two")


SCENARIOS = (
    scenario("words", WORDS),
    Scenario(
        name="shrinkable.tied",
        system=functions(open=opened, observe=Words.read),
        operations=(
            Operation("add one", lambda held: held.add("one")),
            Operation("add two after one", needs_the_first),
            Operation("add three", lambda held: held.add("three")),
        ),
        points=frozenset({PointSource.DECLARED}),
    ),
)
