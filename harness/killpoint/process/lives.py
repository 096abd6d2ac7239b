"""Play the lives of a fuzzed case one after another, each on what recovery from the last has left.

A life is an ordinary case of a scenario that is made for it: the operations of its letters, from
that content, judged as any other. What its operations lead to without fault is compared with their
models besides. A step that was only drawn gets its place here, where the hits are known, and a
life that fails is told by no more than it took. Process numbers go on from life to life, so that
no id comes twice. It never decides which cases to run.
"""

from __future__ import annotations

import string
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from killpoint.case import LOTS, Case, CaseResult, Life, Phase, Step, Violation, case_of_lives
from killpoint.errors import TokenError
from killpoint.failpoints import FaultKind, catalogue, effects
from killpoint.fault import Fault, faults_at
from killpoint.invariants import KEPT_HANDLE, MODEL
from killpoint.process import keep, story
from killpoint.process.crash import Start
from killpoint.process.victim import ACKNOWLEDGED
from killpoint.verdict import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from killpoint.discovery import Origin
    from killpoint.image import Image
    from killpoint.process.child import ChildEnd
    from killpoint.process.crash import Steps
    from killpoint.process.runner import Runner
    from killpoint.process.story import Story
    from killpoint.scenario import FollowUp, Ports, Scenario, System

LETTERS = string.ascii_letters
PROCESSES_A_LIFE = 20
REMEMBERED_MAX = 256

Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class LaterSystem:
    """A system whose processes come after those of earlier lives, and are numbered so."""

    system: System
    processes_before: int

    def prepare(self, root: Path, ports: Ports) -> None:
        """Prepare as the first life's system does."""
        self.system.prepare(root, ports)

    def open(self, root: Path, ports: Ports) -> Any:  # noqa: ANN401 -- the system's own handle
        """Open as a later process."""
        number = ports.incarnation + self.processes_before
        return self.system.open(root, replace(ports, incarnation=number))

    def observe(self, handle: Any) -> Any:  # noqa: ANN401 -- as above
        """Observe as the system does."""
        return self.system.observe(handle)

    def close(self, handle: Any) -> None:  # noqa: ANN401 -- as above
        """Close as the system does."""
        self.system.close(handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a life came to: its result, itself with places for all steps, and what it has left."""

    result: CaseResult
    life: Life
    left: Start


class Lives:
    """Plays the lives of one scenario's cases, and remembers the last few."""

    def __init__(self, runner: Runner, scenario: Scenario, template: Image) -> None:
        """Begin every case with `template`, in the place of `runner`."""
        self._runner = runner
        self._scenario = scenario
        self._start = Start(image=template)
        self._known: OrderedDict[tuple[tuple[Life, ...], Life], Lived] = OrderedDict()
        self._stages: OrderedDict[tuple[tuple[Life, ...], str, str], _Stage] = OrderedDict()

    def forget(self) -> None:
        """Make everything anew from here on, as a replay must."""
        self._known.clear()
        self._stages.clear()

    def rehearse(self) -> tuple[str, ...]:
        """Return the points that a life of every operation passes, as far as it comes."""
        whole = Life(operations=LETTERS[: len(self._scenario.alphabet)])
        return tuple(hit.point for hit in self._stage((), whole, self._start).runner.hits)

    def play(self, case: Case) -> CaseResult:
        """Play a case to its end or its first life that does not pass."""
        lived = self.played(case)
        lives = tuple(each.life for each in lived)
        results = [each.result for each in lived]
        # A life that was closed in good order leaves no crash.
        crashed = [each.result for each in lived if each.life.steps]
        return replace(
            results[-1],
            case=case_of_lives(case.scenario, lives),
            crash_images=tuple(image for each in crashed for image in each.crash_images),
            parent_key="",
            victim_s=sum(each.victim_s for each in results),
            verify_s=sum(each.verify_s for each in results),
        )

    def played(self, case: Case) -> list[Lived]:
        """Return what each life came to."""
        start, lived = self._start, list[Lived]()
        for life in case.lives:
            lived.append(self._lived(tuple(each.life for each in lived), life, start))
            start = lived[-1].left
            if lived[-1].result.verdict is not Verdict.PASSED:
                break
        return lived

    def replay(
        self, case: Case, *, directory: Path | None, token: str, origin: Origin | None
    ) -> CaseResult:
        """Play a case with every process of it living and dying again; keep what it left."""
        self.forget()
        result = self.play(case)
        if directory is not None:
            for number, each in enumerate(self.played(case)):
                place = directory / f"life-{number + 1}"
                keep.keep_images(self._runner_of(case, number), each.life.steps, place)
            keep.keep_words(self._scenario, result, directory, token, origin)
        return result

    def tell(self, case: Case) -> tuple[Story, ...]:
        """Gather what explains a case, life by life."""
        self.forget()
        stories: list[Story] = []
        began = ("the store before", "prepared and closed")
        for number, each in enumerate(self.played(case)):
            own = Case(scenario=case.scenario, steps=each.life.steps)
            told = story.tell(self._runner_of(case, number), own, each.life.names, began)
            stories.append(replace(told, result=replace(each.result, case=own)))
            began = (f"life {number + 2}", "it begins with what recovery has left")
        return tuple(stories)

    def _runner_of(self, case: Case, number: int) -> Runner:
        """Return what runs the life with this number, from 0, of a case that was played."""
        lived = self.played(case)
        before = tuple(each.life for each in lived[:number])
        start = lived[number - 1].left if number else self._start
        return self._stage(before, lived[number].life, start).runner

    def _lived(self, before: tuple[Life, ...], life: Life, start: Start) -> Lived:
        key = (before, life)
        if key not in self._known:
            self._known[key] = self._live(before, life, start)
            if len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def _live(self, before: tuple[Life, ...], life: Life, start: Start) -> Lived:
        stage = self._stage(before, life, start)
        whole = replace(life, steps=(), kept="", names=stage.names)
        wrong = stage.wrong()
        if wrong is not None:
            return Lived(result=wrong, life=whole, left=start)
        result, left = CaseResult(case=Case(scenario="", steps=()), verdict=Verdict.PASSED), start
        steps: Steps = ()
        drawn = any(step.lot is not None for step in life.steps)
        if not drawn:
            steps = life.steps
            result, left = stage.runner.live(steps)
        for step in life.steps if drawn else ():
            placed = stage.placed(step, steps, result)
            if placed is None:
                continue
            steps = (*steps, placed)
            result, left = stage.runner.live(steps)
            if result.verdict is not Verdict.PASSED:
                break
        if not steps and drawn:
            result, left = stage.runner.live(())
        by_kept = any(each.invariant == KEPT_HANDLE for each in result.violations)
        lived = replace(whole, steps=steps, kept=life.kept if by_kept else "")
        return Lived(result=result, life=lived, left=left)

    def _stage(self, before: tuple[Life, ...], life: Life, start: Start) -> _Stage:
        key = (before, life.operations, life.kept)
        if key not in self._stages:
            self._stages[key] = self._set(len(before), life, start)
            if len(self._stages) > REMEMBERED_MAX:
                self._stages.popitem(last=False)
        self._stages.move_to_end(key)
        return self._stages[key]

    def _set(self, number: int, life: Life, start: Start) -> _Stage:
        sound = self._scenario
        scenario = replace(
            sound,
            operations=tuple(_letter(sound, sound.alphabet, each) for each in life.operations),
            system=LaterSystem(sound.system, number * PROCESSES_A_LIFE),
            kept=tuple(_letter(sound, sound.kept, each) for each in life.kept),
            follow_ups=(),
        )
        runner, shown, passed = self._runner.later(scenario, start)
        names = tuple(each.name for each in scenario.operations)
        return _Stage(runner, names, shown, passed, can_fail=not sound.without_errors)


class _Stage:
    """A life that was run without fault, and what is known of it."""

    def __init__(
        self,
        runner: Runner,
        names: tuple[str, ...],
        shown: ChildEnd,
        passed: ChildEnd,
        *,
        can_fail: bool,
    ) -> None:
        self.runner = runner
        self.names = names
        self._ends = (shown, passed)
        self._faults = faults_at(effects().values(), catalogue()) if can_fail else {}

    def wrong(self) -> CaseResult | None:
        """Return the result of a life that is wrong without any fault, or None."""
        shown, passed = self._ends
        case = Case(scenario="", steps=())
        for end in self._ends:
            if end.timed_out:
                return CaseResult(
                    case=case,
                    verdict=Verdict.UNDECIDED,
                    reason=Reason.HUNG,
                    detail="without any fault it passed its deadline",
                    output=end.output,
                )
        evidence = [line for _, lines in shown.all("violation") for line in lines]
        raised, failed = shown.last("raised"), passed.last("fail")
        said = shown.last("references")
        if raised is not None:
            evidence.append(f"without any fault it raised {raised[0]}: {raised[1]}")
        elif failed is not None:
            evidence.append(f"{self.names[failed[0]]} failed without any fault: {failed[1]}")
        elif said is None or passed.last("finished") is None:
            evidence.append(f"without any fault it ended with {shown.how}, {passed.how}")
        elif said[0][-1] != said[1]:
            evidence.append("after a clean close and reopening the state is another one")
        if not evidence:
            return None
        return CaseResult(
            case=case,
            verdict=Verdict.FAILED,
            reason=Reason.VIOLATION,
            violations=(Violation(invariant=MODEL, evidence=tuple(evidence)),),
            output=shown.output + passed.output,
        )

    def placed(self, step: Step, before: Steps, result: CaseResult) -> Step | None:
        """Return the step where its lot has it fall, or None if there is nothing it can strike."""
        if step.phase is Phase.RECOVER:
            open_to = _numbered(result.recovery_hits) if before else []
        elif before:
            later = enumerate(result.later_hits, start=before[-1].ordinal + 1)
            open_to = [(point, occurrence, number) for number, (point, occurrence) in later]
        else:
            open_to = self._last_operation()
        fits = [each for each in open_to if self._fits(step.fault, each[0])]
        if not fits and step.fault not in {Fault.KILL, Fault.EIO}:
            # Not every kind of point has every error, and all that can fail have this one.
            return self.placed(replace(step, fault=Fault.EIO), before, result)
        if not fits or step.lot is None:
            return None
        point, occurrence, ordinal = fits[step.lot * len(fits) // LOTS]
        return replace(step, point=point, occurrence=occurrence, ordinal=ordinal, lot=None)

    def _last_operation(self) -> list[Place]:
        """Return the hits since the operation before the last was acknowledged."""
        every = [
            (hit.point, hit.occurrence, number)
            for number, hit in enumerate(self.runner.hits, start=1)
        ]
        ends = [number for point, _, number in every if point == ACKNOWLEDGED.name]
        return every[ends[-2] :] if len(ends) > 1 else every

    def _fits(self, fault: Fault, point: str) -> bool:
        if fault is Fault.KILL:
            return FaultKind.KILL in catalogue()[point].allows
        return fault in self._faults.get(point, ())


def _letter(scenario: Scenario, among: Sequence[FollowUp], letter: str) -> FollowUp:
    number = LETTERS.index(letter)
    if number >= len(among):
        known = f"{LETTERS[0]} to {LETTERS[len(among) - 1]}" if among else "none at all"
        raise TokenError(letter, f"{scenario.name} has the letters {known}")
    return among[number]


def _numbered(points: Sequence[str]) -> list[Place]:
    """Return points in the order of their hits, with occurrence and ordinal."""
    counts: dict[str, int] = {}
    places = []
    for ordinal, point in enumerate(points, start=1):
        counts[point] = counts.get(point, 0) + 1
        places.append((point, counts[point], ordinal))
    return places
