"""Tiny stores with a known bug, that every campaign must find before its passes mean anything.

A canary is a store that is right in one place and wrong in another, and a few cases whose verdicts
are known: some must fail, by a known invariant, and some must pass. They go through the same pool,
the same processes and the same verifier as the cases of the campaign. Where one comes out otherwise
the instrument is broken, and the campaign ends as an error of the harness.

There is one for each source of points and each kind of fault that a campaign uses. What it does not
show: that the user's own invariants look at anything, and that recoveries are struck. It never
declares a point, it is no scenario that a user can name, and its cases are in no count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint.case import Case, CaseResult, Phase, Step
from killpoint.fault import Fault
from killpoint.scenario import Operation, PointSource, Scenario, functions
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PREFIX = "killpoint.canary."
LOST = "nothing acknowledged is lost"
SILENCE = "nothing wrong is read in silence"
RIGHT = ""


class _Late:
    """Acknowledges what it has in memory, and writes it when it is closed."""

    def __init__(self, root: Path) -> None:
        """Read what the last closing wrote."""
        self._file = root / "items"
        self.items = self._file.read_text().split() if self._file.exists() else []

    def put(self, item: str) -> None:
        """Keep an item in memory: the bug."""
        self.items.append(item)

    def close(self) -> None:
        """Write all items."""
        self._file.write_text(" ".join(self.items))


class _Truncating(_Late):
    """Writes each item at once, over the only copy of those before."""

    def put(self, item: str) -> None:
        """Write all items anew: while that lasts, the old ones are gone: the bug."""
        super().put(item)
        self.close()


class _Deaf(_Late):
    """Appends each item, and hears no error of the storage after the first."""

    def put(self, item: str) -> None:
        """Append an item; only the first one's failure is told: the bug."""
        try:
            with self._file.open("a") as file:
                file.write(f"{item} ")
        except OSError:
            if not self.items:
                raise
        super().put(item)

    def close(self) -> None:
        """Do nothing: everything is written, or was never heard to fail."""


class DamagedError(Exception):
    """A file is not what was written."""


def damageable(root: Path) -> None:
    """Write a number that nobody checks, and one beside its complement."""
    (root / "trusted").write_text("1")
    (root / "checked").write_text("18")


def read_numbers(root: Path) -> list[str]:
    """Read both numbers; only the second is known to be what was written."""
    trusted, checked = ((root / name).read_bytes() for name in ("trusted", "checked"))
    if checked != b"18":
        message = "checked is damaged: restore it from a copy."
        raise DamagedError(message)
    return [trusted.decode("latin-1"), checked.decode("latin-1")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A scenario with a bug, and what its cases must come to: an invariant, or nothing."""

    title: str
    scenario: Scenario
    expected: tuple[tuple[Case, str], ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """Return the cases, in order."""
        return tuple(case for case, _ in self.expected)

    def wrong(self, results: Iterable[CaseResult]) -> str:
        """Return what came out otherwise than it must, or nothing."""
        for (case, invariant), result in zip(self.expected, results, strict=True):
            step = case.steps[-1]
            where = f"{step.fault} at {step.point}@{step.occurrence}"
            if invariant:
                found = invariant in {each.invariant for each in result.violations}
                right = found and result.verdict is Verdict.FAILED
            else:
                right = result.verdict is Verdict.PASSED
            if not right:
                must = f"must break {invariant!r}" if invariant else "must pass"
                why = result.reason.value or "nothing wrong was seen"
                why += f" ({result.detail})" if result.detail else ""
                return f"the {self.title} canary, {where}, {must}, and it {result.verdict}: {why}"
        return ""


def needed(faults: Iterable[Fault], sources: Iterable[PointSource]) -> tuple[Canary, ...]:
    """Return the canaries for what a campaign strikes with and for where its points come from.

    Errors strike calls of Python; damage needs no points at all.
    """
    kinds = set(faults)
    chosen: list[Canary] = []
    if Fault.KILL in kinds:
        found = set(sources)
        chosen += [BY_SOURCE[source] for source in PointSource if source in found]
    if Fault.EIO in kinds:
        chosen.append(ERROR)
    if Fault.FLIP in kinds:
        chosen.append(DAMAGE)
    return tuple(chosen)


def _canary(
    title: str, kind: type[_Late], source: PointSource, *expected: tuple[str, str]
) -> Canary:
    """Return a canary over two operations; each expectation is `fault:point@n` and an invariant."""
    name = PREFIX + title.replace(" ", ".")
    scenario = Scenario(
        name=name,
        system=functions(open=kind, observe=lambda store: store.items, close=kind.close),
        operations=(
            Operation("put a", lambda store: store.put("a")),
            Operation("put b", lambda store: store.put("b")),
        ),
        points=frozenset({source}),
    )
    return _with(title, scenario, *expected)


def _with(title: str, scenario: Scenario, *expected: tuple[str, str]) -> Canary:
    cases = []
    for text, invariant in expected:
        fault, _, place = text.partition(":")
        point, _, number = place.rpartition("@")
        step = Step(phase=Phase.RUN, point=point, occurrence=int(number), fault=Fault(fault))
        cases.append((Case(scenario=scenario.name, steps=(step,)), invariant))
    return Canary(title=title, scenario=scenario, expected=tuple(cases))


BY_SOURCE = {
    PointSource.DECLARED: _canary(
        "declared points",
        _Late,
        PointSource.DECLARED,
        ("kill:operation.returned@1", RIGHT),
        ("kill:operation.acknowledged@1", LOST),
    ),
    PointSource.PYTHON: _canary(
        "Python calls",
        _Truncating,
        PointSource.PYTHON,
        ("kill:python.open@2", RIGHT),
        ("kill:python.write@2", LOST),
    ),
    PointSource.SYSCALLS: _canary(
        "system calls",
        _Truncating,
        PointSource.SYSCALLS,
        ("kill:t0.openat@2", RIGHT),
        ("kill:t0.write@2", LOST),
    ),
}
ERROR = _canary(
    "storage error",
    _Deaf,
    PointSource.PYTHON,
    ("eio:python.open@1", RIGHT),
    ("eio:python.open@2", LOST),
)
DAMAGE = _with(
    "damage",
    Scenario(
        name=PREFIX + "damage",
        system=functions(open=lambda root: root, observe=read_numbers, prepare=damageable),
        operations=(Operation("look", read_numbers),),
        points=frozenset({PointSource.DECLARED}),
    ),
    ("flip:checked@1", RIGHT),
    ("flip:trusted@1", SILENCE),
)
SCENARIOS = {each.scenario.name: each.scenario for each in (*BY_SOURCE.values(), ERROR, DAMAGE)}
