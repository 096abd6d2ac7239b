"""The intent of one mutation, on disk from before its first change until after its decision.

It names every path that the mutation may change and, for each that existed, the hash of its old
content, which waits in a backup. Paths are inside the knowledge base, and it names the knowledge
base that it belongs to: a journal from elsewhere, or one that names anything else, is refused
as a whole. It never decides; its state says what has been decided.

    active -> committed -> gone              the new state stands
    active -> rolling_back -> rolled_back -> gone    the old state stands
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from engine.kb import layout
from engine.kb.errors import DamagedFileError
from engine.kb.record import decode, encode, parsing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.kb.store import Store
    from killpoint.failpoints import Effect

T = TypeVar("T")

ATTEMPTS_MAX = 5
NEW = ""  # in the place of a hash: the path did not exist


class State(StrEnum):
    """What has been decided."""

    ACTIVE = "active"
    ROLLING_BACK = "rolling_back"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"

    @property
    def undecided(self) -> bool:
        """Whether the old state must still be restored."""
        return self in {State.ACTIVE, State.ROLLING_BACK}


class Operation(StrEnum):
    """What kinds of mutation there are."""

    ADD = "add"
    URL = "url"
    CLOUD = "cloud"
    REMOVE = "remove"
    RECOMPILE = "recompile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A path that the mutation may change, and the hash of its old content, or `NEW`."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One mutation. `spent` are downloads that it uses up when it commits."""

    kb: str
    mutation: str
    sequence: int
    operation: Operation
    document: str
    state: State
    attempts: int
    entries: tuple[Entry, ...]
    spent: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file's path."""
        return layout.journal_path(self.sequence, self.mutation)

    @property
    def name(self) -> str:
        """The mutation in the words of its user."""
        return f"{self.operation} of {self.document!r}"

    def saved(self) -> Iterable[tuple[Entry, str]]:
        """Return the entries that have a backup, and where."""
        for number, entry in enumerate(self.entries):
            if entry.digest != NEW:
                yield entry, layout.backup_path(self.mutation, number)

    def made(self) -> tuple[str, ...]:
        """Return the paths that did not exist before."""
        return tuple(entry.path for entry in self.entries if entry.digest == NEW)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return encode(
            {
                "kb": self.kb,
                "mutation": self.mutation,
                "sequence": self.sequence,
                "operation": str(self.operation),
                "document": self.document,
                "state": str(self.state),
                "attempts": self.attempts,
                "entries": [{"path": one.path, "digest": one.digest} for one in self.entries],
                "spent": list(self.spent),
            }
        )


def parse_journal(path: str, data: bytes, kb: str) -> Journal:
    """Read a journal of this knowledge base, or raise what names the file.

    Raises `DamagedFileError` also for one of another knowledge base, under a wrong name, or with
    a path that no mutation of ours may change: nothing of such a journal is ever acted on.
    """
    fields = decode(path, data)
    with parsing(path):
        found = Journal(
            kb=_as(str, fields["kb"]),
            mutation=_as(str, fields["mutation"]),
            sequence=_as(int, fields["sequence"]),
            operation=Operation(fields["operation"]),
            document=_as(str, fields["document"]),
            state=State(fields["state"]),
            attempts=_as(int, fields["attempts"]),
            entries=tuple(
                Entry(path=_as(str, entry["path"]), digest=_as(str, entry["digest"]))
                for entry in fields["entries"]
            ),
            spent=tuple(_as(str, spent) for spent in fields["spent"]),
        )
    _check(path, found)
    if found.kb != kb:
        raise DamagedFileError(path, "it belongs to another knowledge base")
    # By the name alone, which holds no slash: so neither does the mutation's id.
    name = path.rpartition("/")[2]
    if name != f"{found.sequence:06d}-{found.mutation}.json":
        raise DamagedFileError(path, f"it should be called {found.path!r}")
    return found


def _check(path: str, found: Journal) -> None:
    """Refuse what no journal of ours says."""
    paths = [entry.path for entry in found.entries]
    outside = [one for one in paths if not layout.is_mutable(one)]
    outside += [spent for spent in found.spent if not layout.is_download(spent)]
    if outside:
        raise DamagedFileError(path, f"it names {outside[0]!r}, which no mutation may change")
    if len(set(paths)) < len(paths):
        raise DamagedFileError(path, "it names a path twice")
    if not (found.sequence > 0 and 0 <= found.attempts <= ATTEMPTS_MAX):
        raise DamagedFileError(path, "its numbers are none that we count to")


def _as(kind: type[T], value: object) -> T:
    """Return the value if it is exactly of that kind: a flag is no number."""
    if type(value) is not kind:
        raise TypeError(value)
    return value


def put_journal(store: Store, effect: Effect, journal: Journal) -> Journal:
    """Write the journal; when this returns, it is durable."""
    store.storage.put(effect, journal.path, journal.to_bytes())
    return journal


def next_sequence(standing: Iterable[str]) -> int:
    """Return a number above that of every journal in `work/`, decided or quarantined."""
    names = (path.rpartition("/")[2] for path in standing if path.endswith(".json"))
    numbers = (name.partition("-")[0] for name in names)
    return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)
