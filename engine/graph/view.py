"""What a handle sees: the newest graph version that it knows, on its branch, and what it has shown.

It remembers of each table the version that its user has read, by the table's home, because a key
may change hands; a strict operation rests on that. It never writes, but for what a heal settles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from engine.graph.catalogue import under
from engine.graph.errors import DamagedFileError, ExpiredVersionError, UnknownVersionError
from engine.graph.horizon import kept_from
from engine.graph.manifest import FIRST_VERSION, branch_of, manifests, newer_manifest
from engine.graph.sweep import heal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from engine.graph.branch import Branch, TablePin
    from engine.graph.manifest import Manifest
    from engine.graph.store import Store
    from engine.graph.work import Receipt

T = TypeVar("T")


class View:
    """One view, of one branch (an id); it goes forward only."""

    __slots__ = ("branch", "newest", "reloads_count", "seen", "store")

    def __init__(self, store: Store, newest: Manifest, branch: str) -> None:
        """Begin with a graph version, all of it counted as shown."""
        self.store = under(store, newest)
        self.newest = newest
        self.branch = branch
        self.reloads_count = 0
        self.seen = self.pinned()

    def sight(self, manifest: Manifest) -> Branch:
        """Return the branch as a graph version has it, or raise that it has none."""
        return branch_of(manifest, self.branch)

    def pinned(self) -> dict[str, TablePin]:
        """Return the visible version of every table, by its home."""
        branch = self.sight(self.newest)
        tables = self.store.schema.tables.values()
        return {table.home: branch.pin(table.key) for table in tables}

    def look(self, newest: Manifest) -> None:
        """Take a graph version for the newest, with the schema that it names."""
        self.store = under(self.store, newest)
        self.newest = newest

    def look_again(self) -> Manifest:
        """Return the newest graph version that there is at this moment."""
        self.look(newer_manifest(self.store, self.newest))
        return self.newest

    def heal(self) -> None:
        """Settle what the dead left, forward only; reload if, and only if, that was anything."""
        healed = heal(self.store, self.newest)
        if healed is not None:
            self.look(healed)
            self.reloads_count += 1

    def begin(self) -> dict[str, TablePin]:
        """Heal and look at what there is; return what had been seen before that.

        What a heal publishes is nothing that the caller has read.
        """
        seen = dict(self.seen)
        self.heal()
        self.look_again()
        return seen

    def learn(self, receipt: Receipt, newest: Manifest, rested_on: Collection[str] = ()) -> None:
        """Take the graph version that an operation of this handle has led to.

        Its own change is known to it, unless it came on top of one that is not. What a strict
        operation `rested_on` was known.
        """
        self.look(newest)
        for key, pin in self.sight(newest).tables.items():
            home = self.store.schema.table(key).home
            seen = self.seen.get(home)
            known = pin.version == 0 if seen is None else seen.version == pin.version - 1
            known = known or key in rested_on
            if pin.operation_id == receipt.operation_id and known:
                self.seen[home] = pin

    def see_same(self, newest: Manifest, tables: Iterable[str]) -> None:
        """Take a graph version whose operation left the rows of these tables as they were.

        Whoever had read them may go on from there; not if others had changed them before it.
        """
        before = self.newest
        for one in manifests(self.store, before.version + 1, newest.version - 1):
            if one.row.operation_id == newest.row.operation_id:
                break
            before = one
        was, now = self.sight(before), self.sight(newest)
        self.look(newest)
        for key in tables:
            home = self.store.schema.table(key).home
            if self.seen.get(home) == was.pin(key):
                self.seen[home] = now.pin(key)

    def manifest(self, version: int | None) -> Manifest:
        """Return a graph version; None is the newest there is at this moment."""
        newest = self.look_again()
        if version is None:
            return newest
        if not FIRST_VERSION <= version <= newest.version:
            raise UnknownVersionError(version, newest.version)
        oldest = kept_from(self.store.storage)
        if version < oldest:
            raise ExpiredVersionError(version, oldest)
        return next(manifests(self.store, version, version))

    def shown(
        self, version: int | None, show: Callable[[Store, Manifest], T]
    ) -> tuple[Manifest, T]:
        """Return a graph version with what is read from it.

        When it is cleaned up in the meantime, the newest one is taken instead, if that was meant.
        """
        while True:
            manifest = self.manifest(version)
            try:
                return manifest, show(under(self.store, manifest), manifest)
            except DamagedFileError:
                self.sight(self.look_again())  # a branch that was deleted has lost its files
                oldest = kept_from(self.store.storage)
                if manifest.version >= oldest:
                    raise
                if version is not None:
                    raise ExpiredVersionError(version, oldest) from None
