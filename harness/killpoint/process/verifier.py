"""What runs inside the fresh process that reopens a store after its crash and judges it.

Reopen, observe, check, close; reopen, and nothing may have changed; then an operation more. Every
broken expectation is said as a violation at once; a check that raises is said as such, for then
nothing is decided. It never repairs anything, and it never runs in the warm parent.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from killpoint import failpoints, image, invariants
from killpoint.invariants import Reopened, first_difference
from killpoint.process import strike
from killpoint.process.child import plain
from killpoint.process.followed import MARK
from killpoint.process.victim import Tape, describe, watch_calls
from killpoint.scenario import Ports

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.history import History
    from killpoint.process.child import Channel
    from killpoint.scenario import FollowUp, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that the verifier is told about the case. `follow_ups` are the kinds to try."""

    incarnation: int
    references: tuple[Any, ...]
    history: History
    witness: Any
    struck: tuple[str, ...]
    storage_failed: bool
    follow_ups: tuple[int, ...] | None


class _Broken(Exception):  # noqa: N818 -- it ends the verification, it is no error of ours
    """A violation after which nothing more can be asked of the store."""


@dataclass(frozen=True, slots=True)
class _Store:
    """The store as the verifier handles it; each step turns an exception into a violation."""

    scenario: Scenario
    root: Path
    channel: Channel

    def open(self, incarnation: int) -> Any:  # noqa: ANN401 -- the system's own handle
        ports = Ports(incarnation=incarnation, actor="verify")
        try:
            return self.scenario.system.open(self.root, ports)
        except Exception as error:
            raise self.broken(invariants.OPENS, f"open raised {describe(error)}") from error

    def observe(self, handle: object) -> Any:  # noqa: ANN401 -- the system's own state
        try:
            return plain(self.scenario.system.observe(handle))
        except Exception as error:
            raise self.broken(invariants.OPENS, f"observe raised {describe(error)}") from error

    def close(self, handle: object) -> None:
        try:
            self.scenario.system.close(handle)
        except Exception as error:
            raise self.broken(invariants.OPENS, f"close raised {describe(error)}") from error

    def violated(self, name: str, *evidence: str) -> None:
        self.channel.send("violation", name, list(evidence))

    def broken(self, name: str, evidence: str) -> _Broken:
        traceback.print_exc()
        self.violated(name, evidence)
        return _Broken()


def verify(scenario: Scenario, root: Path, channel: Channel, dossier: Dossier) -> None:
    """Judge the store below `root`.

    Messages: witness, hits, violation, undecided, recovered, following, broken, verified.
    """
    store = _Store(scenario, root, channel)
    witness = plain(scenario.witness(root, dossier.witness))
    channel.send("witness", plain(scenario.lasting(witness)))
    if dossier.struck:
        _examine(store)
    try:
        state = _first_opening(store, dossier, witness)
        settled = image.capture(root)
        channel.send("recovered", settled.id)
        _second_opening(store, dossier.incarnation + 1, state, settled)
        channel.send(MARK)
        _follow_up(store, dossier, state, settled)
    except _Broken:
        channel.send("broken")
    beside = sorted(path.name for path in root.parent.iterdir() if path != root)
    if beside:
        store.violated(invariants.INSIDE_THE_ROOT, f"beside the root stands {', '.join(beside)}")
    channel.send("verified")


def _examine(store: _Store) -> None:
    try:
        evidence = list(store.scenario.examine(store.root))
    except Exception as error:  # noqa: BLE001 -- a check that raises has decided nothing
        traceback.print_exc()
        store.channel.send("undecided", invariants.CRASHED_STATE, describe(error))
        return
    if evidence:
        store.violated(invariants.CRASHED_STATE, *evidence)


def _first_opening(store: _Store, dossier: Dossier, witness: object) -> Any:  # noqa: ANN401
    """Recover under a counting seam, then check every invariant with the seam off."""
    tape = Tape()
    seam = strike.count(tape)
    watch_calls(store.scenario, store.root)
    handle = store.open(dossier.incarnation)
    failpoints.off()
    state = store.observe(handle)
    view = Reopened(
        root=store.root,
        handle=handle,
        state=state,
        references=dossier.references,
        history=dossier.history,
        witness=witness,
        struck=dossier.struck,
        storage_failed=dossier.storage_failed,
    )
    store.channel.send("applied", view.applied_count)
    for each in store.scenario.all_invariants:
        try:
            evidence = list(each.check(view))
        except Exception as error:  # noqa: BLE001 -- a check that raises has decided nothing
            traceback.print_exc()
            store.channel.send("undecided", each.name, describe(error))
            continue
        if evidence:
            store.violated(each.name, *evidence)
    failpoints.install(seam)
    store.close(handle)
    failpoints.off()
    tape.send(store.channel)
    return state


def _second_opening(store: _Store, incarnation: int, state: object, settled: image.Image) -> None:
    handle = store.open(incarnation)
    again = store.observe(handle)
    store.close(handle)
    if again != state:
        store.violated(invariants.SAME_WHEN_REOPENED, first_difference(state, again))
    changed = image.difference(settled, image.capture(store.root))
    if changed:
        store.violated(invariants.UNTOUCHED_BY_REOPENING, changed.describe())


def _follow_up(store: _Store, dossier: Dossier, state: object, settled: image.Image) -> None:
    """Try the follow-ups; where several are asked for, each starts from the recovered image."""
    kinds = store.scenario.follow_ups
    if not kinds:
        return
    chosen = range(len(kinds)) if dossier.follow_ups is None else dossier.follow_ups
    for turn, number in enumerate(chosen):
        if turn:
            image.restore(settled, store.root)
        _one_follow_up(store, dossier.incarnation + 2, kinds[number % len(kinds)], state)


def _one_follow_up(store: _Store, incarnation: int, kind: FollowUp, state: object) -> None:
    handle = store.open(incarnation)
    try:
        kind.apply(handle)
    except Exception as error:
        evidence = f"{kind.name} raised {describe(error)}"
        raise store.broken(invariants.FOLLOW_UP_WORKS, evidence) from error
    expected = plain(kind.expect(state))
    seen = store.observe(handle)
    store.close(handle)
    if seen != expected:
        store.violated(
            invariants.FOLLOW_UP_WORKS, f"{kind.name}: {first_difference(expected, seen)}"
        )
        return
    handle = store.open(incarnation + 1)
    kept = store.observe(handle)
    store.close(handle)
    if kept != expected:
        evidence = f"{kind.name}, after reopening: {first_difference(expected, kept)}"
        store.violated(invariants.FOLLOW_UP_WORKS, evidence)
