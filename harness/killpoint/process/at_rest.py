"""Damage to a store at rest: put it on disk, have a child open and read it, judge what it said.

The store is the one that the workload left when it ended well. It never damages two files at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from killpoint.case import Answer, Case, CaseResult, Means
from killpoint.damage import damaged, damages_of, foreign_beside, moved_to
from killpoint.errors import PainlessError
from killpoint.history import History
from killpoint.process.crash import Crash
from killpoint.process.damaged import Told
from killpoint.process.judgement import judge
from killpoint.process.victim import FIRST_VICTIM
from killpoint.verdict import Reason, Verdict

if TYPE_CHECKING:
    from killpoint.case import Step
    from killpoint.image import Image
    from killpoint.process.place import Place
    from killpoint.process.subject import Patient, Subject


class AtRest:
    """The store of one scenario after its workload, and what it makes of damage."""

    def __init__(
        self, subject: Subject, place: Place, content: Image, references: tuple[Any, ...]
    ) -> None:
        """Damage `content`, in which the last of the references is to be read."""
        self._subject = subject
        self._place = place
        self._content = content
        self._references = references
        self._parts: dict[str, Any] | None = None

    def look(self, case: Case) -> CaseResult:
        """Do the damage of a case and judge what the store makes of it."""
        step, patient = case.steps[0], self._subject.patient
        if patient is None:
            raise PainlessError
        path = self._path(step)
        if not path:
            where = step.point.replace("+", "/") or f"file {step.ordinal}"
            detail = f"after the workload the store has no {where}"
            return CaseResult(
                case=case, verdict=Verdict.UNDECIDED, reason=Reason.NOT_FIRED, detail=detail
            )
        told = self._told(path, patient)
        crash = self.crash(case)
        self._place.restore(crash.image)
        end = patient.look_at_damage(self._place.root, told)
        answer = Answer(said[0]) if (said := end.last("answer")) else Answer.NONE
        return replace(judge(case, crash, end), told=answer, means=Means.ERROR)

    def crash(self, case: Case) -> Crash:
        """Return the damaged store of a case as what a crash leaves; the file is there."""
        step = case.steps[0]
        return Crash(
            image=damaged(self._content, self._path(step), step.fault),
            history=History(),
            witness=None,
            struck=(f"{step.point}@1",),
            ends=(),
            means=Means.ERROR,
        )

    def _path(self, step: Step) -> str:
        """Return the file that a step means, or nothing."""
        paths = [path for path, _ in damages_of(self._content)]
        if step.point:
            named = step.point.replace("+", "/")
            return named if named in paths else ""
        return paths[step.ordinal - 1] if step.ordinal <= len(paths) else ""

    def _told(self, path: str, patient: Patient) -> Told:
        """Return what the child must know of the store before its damage."""
        if self._parts is None:
            self._place.restore(self._content)
            said = patient.read_parts(self._place.root, FIRST_VICTIM + 1).last("parts")
            self._parts = dict(said[0]) if said else {}
        return Told(
            path=path,
            names=(path, moved_to(self._content, path), foreign_beside(path)),
            state=self._references[-1],
            parts=self._parts,
            incarnation=FIRST_VICTIM + 1,
        )
