"""Run one case after another for one scenario: restore, kill, restore, kill, ..., verify.

The runner lives in the warm parent. It prepares the scenario once (template, reference states, two
traces that must agree), then for each case clones the template, forks a victim per step, and at
the end a verifier in a fresh process. Images after a step are remembered, so that the many
recoveries of one crash start from the same bytes without making the crash again.

It never calls the system under test itself, and never decides which cases to run.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from killpoint import image
from killpoint.case import Case, CaseResult, Phase, Step, Violation
from killpoint.errors import PrepareError
from killpoint.events import Bracketing
from killpoint.failpoints import FaultKind, Hit, catalogue
from killpoint.history import History, OperationRecord, Outcome
from killpoint.invariants import INSIDE_THE_ROOT
from killpoint.process.syscall_subject import subject_of
from killpoint.process.verifier import Dossier
from killpoint.process.victim import FIRST_VICTIM
from killpoint.scenario import PointSource, Program
from killpoint.sources.marks import unbracketed_in
from killpoint.sources.syscalls import read_trace, unavailable
from killpoint.token import fingerprint
from killpoint.verdict import Reason, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.image import Image
    from killpoint.process.child import ChildEnd, Nursery
    from killpoint.scenario import Scenario

REMEMBERED_BYTES_MAX = 64 * 1024 * 1024
# A small store's crash weighs more than its bytes, and every fork copies the map of all memory.
REMEMBERED_COUNT_MAX = 512
OUTPUT_CHARACTERS_MAX = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What the runs without fault showed. `same_images` tells whether two of them ended alike.

    `notes` limit what a pass says; `doubts` leave the scenario undecided whatever its cases show.
    """

    scenario: str
    fingerprint: str
    hits: tuple[Hit, ...]
    operations: tuple[str, ...]
    same_images: bool
    never_killable: frozenset[str]
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The state of things after some steps of a case: where it died and what had been said."""

    image: Image
    history: History
    witness: Any
    struck: tuple[str, ...]
    ends: tuple[ChildEnd, ...]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unfit(Exception):  # noqa: N818 -- a result, carried out of the middle of a case
    reason: Reason
    detail: str
    end: ChildEnd


class Runner:
    """Runs the cases of one scenario in one worker."""

    def __init__(self, scenario: Scenario | Program, nursery: Nursery, directory: Path) -> None:
        """Work below `directory`, with children from `nursery`."""
        self.scenario = scenario
        self._subject = subject_of(scenario, nursery, directory)
        self._case_directory = directory / "case"
        self.root = self._case_directory / "store"
        self._template: Image | None = None
        self._references: tuple[Any, ...] = ()
        self._operations: tuple[str, ...] = ()
        self._remembered: OrderedDict[tuple[Step, ...], Crash] = OrderedDict()
        self._remembered_bytes = 0
        self._standing: Image | None = None
        self._recovered_seen: set[str] = set()
        self._crashes_told: set[tuple[str, int]] = set()
        self._turn = 0
        self._told: dict[str, list[str]] = {"note": [], "doubt": []}

    def prepare(self) -> Preparation:
        """Make the template and the traces; raises `PrepareError` when a fault-free run fails."""
        self._fresh_directory()
        self._must(self._subject.prepare(self.root), "prepared", "preparing the store")
        self._template = image.capture(self.root)
        said = self._must(self._subject.references(self.root), "references", "the workload")
        self._references, reopened = tuple(said[0]), said[1]
        if self._references and reopened != self._references[-1]:
            raise PrepareError(
                self.scenario.name, "the state after a clean close and reopening is another one"
            )
        first, first_image = self._trace()
        second, second_image = self._trace()
        if first != second and not self._told["doubt"]:
            where = next(
                (
                    i
                    for i, pair in enumerate(zip(first, second, strict=False))
                    if pair[0] != pair[1]
                ),
                min(len(first), len(second)),
            )
            raise PrepareError(
                self.scenario.name, f"two runs without fault differ from hit {where + 1} on"
            )
        return Preparation(
            scenario=self.scenario.name,
            fingerprint=fingerprint(hit.point for hit in first),
            hits=first,
            operations=self._operations,
            same_images=first_image.id == second_image.id,
            never_killable=frozenset(
                name for name, p in catalogue().items() if FaultKind.KILL not in p.allows
            ),
            notes=tuple(dict.fromkeys(self._told["note"])),
            doubts=tuple(dict.fromkeys(self._told["doubt"])),
        )

    def _trace(self) -> tuple[tuple[Hit, ...], Image]:
        self._restore(self._template)
        end = self._subject.trace(self.root)
        self._must(end, "finished", "the workload")
        failed = end.last("fail")
        if failed is not None:
            raise PrepareError(self.scenario.name, f"operation {failed[0]} failed: {failed[1]}")
        self._operations = self._subject.operations(end)
        for kind, sentences in self._told.items():
            sentences += [said[0] for said in end.all(kind)]
        return self._subject.hits(end), image.capture(self.root)

    def _must(self, end: ChildEnd, message: str, doing: str) -> list[Any]:
        said = end.last(message)
        if said is None:
            raised = end.last("raised")
            why = f"{raised[0]}: {raised[1]}" if raised else _how_it_ended(end)
            tail = end.output.strip().splitlines()
            hint = f" (its output ends: {tail[-1]!r})" if tail and not raised else ""
            raise PrepareError(self.scenario.name, f"{doing} ended with {why}{hint}")
        return said

    def run(self, case: Case, *, every_follow_up: bool = False) -> CaseResult:
        """Execute a case and return its result; every process it starts is gone afterwards."""
        self._turn += 1
        if every_follow_up:
            # A replay shows something only if every process of the case dies again.
            self._remembered.clear()
            self._remembered_bytes = 0
        try:
            crash = self._crash(case.steps)
        except _Unfit as unfit:
            return CaseResult(
                case=case,
                verdict=Verdict.UNDECIDED,
                reason=unfit.reason,
                detail=unfit.detail,
                victim_s=unfit.end.elapsed_s,
                output=unfit.end.output[-OUTPUT_CHARACTERS_MAX:],
            )
        self._restore(crash.image)
        end = self._verify(case, crash, every_follow_up=every_follow_up)
        return self._judge(case, crash, end)

    def crash_image(self, case: Case) -> Crash:
        """Return the crash that a case makes, before any verification."""
        return self._crash(case.steps)

    def measure(self, case: Case) -> Bracketing:
        """Run the workload, or the recovery from a case's crash, under strace with marks."""
        if isinstance(self.scenario, Program) or PointSource.SYSCALLS in self.scenario.points:
            return Bracketing(measured=True)
        why_not = unavailable()
        if why_not:
            return Bracketing(measured=False, why_not=why_not)
        self._restore(self._crash(case.steps).image)
        output = self._case_directory.parent / "measure"
        incarnation = FIRST_VICTIM + len(case.steps)
        end = self._subject.measure(self.root, incarnation, output, recovery=bool(case.steps))
        seen = read_trace(output, self.root)
        # What a workload's trace has doubted is known already; a recovery is heard here only.
        doubts = [said[0] for said in end.all("doubt")] if case.steps else []
        return Bracketing(
            measured=True,
            calls_count=sum(pair.mutates for pair in seen.pairs),
            unbracketed=(*(str(each) for each in unbracketed_in(seen)), *doubts),
            blind=seen.blind,
        )

    def recovered_image(self, case: Case) -> Image:
        """Return the store as recovery leaves it, before any follow-up."""
        crash = self._crash(case.steps)
        self._restore(crash.image)
        self._subject.verify(self.root, replace(self._dossier(case, crash), follow_ups=()))
        return image.capture(self.root)

    def describe(self, content: Image) -> tuple[str, ...]:
        """Return what the scenario's own words say of a directory with this content."""
        self._restore(content)
        end = self._subject.describe(self.root)
        said = end.last("description")
        return tuple(said[0]) if said else ()

    @property
    def template(self) -> Image:
        """Return the prepared store."""
        if self._template is None:
            raise PrepareError(self.scenario.name, "it was not prepared")
        return self._template

    def _crash(self, steps: tuple[Step, ...]) -> Crash:
        if not steps:
            return Crash(image=self.template, history=History(), witness=None, struck=(), ends=())
        known = self._remembered.get(steps)
        if known is not None:
            self._remembered.move_to_end(steps)
            return known
        before = self._crash(steps[:-1])
        step = steps[-1]
        self._restore(before.image)
        incarnation = FIRST_VICTIM + len(steps) - 1
        if step.phase is Phase.RUN:
            end = self._subject.run(self.root, step, incarnation)
            history = self._subject.history(end)
            witness = before.witness
        else:
            end = self._subject.recover(self.root, step, incarnation, before.witness)
            history = before.history
            witness = (end.last("witness") or [None])[0]
        struck = self._struck(end, step)
        crash = Crash(
            image=image.capture(self.root),
            history=history,
            witness=witness,
            struck=(*before.struck, struck),
            ends=(*before.ends, end),
            beside=(*before.beside, *self._beside()),
        )
        self._remember(steps, crash)
        # What was just read still stands there: to restore it would write the same again.
        self._standing = None if crash.beside else crash.image
        return crash

    def _struck(self, end: ChildEnd, step: Step) -> str:
        """Return the point that the fault struck; raise `_Unfit` when it did not, or not there."""
        where = f"{step.point}@{step.occurrence}" if step.point else f"hit {step.ordinal}"
        if end.timed_out:
            raise _Unfit(Reason.HUNG, f"the victim did not reach {where} in time", end)
        fired = self._subject.fired(end, step)
        if fired:
            return fired
        missed = end.last("missed")
        if missed is not None:
            raise _Unfit(Reason.NOT_FIRED, missed[0], end)
        raised = end.last("raised")
        if raised is not None:
            raise _Unfit(Reason.VICTIM_RAISED, f"{raised[0]}: {raised[1]}", end)
        raise _Unfit(Reason.NOT_FIRED, f"{where} was not reached; {_how_it_ended(end)}", end)

    def _remember(self, steps: tuple[Step, ...], crash: Crash) -> None:
        self._remembered[steps] = crash
        self._remembered_bytes += crash.image.size_bytes
        while len(self._remembered) > 1 and (
            self._remembered_bytes > REMEMBERED_BYTES_MAX
            or len(self._remembered) > REMEMBERED_COUNT_MAX
        ):
            _, dropped = self._remembered.popitem(last=False)
            self._remembered_bytes -= dropped.image.size_bytes

    def _verify(self, case: Case, crash: Crash, *, every_follow_up: bool) -> ChildEnd:
        dossier = self._dossier(case, crash)
        if every_follow_up:
            return self._subject.verify(self.root, replace(dossier, follow_ups=None))
        end = self._subject.verify(self.root, dossier)
        recovered = end.last("recovered")
        if recovered is None or recovered[0] in self._recovered_seen:
            return end
        # Every kind of follow-up once per distinct recovered image, each from that image.
        self._recovered_seen.add(recovered[0])
        if self._subject.follow_ups_count < 2:  # noqa: PLR2004 -- one kind was just tried
            return end
        self._restore(crash.image)
        return self._subject.verify(self.root, replace(dossier, follow_ups=None))

    def _dossier(self, case: Case, crash: Crash) -> Dossier:
        return Dossier(
            incarnation=FIRST_VICTIM + len(case.steps),
            references=self._references,
            history=crash.history if case.steps else self._full_history(),
            witness=crash.witness,
            struck=crash.struck,
            follow_ups=(self._turn,),
        )

    def _full_history(self) -> History:
        return History(
            operations=tuple(
                OperationRecord(index=i, name=name, outcome=Outcome.ACKNOWLEDGED)
                for i, name in enumerate(self._operations)
            )
        )

    def _judge(self, case: Case, crash: Crash, end: ChildEnd) -> CaseResult:
        violations = tuple(
            Violation(invariant=name, evidence=tuple(evidence))
            for name, evidence in end.all("violation")
        )
        if crash.beside:
            evidence = f"a victim left {', '.join(crash.beside)} beside the root"
            violations += (Violation(invariant=INSIDE_THE_ROOT, evidence=(evidence,)),)
        verdict, reason, detail = Verdict.PASSED, Reason.NONE, ""
        undecided = end.last("undecided")
        if violations:
            verdict, reason = Verdict.FAILED, Reason.VIOLATION
        elif undecided is not None:
            verdict, reason = Verdict.UNDECIDED, Reason.CHECKER_RAISED
            detail = f"{undecided[0]}: {undecided[1]}"
        elif end.timed_out:
            verdict, reason = Verdict.UNDECIDED, Reason.HUNG
            detail = "the verifier passed its deadline"
        elif end.last("verified") is None or end.exit_code != 0:
            verdict, reason = Verdict.UNDECIDED, Reason.VERIFIER_DIED
            raised = end.last("raised")
            detail = f"{raised[0]}: {raised[1]}" if raised else _how_it_ended(end)
        recovered = end.last("recovered")
        hits = self._told_hits(case, crash, end)
        output = "".join(each.output for each in (*crash.ends, end))
        return CaseResult(
            case=case,
            verdict=verdict,
            reason=reason,
            detail=detail,
            violations=violations,
            history=crash.history,
            crash_images=(crash.image.id,),
            recovered_image=recovered[0] if recovered else "",
            recovery_hits=hits,
            victim_s=crash.ends[-1].elapsed_s if crash.ends else 0.0,
            verify_s=end.elapsed_s,
            output="" if verdict is Verdict.PASSED else output[-OUTPUT_CHARACTERS_MAX:],
        )

    def _told_hits(self, case: Case, crash: Crash, end: ChildEnd) -> tuple[str, ...]:
        """Return the recovery's hits the first time that this worker meets this crash."""
        key = (crash.image.id, crash.history.acknowledged_count)
        if key in self._crashes_told:
            return ()
        self._crashes_told.add(key)
        self._restore(crash.image)
        apart = self._subject.trace_recovery(self.root, FIRST_VICTIM + len(case.steps))
        return tuple(hit.point for hit in self._subject.hits(apart or end))

    def _fresh_directory(self) -> None:
        image.clear(self._case_directory)
        self._case_directory.mkdir(parents=True)

    def _beside(self) -> list[str]:
        return sorted(name for name in os.listdir(self._case_directory) if name != self.root.name)

    def _restore(self, content: Image | None) -> None:
        """Make the store's directory hold this, for the one child that runs there next."""
        standing, self._standing = self._standing, None
        if content is not None and content is standing:
            return
        for name in self._beside():
            path = self._case_directory / name
            image.clear(path) if path.is_dir() else path.unlink()
        image.restore(content or self.template, self.root)


def _how_it_ended(end: ChildEnd) -> str:
    if end.timed_out:
        return "its deadline"
    if end.exit_code < 0:
        return f"signal {-end.exit_code}"
    return f"exit code {end.exit_code}"
