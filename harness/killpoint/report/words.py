"""How reports speak: counts, times, where a case struck, and what to do about an open one.

Every report uses these, so that the terminal, the page and CI say the same thing in the same
words. Everything returned is plain text without control characters, so that what a store under
test printed cannot steer a terminal; the reports escape it for their own form. It never shortens
a token.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from killpoint.case import Case, Phase
from killpoint.fault import DAMAGES, Fault
from killpoint.records.model import NOT_STRUCK
from killpoint.verdict import Reason, Verdict

if TYPE_CHECKING:
    from killpoint.case import Step
    from killpoint.records import Kept, Problem, Run

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Wider than that of shlex: ~ and # mean something at the start of a word only.
_SHELL_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:@/#~+-]*")
_TEENS = range(11, 14)
_MINUTE_S = 60
_HOUR_S = 3600


def plain(text: str) -> str:
    """Return the text with every control character written out; tabs and line ends stay."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def counted(count: int, word: str) -> str:
    """Return `1 case` or `2,140 cases`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `13th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in _TEENS else ending}"


def duration(seconds: float) -> str:
    """Return `0.4 s`, `21 s`, `3 min 5 s` or `2 h 4 min`."""
    if seconds < 10:  # noqa: PLR2004 -- one decimal while it says something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    return f"{whole // _HOUR_S:,} h {whole % _HOUR_S // _MINUTE_S} min"


def clock(seconds: float) -> str:
    """Return `0:12` or `1:04:09`, for the time that is left."""
    whole = max(round(seconds), 0)
    minutes, rest = divmod(whole, _MINUTE_S)
    if minutes < _MINUTE_S:
        return f"{minutes}:{rest:02}"
    return f"{minutes // _MINUTE_S}:{minutes % _MINUTE_S:02}:{rest:02}"


def rate(cases_count: int, elapsed_s: float) -> str:
    """Return `302/s`, or nothing when no time has passed."""
    return f"{cases_count / elapsed_s:,.0f}/s" if elapsed_s > 0 else ""


def place(step: Step) -> str:
    """Return where a step strikes: `phase_d.before_delete (1st time)`."""
    if step.fault in DAMAGES:
        return plain(step.point.replace("+", "/")) or f"file {step.ordinal}"
    if not step.point:
        return f"the {ordinal(step.ordinal)} point on the way"
    return f"{plain(step.point)} ({ordinal(step.occurrence)} time)"


def struck(case: Case, reason: Reason = Reason.NONE) -> str:
    """Return in one line what was done to the store, first the run and then each recovery."""
    if case.lives:
        return _lived(case, reason)
    if not case.steps:
        return "no fault at all"
    parts: list[str] = []
    recoveries = 0
    for step in case.steps:
        done = step.fault.words
        if step is case.steps[-1] and reason in NOT_STRUCK:
            done = f"not {done} as planned" if step.fault is Fault.KILL else f"not: {done}"
        match step.phase:
            case Phase.RUN:
                where = f"in {place(step)}" if step.fault in DAMAGES else f"at {place(step)}"
                parts.append(f"{'then ' if parts else ''}{done} {where}")
            case Phase.RECOVER:
                again = "recovery" if recoveries == 0 else "the next recovery"
                recoveries += 1
                done = "" if done == "killed" else f"{done} "
                parts.append(f"then in {again} {done}at {place(step)}")
    return ", ".join(parts)


def _lived(case: Case, reason: Reason) -> str:
    """Return what every life of a fuzzed case did, and how it ended."""
    told = []
    for life in case.lives:
        whole = Case(scenario=case.scenario, steps=life.steps)
        last = life is case.lives[-1]
        ended = struck(whole, reason if last else Reason.NONE) if life.steps else "closed"
        done = ", ".join(life.names) or life.operations
        told.append(f"{plain(done)}: {ended}" + ("; a kept handle goes on" if life.kept else ""))
    return "; reopened, ".join(told)


def pairs_word(strategy: str) -> str:
    """Return what the cases of depth 0 are called."""
    words = {"error": "errors", "damage": "damages", "judge": "cases", "fuzz": "examples"}
    return words.get(strategy, "pairs")


def depth_word(depth: int, strategy: str = "") -> str:
    """Return what a depth is called: the first recovery, or what follows an error."""
    if strategy == "error":
        return "after them"
    return "recovery" if depth == 1 else f"depth {depth}"


def replay_command(token: str, arguments: str = "") -> str:
    """Return the line that runs this case again, with the arguments that find its scenario."""
    shown = plain(token)
    word = shown if _SHELL_SAFE.fullmatch(shown) else shlex.quote(shown)
    return f"killpoint replay {word} {plain(arguments)}".rstrip()


def shrunk_command(kept: Kept | None, replay: str) -> str:
    """Return the line that runs the smaller form of a case; nothing where there is none."""
    if kept is None or kept.shrunk in {"", kept.token}:
        return ""
    return replay.replace(plain(kept.token), plain(kept.shrunk), 1)


def replay_arguments(settings: dict[str, str]) -> str:
    """Return what a replay needs after the token: the files, or the program, that were given.

    `replay` in the settings says it outright; else the files among `what` was asked for.
    """
    if "replay" in settings:
        return settings["replay"]
    asked = settings.get("what", "").split()
    return shlex.join(each for each in asked if each.endswith(".py") or "/" in each)


def title(problem: Problem) -> str:
    """Return what is wrong: the invariants that do not hold, or the reason."""
    return plain(" + ".join(problem.invariants) or problem.reason.value or problem.signature)


def label(kept: Kept) -> str:
    """Return what the replays say, with their count."""
    return f"{kept.label.value} ({kept.replays_failed:,} of {kept.replays_count:,} replays)"


def advice(reason: Reason) -> str:  # noqa: PLR0911 -- a return per reason
    """Return the next step for a case that is not passed for this reason."""
    match reason:
        case Reason.NONE | Reason.VIOLATION | Reason.REOPEN_FAILED:
            return "replay it, then read the history and the images in its directory"
        case Reason.NOT_FIRED:
            return "the workload took another way: take chance and time out of it"
        case Reason.HUNG:
            return "look where it waits, or give the scenario a longer deadline_s"
        case Reason.CHECKER_RAISED:
            return "mend the check: it must return evidence, not raise"
        case Reason.VICTIM_RAISED:
            return "mend the workload: without fault it must run to its end, every time"
        case Reason.VERIFIER_DIED:
            return "replay it: the store or a check ended the process that reopens it"
        case Reason.NOT_DETERMINISTIC:
            return "take time, chance and the order of threads out of the workload"


def advice_for(verdict: Verdict, reason: Reason) -> str:
    """Return the next step for an undecided case; a failed one speaks for itself."""
    return advice(reason) if verdict is Verdict.UNDECIDED else ""


def again(run: Run) -> str:
    """Return the command that starts the same campaign, from its settings."""
    if run.settings.get("command"):
        return plain(run.settings["command"])
    names = [each.name for each in run.scenarios]
    asked = run.settings["what"].split() if "what" in run.settings else names
    words = ["killpoint", "run", *asked]
    if run.strategy:
        words += ["--strategy", run.strategy]
    if run.budget_s is not None:
        words += ["--budget", f"{run.budget_s:g}s"]
    words += ["--workers", str(run.workers_count), "--depth", str(run.depth)]
    if "stop" in run.settings:
        words.append("--stop-at-first")
    for name in ("draw", "examples"):
        words += [f"--{name}", run.settings[name]] if name in run.settings else []
    if run.shard != (1, 1):
        words += ["--shard", f"{run.shard[0]}/{run.shard[1]}"]
    return plain(shlex.join(words))
