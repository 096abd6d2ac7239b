"""A harness that was tampered with: what KILLPOINT_SABOTAGE names is broken in every worker.

A scenario file is imported by each worker, so whatever it does to killpoint is done before the
first case: by mistake with a library that patches the interpreter, here on purpose. Each sabotage
is a way in which an instrument like this one passes everything, or calls everything wrong.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from killpoint import Operation, Scenario, functions, image
from killpoint.case import Violation
from killpoint.invariants import Reopened
from killpoint.process import damaged, hurt, judgement, runner, strike, verifier
from killpoint.process.place import Place
from killpoint.scenario import PointSource
from killpoint.sources import python_calls

EVERYTHING = frozenset(PointSource)


def tamper(owner: object, name: str, value: object) -> None:
    """Put something else in the place of a part of the harness."""
    setattr(owner, name, value)


def silence(*_: object, **__: object) -> tuple[()]:
    """Find nothing, whatever is asked."""
    return ()


def live_on(_: object, __: object, payload: object) -> object:
    """Stand in for what a fault does, and do nothing."""
    return payload


def forget_violations() -> None:
    """Drop whatever a verifier found."""
    tamper(judgement, "_violations", silence)


def forget_invariants() -> None:
    """Check no invariant at all."""
    tamper(Scenario, "all_invariants", property(silence))


def fail_everything() -> None:
    """Find a violation in every store."""
    found = (Violation(invariant="nothing acknowledged is lost", evidence=("made up",)),)
    tamper(judgement, "_violations", lambda *_: found)


def spare_the_victim() -> None:
    """Announce the kill, and let the process live."""
    tamper(strike.Kill, "act", live_on)


def close_before_dying() -> None:
    """Die by an exception, so that the store can be closed in good order on the way out."""

    def raising(self: strike.Kill, hit: object, payload: object) -> object:
        del self, hit, payload
        raise SystemExit(1)

    tamper(strike.Kill, "act", raising)


def call_every_state_legal() -> None:
    """Take whatever is read for what was acknowledged."""
    tamper(Reopened, "applied_count", property(lambda store: store.acknowledged_count))


def hear_no_acknowledgement() -> None:
    """Take every operation for one that is still under way."""
    done = verifier.Dossier

    def forgetful(**parts: Any) -> verifier.Dossier:  # noqa: ANN401 -- whatever is told
        history = parts["history"]
        return done(**{**parts, "history": replace(history, operations=())})

    tamper(runner, "Dossier", forgetful)


def verify_a_whole_run() -> None:
    """Look at another store than the one that crashed: at one that nothing befell."""
    restore = Place.restore
    seen: list[image.Image] = []

    def stale(self: Place, content: image.Image) -> None:
        seen.append(content)
        restore(self, seen[0])

    tamper(Place, "restore", stale)


def wrap_no_call() -> None:
    """Leave the file-system calls of Python as they are."""

    class Nothing:
        def unseen(self) -> list[object]:
            return []

    tamper(python_calls, "install", lambda _: Nothing())


def raise_no_error() -> None:
    """Let every call to the storage succeed."""
    tamper(strike.Fail, "act", live_on)


def accept_every_answer() -> None:
    """Take what a damaged store shows for what was written."""
    tamper(damaged, "first_difference", lambda *_: "nothing")
    tamper(damaged, "plain", lambda _: Anything())


class Anything:
    """Equal to whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        """Be equal."""
        return True

    __hash__ = None  # type: ignore[assignment]


def call_every_error_a_bug() -> None:
    """Take each proper answer of a store for a violation."""
    tamper(hurt, "BUGS", (Exception,))


SABOTAGES: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        forget_violations,
        forget_invariants,
        fail_everything,
        spare_the_victim,
        close_before_dying,
        call_every_state_legal,
        hear_no_acknowledgement,
        verify_a_whole_run,
        wrap_no_call,
        raise_no_error,
        accept_every_answer,
        call_every_error_a_bug,
    )
}


def write(root: Path) -> None:
    """Write a file."""
    (root / "file").write_text("x")


def sabotaged(source: PointSource) -> Scenario:
    """Return a store whose points come from there."""
    return Scenario(
        name=f"sabotaged.{source}",
        system=functions(open=lambda root: root, observe=lambda root: (root / "file").exists()),
        operations=(Operation("write", write),),
        points=frozenset({source}),
    )


SCENARIOS = tuple(sabotaged(source) for source in PointSource)

if chosen := os.environ.get("KILLPOINT_SABOTAGE"):
    SABOTAGES[chosen]()
