"""What goes wrong by itself, without the case: a disk that will not mend, a batch gone bad, a log.

Each of these needs a mishap before its kill, so that what follows a mishap is killed as well. A
storage of `storages.py` makes it, or a file that another program has left. It never arms a fault.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from engine.kb import DrainFailedError, Mode, QuarantinedError, RollbackFailedError, Source
from engine.storage import put_effect
from killpoint import Operation, Ports
from scenarios.kb.batch import Batch, BatchSystem
from scenarios.kb.storages import Faltering, Unmendable
from scenarios.kb.system import ATLAS, KbSystem, Place, State, place_at, state_of
from scenarios.kb.writes import ESSAY, add, remove, scenario

TRIES_MAX = 5  # as `engine/kb/README.md` says
LOG = put_effect(
    "kb.log.put", durable="the knowledge base", pending="a file that another program has written"
)
LOG_PATH = f"index/{sha256(ATLAS[1]).hexdigest()[:16]}.sqlite-wal"
BY_ITSELF = "its storage fails by itself"


class PatientSystem:
    """A knowledge base on a disk that restores nothing, and somebody who tries, then mends it.

    Opening is tried until undoing is given up; only then the disk is mended and `retry` called.
    """

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the usual two documents."""
        KbSystem().prepare(root, ports)

    def open(self, root: Path, ports: Ports) -> Place:
        """Open it, as often as the knowledge base says that it may be tried."""
        for _ in range(TRIES_MAX - 1):
            try:
                return place_at(root, ports, Unmendable)
            except QuarantinedError:
                return _mended(root, ports)
            except DrainFailedError:
                continue
        try:
            return place_at(root, ports, Unmendable)
        except QuarantinedError:
            return _mended(root, ports)

    def observe(self, handle: Place) -> State:
        """Return what a reader sees."""
        return state_of(handle.base)

    def close(self, handle: Place) -> None:
        """Close the handle."""
        handle.base.close()


def _mended(root: Path, ports: Ports) -> Place:
    """Mend the disk, have all that was given up tried again, and open it."""
    place = place_at(root, ports, mode=Mode.REPAIR)
    for journal in place.base.quarantined():
        place.base.retry(journal)
    place.base.close()
    return place_at(root, ports)


def not_undone_yet(error: Exception) -> bool:
    """Accept a refusal that another try may end."""
    return isinstance(error, DrainFailedError)


def batch_gone_bad(batch: Batch) -> str:
    """Add two documents, where the first fails and cannot be undone: the batch must end."""
    assert isinstance(batch.storage, Faltering), "this needs a storage that falters"
    batch.storage.falters_at = "documents/a.json"
    try:
        return batch.add(Source(name="a.md", data=b"a"), Source(name="b.md", data=b"b"))
    except RollbackFailedError:
        return "the batch has ended"


def one_by_itself(batch: Batch) -> object:
    """Add a document under a lock of its own."""
    batch.end()
    return batch.base.add("c.md", b"c").status


def leave_a_log(place: Place) -> None:
    """Leave what SQLite would, had another program died over the atlas's index."""
    place.storage.put(LOG, LOG_PATH, b"pages that are not in the database yet")


SCENARIOS = (
    replace(
        scenario("hopeless", Operation("add an essay", add(*ESSAY))),
        system=PatientSystem(),
        refused=not_undone_yet,
        without_errors=BY_ITSELF,
    ),
    replace(
        scenario(
            "batch.gone_bad",
            Operation("one that cannot be undone, and another", batch_gone_bad),
            Operation("one by itself", one_by_itself),
        ),
        system=BatchSystem(Faltering),
        without_errors=BY_ITSELF,
    ),
    scenario(
        "remove.logged",
        Operation("another program leaves its log", leave_a_log),
        Operation("remove the atlas", remove("atlas")),
    ),
)
