"""Try operations on a handle that was open while another process died over the same store.

The handle is opened on the store as it was; then what the crash left takes its place, in place,
as a dead neighbour would have left it. An operation on that handle either succeeds and leads to
the state that follows from a legal one, or is refused in a way that the scenario accepts; after
one fresh opening elsewhere it must succeed. A last fresh opening must show the same.

It never runs in the warm parent, and it never counts a refusal that has no end as a success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from killpoint import failpoints, image
from killpoint.invariants import KEPT_HANDLE, first_difference
from killpoint.process.child import plain
from killpoint.process.victim import describe
from killpoint.scenario import Ports

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.image import Image
    from killpoint.process.child import Channel
    from killpoint.scenario import FollowUp, Scenario

ATTEMPTS = ("at once", "after a fresh opening elsewhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystander:
    """What the child is told: both contents of the store, and the states legal after the crash.

    `dealt` is the number of the one kind of operation to try; without it, every kind is tried.
    """

    before: Image
    after: Image
    legal_states: tuple[Any, ...]
    incarnation: int
    dealt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An operation to try on a handle, the states that may stand there, and the next process."""

    kind: FollowUp
    legal_states: tuple[Any, ...]
    incarnation: int


def try_all(scenario: Scenario, root: Path, channel: Channel, told: Bystander) -> None:
    """Try operations, each on a handle of its own; says `violation` and `verified`."""
    failpoints.off()
    kinds = scenario.kept
    if told.dealt is not None:
        kinds = (kinds[told.dealt % len(kinds)],)
    wrongs: dict[str, list[str]] = {}
    for kind in kinds:
        wrongs.setdefault(_try(scenario, root, kind, told), []).append(kind.name)
    # Whatever is wrong with a store, most operations say the same of it: once is enough.
    evidence = [f"{', '.join(names)}: {wrong}" for wrong, names in wrongs.items() if wrong]
    if evidence:
        channel.send("violation", KEPT_HANDLE, evidence)
    channel.send("verified")


def _try(scenario: Scenario, root: Path, kind: FollowUp, told: Bystander) -> str:
    """Return what the kept handle did that it must not, or nothing."""
    image.restore(told.before, root)
    ports = Ports(incarnation=told.incarnation, actor="kept")
    handle = scenario.system.open(root, ports)
    image.morph(image.capture(root), told.after, root)
    return goes_on(
        scenario,
        root,
        handle,
        Trial(kind=kind, legal_states=told.legal_states, incarnation=told.incarnation),
    )


def goes_on(scenario: Scenario, root: Path, handle: object, trial: Trial) -> str:
    """Try an operation on the handle, and close it; return what is wrong, or nothing."""
    system, kind = scenario.system, trial.kind
    wrong = _apply(scenario, root, handle, trial)
    if wrong:
        return wrong
    seen = plain(system.observe(handle))
    expected = [plain(kind.expect(state)) for state in trial.legal_states]
    if seen not in expected:
        return f"it succeeded, and {first_difference(expected[-1], seen)}"
    system.close(handle)
    try:
        fresh = system.open(root, Ports(incarnation=trial.incarnation + 2, actor="last"))
        kept = plain(system.observe(fresh))
        system.close(fresh)
    except Exception as error:  # noqa: BLE001 -- any error may come out, and is told
        return f"it succeeded, and reopening raised {describe(error)}"
    return "" if kept == seen else f"after reopening, {first_difference(seen, kept)}"


def _apply(scenario: Scenario, root: Path, handle: object, trial: Trial) -> str:
    """Apply the operation; let one refusal pass, and reopen the store elsewhere in between."""
    for attempt in ATTEMPTS:
        try:
            trial.kind.apply(handle)
        except Exception as error:  # noqa: BLE001 -- the scenario says what a refusal is
            if not scenario.refused(error):
                return f"{attempt} it raised {describe(error)}"
            if attempt == ATTEMPTS[-1]:
                return f"{attempt} it is still refused: {describe(error)}"
            ports = Ports(incarnation=trial.incarnation + 1, actor="elsewhere")
            scenario.system.close(scenario.system.open(root, ports))
        else:
            break
    return ""
