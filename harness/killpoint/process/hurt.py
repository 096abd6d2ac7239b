"""What runs inside a forked child whose storage fails: a workload and its handle, a reopening.

The first operation that fails ends the workload. The child stands still there, so that the parent
can take the directory as a death at that moment would leave it. Then the storage is well again and
the handle goes on: it must show a legal state, and an operation on it must succeed, at once or, if
the scenario accepts the refusal, after an opening elsewhere. It never runs in the warm parent, and
it never takes what looks like a bug for a proper answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from killpoint import failpoints
from killpoint.invariants import ERRORS_ARE_TOLD, KEPT_HANDLE, first_difference
from killpoint.process import kept, victim
from killpoint.process.child import plain

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.process.child import Channel
    from killpoint.process.victim import Stopped
    from killpoint.scenario import FollowUp, Scenario

# What Python raises when code goes on with something that is not there.
BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What the handle is asked once its storage is well again; no kind is nothing to try.

    `references[k]` is the state after k operations; `incarnation` numbers the next process.
    """

    references: tuple[Any, ...]
    kind: FollowUp | None
    incarnation: int


def run(scenario: Scenario, root: Path, channel: Channel, incarnation: int) -> Stopped | None:
    """Run the workload to its end or its first failure; say what is told of the error.

    Returns where it stopped, or None when opening or closing the store was refused.
    """
    victim.watch_calls(scenario, root)
    stopped = None
    try:
        stopped = victim.until_failure(scenario, root, channel, incarnation)
        if stopped.error is None:
            scenario.system.close(stopped.handle)
        else:
            _tell(channel, "an operation", stopped.error)
    except Exception as error:  # noqa: BLE001 -- any error may come out, and is looked at
        channel.send("refused", victim.describe(error))
        _tell(channel, "opening or closing", error)
    channel.send("finished")
    return stopped


def go_on(
    scenario: Scenario, root: Path, channel: Channel, stopped: Stopped | None, then: Afterwards
) -> None:
    """Stand still to be photographed; then the storage is well, and the handle is used again."""
    channel.halt()
    failpoints.off()
    if stopped is not None and stopped.error is not None and then.kind is not None:
        wrong = _wrong_on_handle(scenario, root, stopped, then.kind, then)
        if wrong:
            channel.send("violation", KEPT_HANDLE, [wrong])
    channel.send("verified")


def recover(
    scenario: Scenario, root: Path, channel: Channel, incarnation: int, earlier: object
) -> None:
    """Reopen the store, which may be refused: an error is a proper answer, if it is one."""
    try:
        victim.recover(scenario, root, channel, incarnation, earlier)
    except Exception as error:  # noqa: BLE001 -- as above
        channel.send("refused", victim.describe(error))
        _tell(channel, "the opening", error)
    channel.send("verified")


def _wrong_on_handle(
    scenario: Scenario, root: Path, stopped: Stopped, kind: FollowUp, then: Afterwards
) -> str:
    """Return what the handle did that it must not, or nothing."""
    legal = then.references[stopped.done_count : stopped.done_count + 2]
    try:
        seen = plain(scenario.system.observe(stopped.handle))
    except Exception as error:  # noqa: BLE001 -- the scenario says what a refusal is
        if not scenario.refused(error):
            return f"after the error, observe raised {victim.describe(error)}"
    else:
        if seen not in legal:
            return f"after the error, {first_difference(legal[-1], seen)}"
    trial = kept.Trial(kind=kind, legal_states=legal, incarnation=then.incarnation)
    wrong = kept.goes_on(scenario, root, stopped.handle, trial)
    return f"{kind.name}: {wrong}" if wrong else ""


def _tell(channel: Channel, what: str, error: Exception) -> None:
    """Say that an error is none that a user could do anything with, if so."""
    if isinstance(error, BUGS):
        evidence = f"{what} raised {victim.describe(error)} when the storage failed"
        channel.send("violation", ERRORS_ARE_TOLD, [evidence])
