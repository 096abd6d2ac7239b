"""Making a knowledge base, several changes in a row, and company: dead processes, interrupts.

A second process here is a real one: it is forked, opens the knowledge base itself, and is killed
by its own plan, while the first holds its handle. Neither scenario relies on the order of another.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import kb
from engine.kb import points
from engine.record import encode
from engine.storage import CountedIds, delete_effect, put_effect
from killpoint import FollowUp, Operation, PointSource, Ports, Scenario, failpoints
from scenarios.kb.batch import OPERATIONS, BatchSystem
from scenarios.kb.directory import describe
from scenarios.kb.invariants import INVARIANTS, what_has_ended_is_settled
from scenarios.kb.storages import Interrupted
from scenarios.kb.system import ALMANAC, Place, State, place_at, state_of
from scenarios.kb.writes import ESSAY, add, scenario

SECOND = Ports(incarnation=500, actor="second")
STRAY = put_effect(
    "kb.stray.put", durable="the knowledge base", pending="a file that no engine has written"
)
STRAY_DELETE = delete_effect(
    "kb.stray.delete", durable="the knowledge base", pending="a file that no engine has written"
)
WEB = "https://a.example/tide.md"
NOT_DEAD = "the second process was to die, and ended otherwise"
SETTLED = (*INVARIANTS, what_has_ended_is_settled)
NO_JOURNAL = "work/journal/000001-stranger.json"
HOSTILE_JOURNAL = "work/journal/000002-hostile.json"


class Start:
    """A directory that may hold a knowledge base, and the handle if it does."""

    def __init__(self, root: Path, ports: Ports) -> None:
        """Open what is there; nothing complete is fine."""
        self.root = root
        self.ports = ports
        self.place: Place | None = None
        try:
            self.place = place_at(root, ports)
        except kb.NotAKbError:
            return

    def init(self) -> None:
        """Make the knowledge base and open it."""
        ids = CountedIds(incarnation=self.ports.incarnation, actor="init")
        kb.init(self.root, ids)
        self.place = place_at(self.root, self.ports)

    def init_if_missing(self) -> None:
        """Make it unless one is there."""
        if self.place is None:
            self.init()


class InitSystem:
    """A knowledge base that does not exist yet; its state is None until it does."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Leave the directory empty."""

    def open(self, root: Path, ports: Ports) -> Start:
        """Open it if there is one."""
        return Start(root, ports)

    def observe(self, handle: Start) -> State | None:
        """Return every file, or None while there is no knowledge base."""
        return None if handle.place is None else state_of(handle.place.base)

    def close(self, handle: Start) -> None:
        """Close it if it was opened."""
        if handle.place is not None:
            handle.place.base.close()


def or_empty(state: State | None) -> State:
    """Return the state after an init that does nothing to a knowledge base that is there."""
    empty: State = {"files": {}, "documents": {}, "hashes": {}, "index": {}, "audit": []}
    return empty if state is None else state


def second_process_dies(place: Place) -> None:
    """Let another process open the same directory and be killed just before it commits."""
    child = os.fork()
    if child == 0:
        # What the case has armed stays in force beneath: then this one dies there, and so does
        # the first when it comes to the same point.
        try:
            failpoints.arm(f"{points.JOURNAL_COMMIT['before'].name}=kill")
            add("notes/ghost.md", b"A ghost edits the [[Moon]].")(place_at(place.root, SECOND))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise ChildProcessError(NOT_DEAD)


def interrupted(where: str, work: Callable[[Place], object]) -> Callable[[Place], object]:
    """Press Ctrl-C when something is written there; what had begun undoes itself."""

    def apply(place: Place) -> None:
        storage = place.storage
        assert isinstance(storage, Interrupted), "this needs a storage that interrupts"
        storage.interrupts = where
        try:
            work(place)
        except KeyboardInterrupt:
            return
        finally:
            storage.interrupts = ""
        raise AssertionError

    return apply


def from_the_web(fetch: Callable[[str], bytes]) -> Callable[[Place], object]:
    """Return an operation that downloads and adds."""
    return lambda place: place.base.add_url(WEB, fetch).status


def off_line(url: str) -> bytes:
    """Refuse to fetch: what is needed must have been kept."""
    raise ConnectionError(url)


def stray_journals(place: Place) -> None:
    """Leave a file among the journals that is none, and one that is made to reach outside."""
    place.storage.put(STRAY, NO_JOURNAL, b'{"status": "active", "kb_dir": "/"}')
    hostile = {
        "kb": json.loads((place.root / "kb.json").read_bytes())["kb"],
        "mutation": "hostile",
        "sequence": 2,
        "operation": "add",
        "document": "almanac",
        "state": "active",
        "attempts": 0,
        # Whoever acts on the first of these would also delete the almanac.
        "entries": [{"path": path, "digest": ""} for path in ("raw/almanac.md", "../outside")],
        "spent": [],
    }
    place.storage.put(STRAY, HOSTILE_JOURNAL, encode(hostile))


def take_strays_away(place: Place) -> None:
    """Delete both, as somebody would who had found them."""
    for path in (NO_JOURNAL, HOSTILE_JOURNAL):
        place.storage.delete(STRAY_DELETE, path)


def read_everything(place: Place) -> Any:  # noqa: ANN401 -- shown in the history only
    """Read all that a reader can read."""
    return len(place.base.files()), len(place.base.audit()), place.base.quarantined()


SCENARIOS = (
    Scenario(
        name="kb.init",
        system=InitSystem(),
        operations=(Operation("init", Start.init),),
        follow_ups=(FollowUp("init if missing", Start.init_if_missing, or_empty),),
        describe=describe,
        points=frozenset({PointSource.DECLARED}),
        without_damage="it has no content yet",
    ),
    replace(
        scenario("batch", *OPERATIONS),
        system=BatchSystem(),
        without_errors="a batch goes on past documents that fail",
    ),
    replace(
        scenario(
            "two_processes",
            Operation("a second process dies in an add", second_process_dies),
            # The drain is what matters here: so the change that follows is none.
            Operation("add what is there already", add("copy.md", ALMANAC[1])),
        ),
        without_errors="its second process is to die of its own fault",
    ),
    replace(
        scenario(
            "interrupt",
            Operation("interrupted add", interrupted("documents/", add(*ESSAY))),
            storage=Interrupted,
        ),
        invariants=SETTLED,
        without_errors="its operation is to end by an interrupt, and would end before",
    ),
    replace(
        scenario(
            "url",
            Operation(
                "interrupted add from the web",
                interrupted("work/", from_the_web(lambda _: b"Seen on the [[Moon]].")),
            ),
            Operation("add what was downloaded", from_the_web(off_line)),
            storage=Interrupted,
        ),
        invariants=SETTLED,
        without_errors="its operation is to end by an interrupt, and would end before",
    ),
    scenario(
        "quarantine",
        Operation("drop two stray journals", stray_journals),
        Operation("take them away by hand", take_strays_away),
        Operation("drop them again", stray_journals),
        Operation("add what is there already", add("copy.md", ALMANAC[1])),
    ),
    scenario("read", Operation("read everything", read_everything)),
)
