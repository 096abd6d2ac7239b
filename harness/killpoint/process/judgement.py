"""Turn what a verifier said, and how it ended, into the result of a case.

A violation fails the case; a check that raised, a hang and a dead verifier leave it undecided. It
never looks at the store.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from killpoint.case import Case, CaseResult, Violation
from killpoint.invariants import INSIDE_THE_ROOT
from killpoint.verdict import Reason, Verdict, worst

if TYPE_CHECKING:
    from killpoint.process.child import ChildEnd
    from killpoint.process.crash import Crash, UnfitCrash

OUTPUT_CHARACTERS_MAX = 4000


def unfit(case: Case, why: UnfitCrash) -> CaseResult:
    """Return the result of a case whose crash was not made."""
    return CaseResult(
        case=case,
        verdict=Verdict.UNDECIDED,
        reason=why.reason,
        detail=why.detail,
        victim_s=why.end.elapsed_s,
        output=why.end.output[-OUTPUT_CHARACTERS_MAX:],
    )


def judge(case: Case, crash: Crash, end: ChildEnd) -> CaseResult:
    """Return the result that the verifier's messages amount to."""
    violations = _violations(crash, end)
    verdict, reason, detail = _verdict(end, violated=bool(violations))
    recovered = end.last("recovered")
    output = "".join(each.output for each in (*crash.ends, end))
    return CaseResult(
        case=case,
        verdict=verdict,
        reason=reason,
        detail=detail,
        violations=violations,
        history=crash.history,
        crash_images=crash.images,
        parent_key=crash.parent_key,
        recovered_image=recovered[0] if recovered else "",
        applied_count=(end.last("applied") or [None])[0],
        victim_s=crash.ends[-1].elapsed_s if crash.ends else 0.0,
        verify_s=end.elapsed_s,
        output="" if verdict is Verdict.PASSED else output[-OUTPUT_CHARACTERS_MAX:],
    )


def added(result: CaseResult, end: ChildEnd) -> CaseResult:
    """Return a result with what a second child found besides."""
    found = tuple(
        Violation(invariant=name, evidence=tuple(evidence))
        for name, evidence in end.all("violation")
    )
    verdict, reason, detail = _verdict(end, violated=bool(found))
    whole = worst((result.verdict, verdict))
    return replace(
        result,
        verdict=whole,
        reason=reason if whole is verdict and reason else result.reason,
        detail=detail or result.detail,
        violations=(*result.violations, *found),
        verify_s=result.verify_s + end.elapsed_s,
        output=result.output
        if verdict is Verdict.PASSED
        else (result.output + end.output)[-OUTPUT_CHARACTERS_MAX:],
    )


def _violations(crash: Crash, end: ChildEnd) -> tuple[Violation, ...]:
    found = tuple(
        Violation(invariant=name, evidence=tuple(evidence))
        for name, evidence in end.all("violation")
    )
    if crash.beside:
        evidence = f"a victim left {', '.join(crash.beside)} beside the root"
        found += (Violation(invariant=INSIDE_THE_ROOT, evidence=(evidence,)),)
    return found


def _verdict(end: ChildEnd, *, violated: bool) -> tuple[Verdict, Reason, str]:
    if violated:
        return Verdict.FAILED, Reason.VIOLATION, ""
    undecided = end.last("undecided")
    if undecided is not None:
        return Verdict.UNDECIDED, Reason.CHECKER_RAISED, f"{undecided[0]}: {undecided[1]}"
    if end.timed_out:
        return Verdict.UNDECIDED, Reason.HUNG, "the verifier passed its deadline"
    if end.last("verified") is None or end.exit_code != 0:
        raised = end.last("raised")
        detail = f"{raised[0]}: {raised[1]}" if raised else end.how
        return Verdict.UNDECIDED, Reason.VERIFIER_DIED, detail
    return Verdict.PASSED, Reason.NONE, ""
