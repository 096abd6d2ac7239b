"""The printable identity of a case: one shell-safe line that a person can read.

    k1/graph.load.append/kill:phase_c.before_publish@1/recover:audit.put.after@2~7c3a

`k1` is the format, then the scenario, then a part per step: a fault and where. What follows an
error before the first `recover` strikes the same process: `eio:sidecar.put.after@1/kill:#40`.
`recover:` is a kill in the next reopening, `recover.eio:` an error there. `#31`, the short form,
is the 31st hit of any point, and is used where names would make the line longer than 100
characters. `only:1,3` after the scenario keeps the first and the third operation of its workload
and leaves out the others, as a case that was shrunk does. A fuzzed case is told life by life:
`do:abb/kill:#31/recover:#4/do:c/kept:b` are the letters of what is done, what strikes, and what a
kept handle does then. The four hexadecimal digits cover the points that the scenario hits without
fault; when they no longer fit, the case is still anchored on its names. Reading a token never runs
code.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from killpoint.case import Case, Life, Phase, Step, case_of_lives
from killpoint.errors import TokenError
from killpoint.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = "k1"
RECOVER = "recover"
ONLY = "only"
DO = "do:"
TOKEN_CHARACTERS_MAX = 100

_SCENARIO = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_STEP = re.compile(
    r"^(?P<word>[a-z.]+):"
    r"(?:(?P<point>[A-Za-z0-9_.,+-]+)@(?P<occurrence>[1-9][0-9]{0,8})"
    r"|#(?P<ordinal>[1-9][0-9]{0,8}))$"
)
_ONLY = re.compile(rf"^{ONLY}:(?P<numbers>[1-9][0-9]{{0,5}}(?:,[1-9][0-9]{{0,5}})*)$")
_LIFE = re.compile(rf"^{DO}(?P<operations>[A-Za-z]{{1,16}})$")
_KEPT = re.compile(r"^kept:(?P<letter>[A-Za-z])$")
_FINGERPRINT = re.compile(r"^[0-9a-f]{4}$")


def tells_lives(token: str) -> bool:
    """Return whether this token, as it was printed, is of a fuzzed case."""
    return f"/{DO}" in token


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A case and the fingerprint of the scenario it was found with."""

    case: Case
    fingerprint: str

    def __str__(self) -> str:
        """Print the line, steps before the last one in the short form if it grows too long."""
        steps = self.case.steps
        line = self._line(short=0)
        for short in range(1, len(steps) + 1):
            if len(line) <= TOKEN_CHARACTERS_MAX:
                break
            line = self._line(short=short)
        return line

    def _line(self, *, short: int) -> str:
        case = self.case
        printed = [_print_step(step, short=index < short) for index, step in enumerate(case.steps)]
        parts = _print_lives(case.lives, printed) if case.lives else printed
        numbers = ",".join(str(number) for number in case.only)
        only = [f"{ONLY}:{numbers}"] if numbers else []
        return "/".join([FORMAT, case.scenario, *only, *parts]) + "~" + self.fingerprint


def _print_lives(lives: tuple[Life, ...], printed: list[str]) -> list[str]:
    """Put what is printed of all steps between what is said of each life."""
    parts: list[str] = []
    for life in lives:
        parts += [f"{DO}{life.operations}", *printed[: len(life.steps)]]
        parts += [f"kept:{life.kept}"] if life.kept else []
        printed = printed[len(life.steps) :]
    return parts


def _print_step(step: Step, *, short: bool) -> str:
    word = step.fault.value
    if step.phase is Phase.RECOVER:
        word = RECOVER if step.fault is Fault.KILL else f"{RECOVER}.{word}"
    if not step.point or (short and step.ordinal):
        return f"{word}:#{step.ordinal}"
    return f"{word}:{step.point}@{step.occurrence}"


def _lives_on(step: Step) -> bool:
    """Tell whether a further fault can strike the process of this step."""
    return step.phase is Phase.RUN and step.fault is not Fault.KILL


def fingerprint(points: Iterable[str]) -> str:
    """Return four hexadecimal digits that stand for this ordered list of point names."""
    return hashlib.blake2b("\n".join(points).encode(), digest_size=2).hexdigest()


def parse(text: str) -> Token:
    """Read a token; raises `TokenError` with the part that is wrong."""
    line = text.strip()
    body, tilde, digits = line.rpartition("~")
    if not tilde:
        raise TokenError(text, "it has no ~ with a fingerprint at its end")
    if not _FINGERPRINT.match(digits):
        raise TokenError(text, f"its fingerprint {digits!r} is not four hexadecimal digits")
    form, *rest = body.split("/")
    if form != FORMAT:
        raise TokenError(text, f"its format is {form!r} and this version reads {FORMAT!r}")
    if not rest or not re.fullmatch(_SCENARIO, rest[0]):
        raise TokenError(text, "it names no scenario")
    scenario, *parts = rest
    only = _parse_only(text, parts.pop(0)) if parts and parts[0].startswith(f"{ONLY}:") else ()
    case = _parse_case(text, scenario, parts)
    if only and case.lives:
        raise TokenError(text, "it keeps operations of a workload, and draws its own")
    return Token(case=replace(case, only=only), fingerprint=digits)


def _parse_only(text: str, part: str) -> tuple[int, ...]:
    match = _ONLY.match(part)
    numbers = tuple(int(each) for each in match["numbers"].split(",")) if match else ()
    if not numbers or any(later <= number for number, later in pairwise(numbers)):
        raise TokenError(text, f"its part {part!r} is not only:N,M with growing numbers")
    return numbers


def _parse_case(text: str, scenario: str, parts: list[str]) -> Case:
    """Read the steps, or the lives if there are any, each with its own."""
    steps: tuple[Step, ...] = ()
    lives: tuple[Life, ...] = ()
    for part in parts:
        life, kept = _LIFE.match(part), _KEPT.match(part)
        if (lives and lives[-1].kept and not life) or (kept and not lives) or (life and steps):
            raise TokenError(text, f"its part {part!r} stands in the wrong place")
        if life is not None:
            lives = (*lives, Life(operations=life["operations"]))
        elif kept is not None:
            lives = (*lives[:-1], replace(lives[-1], kept=kept["letter"]))
        elif lives:
            own = lives[-1].steps
            struck = replace(lives[-1], steps=(*own, _parse_step(text, part, own)))
            lives = (*lives[:-1], struck)
        else:
            steps = (*steps, _parse_step(text, part, steps))
    return case_of_lives(scenario, lives) if lives else Case(scenario=scenario, steps=steps)


def _parse_step(text: str, part: str, before: tuple[Step, ...]) -> Step:
    match = _STEP.match(part)
    if match is None:
        raise TokenError(text, f"its part {part!r} is neither FAULT:POINT@N nor FAULT:#N")
    head, _, tail = match["word"].partition(".")
    again = head == RECOVER
    word = (tail or Fault.KILL.value) if again else match["word"]
    if word not in set(Fault):
        raise TokenError(text, f"its fault {word!r} is not one this version can replay")
    last = before[-1] if before else None
    # A workload begins; a process that was killed meets nothing more; a recovery does not go back.
    misplaced = last is None if again else last is not None and not _lives_on(last)
    if misplaced:
        raise TokenError(text, f"its part {part!r} stands in the wrong place")
    return Step(
        phase=Phase.RECOVER if again else Phase.RUN,
        fault=Fault(word),
        point=match["point"] or "",
        occurrence=int(match["occurrence"] or 0),
        ordinal=int(match["ordinal"] or 0),
    )
