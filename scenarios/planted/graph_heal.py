"""Wrong handles that live beside the dead: they do not heal, or go on as if nobody had died.

And operations that are wrong at their own end, after they were published. They never change what
an opening does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.graph import apply, commit, drift, merge, optimize, points, sweep, view
from engine.graph.errors import DriftAdvice
from engine.graph.manifest import NO_PARENT, manifest_path
from engine.graph.operation import Kind
from engine.graph.sidecar import delete_sidecar
from engine.graph.table import head_version, read_version
from engine.graph.view import View
from killpoint.failpoints import reach
from killpoint.invariants import KEPT_HANDLE
from scenarios.planted.graph import WRITES
from scenarios.planted.patch import Bug, Search, planted, put, right

if TYPE_CHECKING:
    from engine.graph.branch import Branch, TablePin
    from engine.graph.manifest import Manifest
    from engine.graph.schema import TableSchema
    from engine.graph.sidecar import Sidecar
    from engine.graph.store import Store
    from engine.graph.table import TableVersion


def heal_never() -> None:
    """Leave all that the dead left to an opening."""
    put(view, "heal", lambda *_: None)


def _begin_unhealed() -> None:
    """Let operations begin over what the dead left on their own branch; a refresh still heals."""
    pending = right(sweep, "pending_sidecars")

    def begin(self: View) -> dict[str, TablePin]:
        def elsewhere(store: Store) -> tuple[Sidecar, ...]:
            return tuple(one for one in pending(store) if one.branch != self.branch)

        seen = dict(self.seen)
        put(sweep, "pending_sidecars", elsewhere)
        self.heal()
        put(sweep, "pending_sidecars", pending)
        self.look_again()
        return seen

    put(View, "begin", begin)


def apply_over_the_dead() -> None:
    """Plan an apply for what readers see, and commit it above whatever stands there."""
    _begin_unhealed()

    def undrifted(store: Store, table: TableSchema, branch: Branch) -> TableVersion:
        pin = branch.pin(table.key)
        head = head_version(store, table, pin.version, pin.ref)
        return replace(read_version(store, table, pin.version, pin.ref), version=head)

    put(apply, "undrifted_version", undrifted)


def merge_over_the_dead() -> None:
    """Merge into what stands at HEAD, whoever has left it there."""
    _begin_unhealed()
    sound = right(merge, "undrifted_version")

    def undrifted(store: Store, table: TableSchema, branch: Branch) -> TableVersion:
        pin = branch.pin(table.key)
        if pin.ref != branch.id:
            inherited: TableVersion = sound(store, table, branch)
            return inherited
        head = head_version(store, table, pin.version, pin.ref)
        return read_version(store, table, head, pin.ref)

    put(merge, "undrifted_version", undrifted)


def guess_the_advice() -> None:
    """Say that nothing covers the drift when that cannot be told."""
    sound = right(drift, "_advise")

    def advise(store: Store, table: str, ref: str) -> tuple[DriftAdvice, str]:
        advice, detail = sound(store, table, ref)
        return (DriftAdvice.UNCOVERED if advice is DriftAdvice.UNKNOWN else advice), detail

    put(drift, "_advise", advise)


def fail_after_the_publish() -> None:
    """Tell the caller that the sidecar could not be deleted, as if that were the operation."""

    def phase_d(store: Store, sidecar: Sidecar) -> None:
        reach(points.PHASE_D_BEFORE, sidecar.path)
        delete_sidecar(store, sidecar)
        reach(points.PHASE_D_AFTER, sidecar.path)

    put(commit, "_phase_d", phase_d)


def optimize_beside_the_dead() -> None:
    """Do not ask whether a dead operation waits for recovery."""
    put(optimize, "refuse_pending", lambda *_: None)


def tell_the_parent_later() -> None:
    """Publish a merge, and write down what it has merged when all is done."""
    sound_c, sound_d = right(commit, "_phase_c"), right(commit, "_phase_d")
    owed: list[tuple[Manifest, str]] = []

    def phase_c(store: Store, base: Manifest, sidecar: Sidecar) -> Manifest:
        untold = replace(sidecar, merged_id=NO_PARENT)
        published: Manifest = sound_c(store, base, untold)
        if sidecar.kind is Kind.MERGE:
            owed.append((published, sidecar.merged_id))
        return published

    def phase_d(store: Store, sidecar: Sidecar) -> None:
        sound_d(store, sidecar)
        while owed:
            published, merged = owed.pop()
            told = replace(published, row=replace(published.row, merged_id=merged)).to_bytes()
            path = manifest_path(published.version)
            store.storage.put(points.SIDECAR_PUT, path, told)
            store.files.put(path, told)

    put(commit, "_phase_c", phase_c)
    put(commit, "_phase_d", phase_d)


BUGS = (
    Bug(
        name="never_healed",
        mechanism="a live handle heals nothing, and refuses to write until somebody reopens",
        expected=KEPT_HANDLE,
        plant=heal_never,
        about=WRITES,
        rows=("56",),
    ),
    Bug(
        name="applied_over_the_dead",
        mechanism="an apply is planned for what readers see and buries what a dead one committed",
        expected=KEPT_HANDLE,
        plant=apply_over_the_dead,
        about=("graph.insert",),
        rows=("57",),
    ),
    Bug(
        name="merged_over_the_dead",
        mechanism="a merge publishes what a dead operation had committed, as its own",
        expected=KEPT_HANDLE,
        plant=merge_over_the_dead,
        about=("graph.branch.write",),
        rows=("58",),
    ),
    Bug(
        name="advice_guessed",
        mechanism="when the sidecars cannot be listed, drift is said to be covered by none",
        expected="advice is not guessed",
        plant=guess_the_advice,
        about=("graph.defer",),
        rows=("70",),
        by=Search.ERROR,
    ),
    Bug(
        name="failed_after_the_publish",
        mechanism="an operation is published, and fails because its sidecar cannot be deleted",
        expected="what is published is acknowledged",
        plant=fail_after_the_publish,
        about=WRITES,
        rows=("72",),
        by=Search.ERROR,
    ),
    Bug(
        name="optimized_beside_the_dead",
        mechanism="optimize goes on while a dead operation waits for recovery",
        expected=KEPT_HANDLE,
        plant=optimize_beside_the_dead,
        about=("graph.optimize",),
        rows=("88",),
    ),
    Bug(
        name="parent_told_later",
        mechanism="a merge is published, and its second parent is written down afterwards",
        expected="lineage is whole",
        plant=tell_the_parent_later,
        about=("graph.merge.forward",),
        rows=("L5",),
    ),
)

SCENARIOS = tuple(each for bug in BUGS for each in planted(bug))
