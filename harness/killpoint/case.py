"""One concrete execution of a scenario: which fault strikes where, in the run and in recovery.

A case is a scenario's name and a few steps. The first step belongs to the workload; each further
one to the next reopening. Its identity is exactly that, so it can be printed, hashed and run
again. It never holds results.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from killpoint.history import History
from killpoint.verdict import Reason, Verdict


class Phase(StrEnum):
    """Which process a step belongs to."""

    RUN = "run"
    RECOVER = "recover"


class Means(StrEnum):
    """How a crash was made: a process died, or was photographed where it would have died."""

    SIGKILL = "sigkill"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A fault at the `occurrence`-th hit of `point`, in the words of the plan grammar.

    `ordinal` is the number of that hit among all hits of its process, from 1; 0 is unknown. A step
    read from a short token has only the ordinal, and no point.
    """

    phase: Phase
    point: str
    occurrence: int
    ordinal: int = 0
    fault: str = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The steps of one execution; no step at all is the run without fault."""

    scenario: str
    steps: tuple[Step, ...]

    @property
    def depth(self) -> int:
        """Return how many recoveries are struck: 0 when only the workload is."""
        return max(len(self.steps) - 1, 0)

    def shard(self, count: int) -> int:
        """Return the shard, from 1 to `count`, that owns this case.

        Only the first step counts, so that a crash and all its recoveries stay together.
        """
        first = self.steps[0] if self.steps else None
        key = f"{self.scenario}/{first.point}@{first.occurrence}" if first else self.scenario
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) % count + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant that does not hold, and one sentence of evidence for each way it fails."""

    invariant: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What one case came to.

    `crash_images` holds the image id after each step, `recovery_hits` the points that the last,
    unharmed reopening passed, in order. Times are seconds of wall clock in the worker. Of a
    crash by image, `made_again` says that SIGKILL left the same bytes.
    """

    case: Case
    verdict: Verdict
    reason: Reason = Reason.NONE
    detail: str = ""
    violations: tuple[Violation, ...] = ()
    history: History = field(default_factory=History)
    crash_images: tuple[str, ...] = ()
    recovered_image: str = ""
    recovery_hits: tuple[str, ...] = ()
    victim_s: float = 0.0
    verify_s: float = 0.0
    worker: int = 0
    output: str = ""
    crash_key: str = ""
    means: Means = Means.SIGKILL
    made_again: bool = False
    note: str = ""

    @property
    def signature(self) -> str:
        """Return what makes two failures the same: reason or invariant, and the last point."""
        if self.verdict is Verdict.PASSED:
            return ""
        what = " + ".join(v.invariant for v in self.violations) or self.reason.value
        where = self.case.steps[-1].point if self.case.steps else "no fault"
        return f"{what} at {where}"
