"""Run one case after another for one scenario: make its crash, then verify in a fresh process.

The runner lives in the warm parent. It prepares the scenario once (template, reference states, two
traces that must agree). A case's crash comes from `killpoint.process.crash`; where an equal one was
verified before, that verdict stands for this one too. One case in twenty is made anew, and each
distinct crash of these is judged anew.

It never calls the system under test itself, and never decides which cases to run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from killpoint.case import Case, CaseResult, Means
from killpoint.damage import damages_of
from killpoint.errors import PrepareError
from killpoint.events import Bracketing
from killpoint.failpoints import FaultKind, Hit, catalogue, effects
from killpoint.fault import DAMAGES, Fault, faults_at
from killpoint.history import History, OperationRecord, Outcome
from killpoint.process import twice
from killpoint.process.at_rest import AtRest
from killpoint.process.bracketed import measured
from killpoint.process.crash import Crash, Crashes, Start, UnfitCrash
from killpoint.process.followed import Followed
from killpoint.process.hurt import Afterwards
from killpoint.process.judgement import added, judge, unfit
from killpoint.process.kept import Bystander
from killpoint.process.place import Place
from killpoint.process.preparation import Preparation
from killpoint.process.sameness import key_of
from killpoint.process.syscall_subject import subject_of
from killpoint.process.verifier import Dossier
from killpoint.process.victim import FIRST_VICTIM
from killpoint.scenario import PointSource, Program, Scenario
from killpoint.sources.syscalls import unavailable
from killpoint.token import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from killpoint.image import Image
    from killpoint.process.child import ChildEnd, Nursery
    from killpoint.process.crash import Steps


class Runner:
    """Runs the cases of one scenario in one worker.

    `images` asks for image mode at depth 0 too; `every` has equal crashes verified each time.
    """

    def __init__(
        self,
        scenario: Scenario | Program,
        nursery: Nursery,
        directory: Path,
        *,
        images: bool = False,
        every: bool = False,
        place: Place | None = None,
    ) -> None:
        """Work below `directory`, with children from `nursery`; `place` is that of another."""
        self.scenario = scenario
        self._images = images
        self._every = every
        self._directory = directory
        self._subject = subject_of(scenario, nursery, directory)
        self._nursery = nursery
        self._place = place or Place(directory)
        self.root = self._place.root
        self._crashes: Crashes | None = None
        self._references: tuple[Any, ...] = ()
        self._operations: tuple[str, ...] = ()
        self._verified: dict[tuple[str, str], CaseResult] = {}
        self._judged_twice: dict[tuple[Case, str, str], CaseResult] = {}
        self._kept: dict[tuple[str, str], ChildEnd | None] = {}
        self._followed = Followed()
        self._told: dict[str, list[str]] = {"note": [], "doubt": []}
        self._same_bytes = False
        self.hits: tuple[Hit, ...] = ()
        self._closed: Crash | None = None

    def prepare(self) -> Preparation:
        """Make the template and the traces; raises `PrepareError` when a fault-free run fails."""
        self._place.fresh()
        self._must(self._subject.prepare(self.root), "prepared", "preparing the store")
        self.template = self._place.capture()
        self._crashes = Crashes(self._subject, self._place, self.template, self._afterwards)
        self._place.restore(self.template)
        said = self._must(self._subject.references(self.root), "references", "the workload")
        self._references, reopened = tuple(said[0]), said[1]
        if self._references and reopened != self._references[-1]:
            raise PrepareError(
                self.scenario.name, "the state after a clean close and reopening is another one"
            )
        first, first_image = self._trace()
        second, second_image = self._trace()
        self._finished = second_image
        self._at_rest = AtRest(self._subject, self._place, second_image, self._references)
        if first != second and not self._told["doubt"]:
            pairs = enumerate(zip(first, second, strict=False))
            ends = min(len(first), len(second))
            where = next((index for index, (a, b) in pairs if a != b), ends)
            raise PrepareError(
                self.scenario.name, f"two runs without fault differ from hit {where + 1} on"
            )
        same_images = first_image.id == second_image.id
        # A native engine may write chance into what it takes away in the end, such as a journal.
        self._same_bytes = same_images and self._subject.can_be_photographed
        self.hits = first
        return Preparation(
            scenario=self.scenario.name,
            fingerprint=fingerprint(hit.point for hit in first),
            hits=first,
            operations=self._operations,
            same_images=same_images,
            never_killable=frozenset(
                name for name, p in catalogue().items() if FaultKind.KILL not in p.allows
            ),
            changes=self.crashes.changes(first),
            faults=self._faults(),
            without_errors=self._without_errors(),
            without_damage=self._without_damage(),
            damages=() if self._without_damage() else self._damages(second_image),
            notes=tuple(dict.fromkeys(self._told["note"])),
            doubts=tuple(dict.fromkeys(self._told["doubt"])),
        )

    def later(self, scenario: Scenario, start: Start) -> tuple[Runner, ChildEnd, ChildEnd]:
        """Return a runner of another workload that begins with what this one's has left.

        With it come how its runs without fault ended: nobody has said that they must pass.
        """
        runner = Runner(scenario, self._nursery, self._directory, place=self._place)
        return runner, *runner.begin(start)

    def begin(self, start: Start) -> tuple[ChildEnd, ChildEnd]:
        """Run the workload without fault from there: once for the states, once for the hits."""
        subject, place = self._subject, self._place
        self.template = start.image
        self._crashes = Crashes(subject, place, start.image, self._afterwards, start.witness)
        place.restore(start.image)
        shown = subject.references(self.root)
        self._references = tuple((shown.last("references") or [[]])[0])
        place.restore(start.image)
        passed = subject.trace(self.root)
        self._operations, self.hits = subject.operations(passed), subject.hits(passed)
        history = self._full_history()
        began = self.crashes.make((), Means.SIGKILL)
        self._closed = replace(began, history=history, image=place.capture(), ends=(passed,))
        return shown, passed

    def live(self, steps: Steps) -> tuple[CaseResult, Start]:
        """Execute these steps by SIGKILL, or no fault at all; return what recovery left, too."""
        case = Case(scenario=self.scenario.name, steps=steps)
        try:
            crash = self._by_kill(steps)
        except UnfitCrash as why:
            return unfit(case, why), Start(image=self.template)
        end = self._verify(case, crash, follow_ups=())
        left = Start(image=self._place.leave(), witness=(end.last("witness") or [None])[0])
        hits = tuple(hit.point for hit in self._subject.hits(end))
        result = replace(judge(case, crash, end), recovery_hits=hits, means=crash.means)
        kept = self._try_kept_handles(case, crash)
        return self._with_handle(crash, result if kept is None else added(result, kept)), left

    def _without_errors(self) -> str:
        return self.scenario.without_errors if isinstance(self.scenario, Scenario) else ""

    def _without_damage(self) -> str:
        return self.scenario.without_damage if isinstance(self.scenario, Scenario) else ""

    def _damages(self, content: Image) -> tuple[tuple[str, tuple[Fault, ...]], ...]:
        return () if self._subject.patient is None else damages_of(content)

    def _faults(self) -> Mapping[str, tuple[Fault, ...]]:
        able = self._subject.patient is not None and not self._without_errors()
        return faults_at(effects().values(), catalogue()) if able else {}

    def _afterwards(self, steps: Steps) -> Afterwards:
        """Return what the handle of a case is asked: one kind, dealt by the case's own name."""
        kinds = self.scenario.kept if isinstance(self.scenario, Scenario) else ()
        return Afterwards(
            references=self._references,
            kind=kinds[twice.number_of(steps) % len(kinds)] if kinds else None,
            incarnation=FIRST_VICTIM + 1,
        )

    def _trace(self) -> tuple[tuple[Hit, ...], Image]:
        self._place.restore(self.template)
        end = self._subject.trace(self.root)
        self._must(end, "finished", "the workload")
        failed = end.last("fail")
        if failed is not None:
            raise PrepareError(self.scenario.name, f"operation {failed[0]} failed: {failed[1]}")
        self._operations = self._subject.operations(end)
        for kind, sentences in self._told.items():
            sentences += [said[0] for said in end.all(kind)]
        return self._subject.hits(end), self._place.capture()

    def _must(self, end: ChildEnd, message: str, doing: str) -> list[Any]:
        said = end.last(message)
        if said is None:
            raised = end.last("raised")
            why = f"{raised[0]}: {raised[1]}" if raised else end.how
            tail = end.output.strip().splitlines()
            hint = f" (its output ends: {tail[-1]!r})" if tail and not raised else ""
            raise PrepareError(self.scenario.name, f"{doing} ended with {why}{hint}")
        return said

    def resume(self) -> None:
        """Go on where another runner has worked in the same directory."""
        self._place.forget()

    def run(self, case: Case) -> CaseResult:
        """Execute a case and return its result; every process it starts is gone afterwards."""
        if case.steps and case.steps[0].fault in DAMAGES:
            return self._at_rest.look(case)
        means = self._means(case)
        try:
            crash = self.crashes.make(case.steps, means)
        except UnfitCrash as why:
            return unfit(case, why)
        result = self._with_handle(crash, self._verified_once(case, crash))
        result = replace(result, means=crash.means, note=crash.note)
        return self._run_twice(case, crash, result) if twice.is_chosen(case) else result

    def _run_twice(self, case: Case, crash: Crash, result: CaseResult) -> CaseResult:
        """Make the last crash anew and judge it; whatever must be equal and is not is told."""
        made_again, known = crash.means is Means.IMAGE, self._verified[key_of(crash)]
        try:
            again = self.crashes.again(case.steps, self._means(case))
        except UnfitCrash as why:
            second = unfit(case, why)
        else:
            if made_again and again.image.id != crash.image.id:
                return twice.images_differ(case, crash, again)
            # As the one that was verified: after another number of processes ids are others.
            second = self._with_handle(again, replace(self._anew(known.case, again), case=case))
        first = replace(result, recovery_hits=known.recovery_hits)
        held = twice.held(first, second, with_bytes=self._same_bytes)
        return replace(held, recovery_hits=result.recovery_hits, made_again=made_again)

    def replay(self, case: Case) -> CaseResult:
        """Execute a case with every process of it dying again, and every follow-up tried."""
        if case.steps and case.steps[0].fault in DAMAGES:
            return self._at_rest.look(case)
        self.crashes.forget()
        try:
            crash = self._by_kill(case.steps) if case.steps or self._closed else self._whole()
        except UnfitCrash as why:
            return unfit(case, why)
        end = self._verify(case, crash, follow_ups=None)
        result = replace(judge(case, crash, end), recovery_hits=self._hits(case, crash, end))
        kept = self._try_kept_handles(case, crash, all_=True)
        return self._with_handle(crash, result if kept is None else added(result, kept))

    def _whole(self) -> Crash:
        """Return what the workload leaves that met no fault."""
        content, history = self._finished, self._full_history()
        return Crash(image=content, history=history, witness=None, struck=(), ends=())

    def _with_handle(self, crash: Crash, result: CaseResult) -> CaseResult:
        """Add what the process did whose storage had failed, and which points it passed then."""
        if crash.means is not Means.ERROR:
            return result
        end = crash.ends[-1]
        later = (end.last("later") or [[]])[0]
        hits = tuple((point, occurrence) for point, occurrence in later)
        return replace(added(result, end), later_hits=hits)

    def crash(self, case: Case) -> Crash:
        """Return the crash that a case makes by SIGKILL, before any verification."""
        if case.steps and case.steps[0].fault in DAMAGES:
            return self._at_rest.crash(case)
        return self._by_kill(case.steps)

    def _by_kill(self, steps: Steps) -> Crash:
        """Return what these steps leave; without any, a life that was closed in good order."""
        if not steps and self._closed is not None:
            return self._closed
        return self.crashes.make(steps, Means.SIGKILL)

    @property
    def crashes(self) -> Crashes:
        """Return what makes crashes; there is nothing to crash before `prepare`."""
        if self._crashes is None:
            raise PrepareError(self.scenario.name, "it was not prepared")
        return self._crashes

    def _means(self, case: Case) -> Means:
        able = self._subject.can_be_photographed
        return Means.IMAGE if able and (case.depth or self._images) else Means.SIGKILL

    def _verified_once(self, case: Case, crash: Crash) -> CaseResult:
        """Verify the crash, unless an equal one was verified before."""
        key = key_of(crash)
        known = self._verified.get(key)
        if known is not None and not self._every:
            mine = replace(known, case=case, crash_images=crash.images, parent_key=crash.parent_key)
            return replace(mine, recovery_hits=(), victim_s=0.0, verify_s=0.0)
        end = self._verify_with_follow_ups(case, crash)
        result = replace(judge(case, crash, end), crash_key=key[1])
        if known is None:
            # The first of its kind tells the recovery's hits, for what lies deeper.
            result = replace(result, recovery_hits=self._hits(case, crash, end))
        if key not in self._kept:
            self._kept[key] = self._try_kept_handles(case, crash)
        kept = self._kept[key]
        result = result if kept is None else added(result, kept)
        if known is None:
            self._verified[key] = result
        return result

    def _anew(self, case: Case, crash: Crash) -> CaseResult:
        """Judge a crash that was made anew, and take nothing that was found before.

        Equal ones among those are judged anew once.
        """
        key = (case, *key_of(crash))
        if self._every or key not in self._judged_twice:
            end = self._verify_with_follow_ups(case, crash)
            result = replace(judge(case, crash, end), recovery_hits=self._hits(case, crash, end))
            kept = self._try_kept_handles(case, crash)
            self._judged_twice[key] = result if kept is None else added(result, kept)
        return self._judged_twice[key]

    def _verify_with_follow_ups(self, case: Case, crash: Crash) -> ChildEnd:
        """Verify with one kind, dealt by the case; all once per distinct recovered image."""
        dealt = twice.number_of(case.steps, purpose=1)
        end = self._verify(case, crash, follow_ups=(dealt,))
        if self._subject.follow_ups_count <= 1:
            return end
        return self._followed.joined(end, lambda: self._verify(case, crash, follow_ups=None))

    def _try_kept_handles(self, case: Case, crash: Crash, *, all_: bool = False) -> ChildEnd | None:
        """Try handles that were open while the workload died, where there can be any."""
        if case.depth or not case.steps or crash.means is Means.ERROR:
            return None
        done = crash.history.acknowledged_count
        last = done + 1 if crash.history.open_ended is not None else done
        told = Bystander(
            before=self.template,
            after=crash.image,
            legal_states=self._references[done : last + 1],
            incarnation=FIRST_VICTIM + case.processes_count,
            dealt=None if all_ else self.crashes.dealt(crash),
        )
        return self._subject.try_kept(self.root, told)

    def _verify(self, case: Case, crash: Crash, *, follow_ups: tuple[int, ...] | None) -> ChildEnd:
        self._place.restore(crash.image)
        dossier = Dossier(
            incarnation=FIRST_VICTIM + case.processes_count,
            references=self._references,
            history=crash.history if case.steps else self._full_history(),
            witness=crash.witness,
            struck=crash.struck,
            storage_failed=any(step.fault is not Fault.KILL for step in case.steps),
            follow_ups=follow_ups,
        )
        return self._subject.verify(self.root, dossier)

    def _full_history(self) -> History:
        named, done = enumerate(self._operations), Outcome.ACKNOWLEDGED
        records = (OperationRecord(index=i, name=name, outcome=done) for i, name in named)
        return History(operations=tuple(records))

    def _hits(self, case: Case, crash: Crash, end: ChildEnd) -> tuple[str, ...]:
        """Return the points that the recovery from this crash passes."""
        self._place.restore(crash.image)
        apart = self._subject.trace_recovery(self.root, FIRST_VICTIM + case.processes_count)
        return tuple(hit.point for hit in self._subject.hits(apart or end))

    def measure(self, case: Case) -> Bracketing:
        """Run the workload, or the recovery from a case's crash, under strace with marks."""
        if isinstance(self.scenario, Program) or PointSource.SYSCALLS in self.scenario.points:
            return Bracketing(measured=True)
        why_not = unavailable()
        if why_not:
            return Bracketing(measured=False, why_not=why_not)
        self._place.restore(self.crash(case).image)
        output, incarnation = self._directory / "measure", FIRST_VICTIM + case.processes_count
        return measured(self._subject, self.root, incarnation, output, recovery=bool(case.steps))

    def recovered_image(self, case: Case) -> Image:
        """Return the store as recovery leaves it, before any follow-up."""
        self._verify(case, self.crash(case), follow_ups=())
        return self._place.capture()

    def describe(self, content: Image) -> tuple[str, ...]:
        """Return what the scenario's own words say of a directory with this content."""
        self._place.restore(content)
        said = self._subject.describe(self.root).last("description")
        return tuple(said[0]) if said else ()
