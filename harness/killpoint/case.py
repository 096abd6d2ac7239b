"""One concrete execution of a scenario: which fault strikes where, in the run and in recovery.

A case is a scenario's name and a few steps. The first step belongs to the workload; each further
one to the next reopening. A case of the fuzz strategy has lives besides, one after another over
the same store, and its steps are those of all of them. Its identity is exactly that, so it can be
printed, hashed and run again. It never holds results.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum

from killpoint.fault import Fault
from killpoint.history import History
from killpoint.verdict import Reason, Verdict

# Which process of a program made a call is an accident, and so are numbers, names and paths.
_TRACEE = re.compile(r"^t\d+\.")
_ACCIDENTS = (
    (re.compile(r"\d* ?'(?:[^'\\]|\\.)*'|\"[^\"]*\""), "'*'"),
    (re.compile(r"(?<![\w.])/?(?:[\w.@:+-]+/)+[\w.@:+-]*"), "/*"),
    (re.compile(r"[\w@-]*\d[\w-]*"), "#"),
    (re.compile(r"('\*'|/\*|#)(?:, ?\1)+"), r"\1"),
)
KIND_CHARACTERS_MAX = 200


def without_accidents(text: str) -> str:
    """Return a sentence of evidence with its numbers, ids, quoted names and paths made equal."""
    for accident, constant in _ACCIDENTS:
        text = accident.sub(constant, text)
    return text[:KIND_CHARACTERS_MAX]


def kind_of(wrong: str, detail: str) -> str:
    """Return what is wrong with the first line of its evidence, wherever it was struck."""
    return f"{wrong}: {without_accidents(next(iter(detail.splitlines()), ''))}"


LOTS = 1024


class Phase(StrEnum):
    """Which process a step belongs to."""

    RUN = "run"
    RECOVER = "recover"


class Means(StrEnum):
    """How a crash was made: a process died, was photographed where it would, or met an error."""

    SIGKILL = "sigkill"
    IMAGE = "image"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A fault at the `occurrence`-th hit of `point`.

    `ordinal` is the number of that hit among all hits of its process, from 1; 0 is unknown. A step
    read from a short token has only the ordinal, and no point. A step that was only drawn has
    neither: `lot`, below `LOTS`, says how far along the hits that it could strike it falls.
    """

    phase: Phase
    point: str
    occurrence: int
    ordinal: int = 0
    fault: Fault = Fault.KILL
    lot: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One opening of the store: operations of the scenario's alphabet, by letter, and an end.

    `steps` strike it and the recoveries after it, as those of a case do; without one it is closed
    in good order. `kept` is the letter of what a handle does then that was open before. `names`
    are the operations' names, for a reader, once somebody has looked them up.
    """

    operations: str
    steps: tuple[Step, ...] = ()
    kept: str = ""
    names: tuple[str, ...] = field(default=(), compare=False)


def processes_count(steps: tuple[Step, ...]) -> int:
    """Return how many processes these steps strike: the workload's, and one a recovery."""
    return bool(steps) + sum(step.phase is Phase.RECOVER for step in steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The steps of one execution; no step at all is the run without fault.

    Steps of the workload that follow each other strike the same process: an error, then a kill.
    `only` has the numbers, from 1, of the operations that the workload keeps; none is all.
    """

    scenario: str
    steps: tuple[Step, ...]
    only: tuple[int, ...] = ()
    lives: tuple[Life, ...] = ()

    @property
    def depth(self) -> int:
        """Return how many steps follow the first: recoveries struck, or a kill after an error."""
        return max(len(self.steps) - 1, 0)

    @property
    def processes_count(self) -> int:
        """Return how many processes the steps strike."""
        return processes_count(self.steps)

    def shard(self, count: int) -> int:
        """Return the shard, from 1 to `count`, that owns this case.

        Only the first step counts, so that a crash and all its recoveries stay together.
        """
        first = self.steps[0] if self.steps else None
        key = f"{self.scenario}/{first.point}@{first.occurrence}" if first else self.scenario
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) % count + 1


def case_of_lives(scenario: str, lives: tuple[Life, ...]) -> Case:
    """Return the case of these lives, with the steps of all of them."""
    steps = tuple(step for life in lives for step in life.steps)
    return Case(scenario=scenario, steps=steps, lives=lives)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant that does not hold, and one sentence of evidence for each way it fails."""

    invariant: str
    evidence: tuple[str, ...]


class Twice(StrEnum):
    """Whether a case was run a second time, and whether all that must be equal was."""

    NO = ""
    EQUAL = "equal"
    UNEQUAL = "unequal"


class Answer(StrEnum):
    """What came of a workload whose storage failed, or of damage, seen after reopening."""

    NONE = ""
    WENT_ON = "went on"
    UNCHANGED = "failed, nothing changed"
    DONE = "failed, yet done"
    HARMLESS = "harmless"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What one case came to.

    `crash_images` holds the image id after each step, empty where its process was struck once
    more; `crash_key` is what else the last crash consists of, `parent_key` that of the one before.
    `recovery_hits` are the points that the last, unharmed reopening passed, in order;
    `later_hits` those that the workload passed after an error, with their occurrences, before it
    failed or ended. `applied_count` is how many operations the recovered state shows, `told` what
    a damaged store made of it. Times are seconds of wall clock in the worker. Of a crash by image,
    `made_again` says that SIGKILL left the same bytes; `twice` whether the case was run a second
    time, and came out the same.
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
    parent_key: str = ""
    means: Means = Means.SIGKILL
    made_again: bool = False
    note: str = ""
    later_hits: tuple[tuple[str, int], ...] = ()
    applied_count: int | None = None
    told: Answer = Answer.NONE
    twice: Twice = Twice.NO

    @property
    def answer(self) -> Answer:
        """Return what came of the storage's failure; nothing where a process was killed."""
        if self.told:
            return self.told
        steps = self.case.steps
        if len(steps) != 1 or steps[0].fault is Fault.KILL or self.applied_count is None:
            return Answer.NONE
        if self.applied_count > self.history.acknowledged_count:
            return Answer.DONE
        ended_well = self.history.operations and self.history.open_ended is None
        return Answer.WENT_ON if ended_well else Answer.UNCHANGED

    @property
    def signature(self) -> str:
        """Return what makes two failures the same: reason or invariant, and the last point."""
        if self.verdict is Verdict.PASSED:
            return ""
        where = self.case.steps[-1].point if self.case.steps else "no fault"
        return f"{self.wrong} at {_TRACEE.sub('t*.', where)}"

    @property
    def kind(self) -> str:
        """Return what makes two failures those of one bug: what is wrong, and its evidence."""
        told = [sentence for each in self.violations for sentence in each.evidence]
        return kind_of(self.wrong, next(iter(told), self.detail))

    @property
    def wrong(self) -> str:
        """Return what is wrong, wherever it was struck: the invariants, or the reason."""
        return " + ".join(v.invariant for v in self.violations) or self.reason.value
