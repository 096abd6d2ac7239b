"""Judges the cases of an old record anew: today's stores and invariants, the same strikes.

Every case of the record, or those that did not pass, is run again from its token, in the order of
the record; equal crashes by image are verified once, as in the campaign that wrote it. What comes
out is a record of its own beside the old one, and which verdicts have changed. A scenario whose
points have moved is anchored on names and said. It never changes the record that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from killpoint.case import Means
from killpoint.events import CaseFinished, ScenarioPrepared
from killpoint.report.words import counted, plain
from killpoint.token import parse
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from killpoint.case import Case
    from killpoint.events import Event
    from killpoint.records import CaseRow, Record

CHANGES_NAME = "changes.json"
TOKENS_SHOWN_MAX = 5


class Only(StrEnum):
    """Which cases of a record are judged again."""

    ALL = "all"
    FAILED = "failed"


class Change(StrEnum):
    """What became of a case, in the words shown to the user."""

    NEWLY_FAILED = "newly failed"
    NEWLY_UNDECIDED = "newly undecided"
    NEWLY_PASSED = "newly passed"
    OTHERWISE = "otherwise wrong"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What a case of the old record came to."""

    token: str
    verdict: Verdict
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """The cases of a record that are to be judged again, in its order.

    `missing` are scenarios of the record that are not there any more, or were not chosen; `images`
    says that the record's workloads were photographed.
    """

    cases: dict[str, tuple[Case, ...]]
    then: dict[Case, Then]
    fingerprints: dict[str, str]
    missing: tuple[str, ...]
    images: bool


def docket_of(record: Record, only: Only, known: Container[str]) -> Docket:
    """Return what of a record can be judged with the scenarios that are known."""
    then: dict[Case, Then] = {}
    by_scenario: dict[str, list[Case]] = {}
    missing: dict[str, None] = {}
    images = False
    for row in record.rows():
        if only is Only.FAILED and row.verdict is Verdict.PASSED:
            continue
        if row.scenario not in known:
            missing[row.scenario] = None
            continue
        case = parse(row.token).case
        if case not in then:
            by_scenario.setdefault(row.scenario, []).append(case)
            then[case] = _then(row)
        images = images or (row.means is Means.IMAGE and not row.depth)
    return Docket(
        cases={name: tuple(cases) for name, cases in by_scenario.items()},
        then=then,
        fingerprints={each.name: each.fingerprint for each in record.run.scenarios},
        missing=tuple(missing),
        images=images,
    )


def _then(row: CaseRow) -> Then:
    return Then(token=row.token, verdict=row.verdict, signature=row.signature)


class Comparison:
    """A listener that holds each new verdict against the old one."""

    def __init__(self, docket: Docket) -> None:
        """Compare with this."""
        self._docket = docket
        self._moved: list[str] = []
        self.changes: dict[Change, list[Then]] = {change: [] for change in Change}

    def __call__(self, event: Event) -> None:
        """Compare one case, or the points of one scenario."""
        if isinstance(event, CaseFinished):
            result = event.result
            then = self._docket.then[parse(event.token).case]
            self.changes[_change(then, result.verdict, result.signature)].append(then)
        elif isinstance(event, ScenarioPrepared):
            old = self._docket.fingerprints.get(event.scenario, "")
            if old != event.fingerprint:
                self._moved.append(event.scenario)

    @property
    def judged_count(self) -> int:
        """Return how many cases have a new verdict."""
        return sum(map(len, self.changes.values()))

    def lines(self) -> list[str]:
        """Return what has changed, for the terminal: counts, and some tokens of each kind."""
        total = len(self._docket.then)
        left = total - self.judged_count
        lines = [f"judged again: {self.judged_count:,} of {counted(total, 'case')}"]
        for change, cases in self.changes.items():
            if not cases and change is not Change.SAME:
                continue
            lines.append(f"  {change.value:<16} {len(cases):,}{_of_which(change, cases)}")
            if change is not Change.SAME:
                lines += [f"    {plain(each.token)}" for each in cases[:TOKENS_SHOWN_MAX]]
                more = len(cases) - TOKENS_SHOWN_MAX
                lines += [f"    and {more:,} more in {CHANGES_NAME}"] if more > 0 else []
        lines += [f"  {'not judged':<16} {left:,}"] if left else []
        return lines

    def notes(self) -> tuple[str, ...]:
        """Return what belongs on the page of the new record."""
        found = ", ".join(f"{len(cases):,} {change}" for change, cases in self.changes.items())
        notes = [f"judged again: {found}"]
        if self._moved:
            names = ", ".join(self._moved)
            notes.append(f"other points than in the record, so anchored on names: {names}")
        if self._docket.missing:
            names = ", ".join(self._docket.missing)
            notes.append(f"in the record, and not judged again: {names}")
        return tuple(notes)

    def write(self, directory: Path) -> None:
        """Write every change with its token, the same ones left out."""
        told = {
            change.value: [msgspec.to_builtins(each) for each in cases]
            for change, cases in self.changes.items()
            if change is not Change.SAME
        }
        content = msgspec.json.format(msgspec.json.encode(told), indent=2)
        (directory / CHANGES_NAME).write_bytes(content + b"\n")


def _change(then: Then, verdict: Verdict, signature: str) -> Change:
    if then.verdict is verdict:
        # A point that a short token does not name is not known now: what is wrong still is.
        same = then.signature.rpartition(" at ")[0] == signature.rpartition(" at ")[0]
        return Change.SAME if same else Change.OTHERWISE
    match verdict:
        case Verdict.PASSED:
            return Change.NEWLY_PASSED
        case Verdict.UNDECIDED:
            return Change.NEWLY_UNDECIDED
        case Verdict.FAILED:
            return Change.NEWLY_FAILED


def _of_which(change: Change, cases: Iterable[Then]) -> str:
    """Say what the unchanged ones are."""
    if change is not Change.SAME:
        return ""
    verdicts = [each.verdict for each in cases]
    told = [f"{verdicts.count(v):,} {v.value}" for v in Verdict if v in verdicts]
    return f"   ({', '.join(told)})" if told else ""
