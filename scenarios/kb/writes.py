"""Adding, importing, removing and recompiling: a scenario for each way of changing documents.

Each starts from the same two documents and does little, because every step is killed and so is
every step of every recovery. It never relies on counts: states are compared file by file.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.kb import CloudDocument, Compiled
from engine.storage import Local
from killpoint import FollowUp, Operation, PointSource, Scenario
from scenarios.kb.directory import describe
from scenarios.kb.examine import crashed_directory_is_sound, died, witness
from scenarios.kb.invariants import INVARIANTS
from scenarios.kb.model import with_short, without
from scenarios.kb.storages import Apart
from scenarios.kb.system import ALMANAC, ATLAS, AUTHORITY, KbSystem, Place, documents, verify

LAST = ("notes/last.md", "Last of the [[Moon]].")


def add(name: str, data: bytes) -> Callable[[Place], object]:
    """Return an operation that adds a source."""
    return lambda place: place.base.add(name, data).status


def remove(name: str) -> Callable[[Place], object]:
    """Return an operation that removes a document."""
    return lambda place: place.base.remove(name)


def terse(text: str) -> Compiled:
    """Compile by other rules than the knowledge base's own."""
    return Compiled(summary=text[:5], concepts=(), entities=("Ada",))


def recompile(place: Place) -> None:
    """Compile the almanac anew, by other rules, so that its pages change."""
    place.base.recompile("almanac", terse)


FOLLOW_UPS = (
    FollowUp(
        "add one more",
        add(LAST[0], LAST[1].encode()),
        lambda state: with_short(state, LAST[0], LAST[1], ("Moon",)),
    ),
    FollowUp(
        "add and remove one more",
        lambda place: (add(LAST[0], LAST[1].encode())(place), remove("last")(place)),
        lambda state: without(with_short(state, LAST[0], LAST[1], ("Moon",)), "last"),
    ),
)


# What a handle is asked that was open while another process died: it must drain by itself.
KEPT = (
    FollowUp("look around", lambda place: place.base.files(), dict),
    FOLLOW_UPS[0],
    FollowUp("remove the almanac", remove("almanac"), lambda state: without(state, "almanac")),
)


def scenario(name: str, *operations: Operation, storage: type[Local] = Local) -> Scenario:
    """Return a scenario over the knowledge base with everything that must hold of it."""
    return Scenario(
        name=f"kb.{name}",
        system=KbSystem(storage),
        operations=operations,
        invariants=INVARIANTS,
        follow_ups=FOLLOW_UPS,
        kept=KEPT,
        witness=witness,
        lasting=died,
        examine=crashed_directory_is_sound,
        describe=describe,
        points=frozenset({PointSource.DECLARED}),
        parts=documents,
        authority=AUTHORITY,
        verify=verify,
    )


ESSAY = ("essay.md", b"On the [[Moon]].")
LONG = ("book.txt", b"one @Ada\n!image cover red\n\ftwo\fthree")
EDITED = (ALMANAC[0], b"No [[Star]] moves the tides.")

SCENARIOS = (
    scenario("add.short", Operation("add an essay", add(*ESSAY))),
    scenario("add.long", Operation("add a book", add(*LONG))),
    scenario("add.edited", Operation("add the almanac again", add(*EDITED))),
    scenario("add.duplicate", Operation("add the atlas's content", add("copy.txt", ATLAS[1]))),
    # Two in one, because they meet nowhere: an import, and a disk that links and moves nothing.
    scenario(
        "cloud.without_links",
        # No look around: what a listing has shown may be gone in the next step, says the campaign.
        Operation("add what is there already", add("copy.md", ALMANAC[1])),
        Operation(
            "import from the cloud",
            lambda place: (
                place.base.import_cloud(
                    "c-1", lambda _: CloudDocument(name="paper", pages=("on the [[Moon]]",))
                ).status
            ),
        ),
        storage=Apart,
    ),
    scenario("remove", Operation("remove the atlas", remove("atlas"))),
    scenario("recompile", Operation("compile the almanac", recompile)),
)
