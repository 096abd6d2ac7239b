"""What the fuzz strategy draws from, over the knowledge base: short documents, with their model.

Two documents that share a page with each other and with those that stand, so that operations meet.
What cannot be done is refused or skipped, which the model knows. It never draws anything itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from engine.kb import OnFailure, Source, UnknownDocumentError
from killpoint import FollowUp
from scenarios.kb.model import with_short, without
from scenarios.kb.system import ALMANAC, Place, State
from scenarios.kb.writes import add, remove, scenario

ESSAY = ("essay.md", "On the [[Moon]].", ("Moon",))
EDITED = ("essay.md", "Of the [[Star]] and the [[Moon]].", ("Moon", "Star"))
DIARY = ("diary.md", "The [[Star]] rose.", ("Star",))
NOTE = ("note.md", "Nothing.", ())
Text = tuple[str, str, tuple[str, ...]]


def with_text(state: State, text: Text) -> State:
    """Return the state after an add: new, in place of what the name had held, or known already."""
    origin, body, concepts = text
    if f"{sha256(body.encode()).hexdigest()}.json" in state["hashes"]:
        return state
    name = origin.removesuffix(".md")
    before = state
    if name in state["documents"]:
        before = {**without(state, name), "audit": state["audit"]}
    return with_short(before, origin, body, concepts)


def adding(name: str, text: Text) -> FollowUp:
    """Return the operation that adds a text."""
    return FollowUp(name, add(text[0], text[1].encode()), lambda state: with_text(state, text))


def removing(name: str) -> FollowUp:
    """Return the operation that removes a document, which is refused when there is none."""

    def apply(place: Place) -> object:
        try:
            return remove(name)(place)
        except UnknownDocumentError as refusal:
            return type(refusal).__name__

    def expect(state: State) -> State:
        return without(state, name) if name in state["documents"] else state

    return FollowUp(f"remove the {name}", apply, expect)


def batch(*texts: Text) -> Callable[[Place], object]:
    """Return an operation that adds several under one lock, the first of which is known."""
    sources = [Source(name=name, data=body.encode()) for name, body, _ in texts]
    known = Source(name="copy.md", data=ALMANAC[1])
    return lambda place: place.base.add_all((known, *sources), OnFailure.STOP)


ALPHABET = (
    adding("add an essay", ESSAY),
    adding("add a diary", DIARY),
    adding("edit the essay", EDITED),
    removing("essay"),
    removing("diary"),
    FollowUp("add a batch", batch(NOTE), lambda state: with_text(state, NOTE)),
    FollowUp("read everything", lambda place: len(place.base.files()), dict),
)

DRAWN_FROM = (replace(scenario("fuzzed"), alphabet=ALPHABET, kept=ALPHABET, follow_ups=()),)
