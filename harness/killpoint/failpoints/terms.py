"""Plans as text: which fault happens at which point, at which of its hits.

    plan = name "=" terms (";" name "=" terms)*       name may be a glob such as phase_a.*
    terms = term ("->" term)*  or  task "@" number    the first term that passes happens
    term = [percent "%"] [count "*"] task ["(" argument ")"]

The core is that of fail-rs and reads the same there. `kill@3` means `2*off->1*kill`. A percentage
is diced first, then the count says how often the term may fire; a chain whose terms are used up
does nothing. A glob gives every point that it matches a chain of its own; a point's own name
goes before any glob, and an earlier glob before a later one. `str(plan)` is canonical and parses
back to an equal plan. A plan is a value: how often a term has fired is kept by what arms it.

It never runs, imports or resolves what a plan names.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, TypeAlias

from killpoint.failpoints import arguments
from killpoint.failpoints.errors import PlanSyntaxError
from killpoint.failpoints.points import NAME_FORM, FaultKind

TEXT_LENGTH_MAX = 20_000
PERCENT_PLACES = 6
PERCENT_MAX = 100
COUNT_DIGITS_MAX = 9
_GLOB = re.compile(r"[a-z0-9_.]*[*?][a-z0-9_.*?]*")
_CLOSES = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One link of a chain: a fault, how likely it is, and how often it may happen.

    `arguments` are in canonical text, `percent` None means always, `count` None means without
    end. Terms come from `parse_plan`, which checks them.
    """

    fault: FaultKind
    arguments: tuple[str, ...] = ()
    percent: float | None = None
    count: int | None = None

    @property
    def task(self) -> str:
        """The fault and its arguments, without percentage and count."""
        return f"{self.fault}({', '.join(self.arguments)})" if self.arguments else str(self.fault)

    def __str__(self) -> str:
        """Return the term in canonical form."""
        percent = "" if self.percent is None else f"{_percent_text(self.percent)}%"
        count = "" if self.count is None else f"{self.count}*"
        return f"{percent}{count}{self.task}"


Chain: TypeAlias = tuple[Term, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Names of points, or globs, each with its chain, in the order written."""

    chains: tuple[tuple[str, Chain], ...]

    def __str__(self) -> str:
        """Return the plan in canonical form: no spaces, no sugar."""
        return ";".join(f"{name}={'->'.join(map(str, chain))}" for name, chain in self.chains)


def parse_plan(text: str) -> FaultPlan:
    """Read a plan; raises `PlanSyntaxError` with the column and what to write instead."""
    if len(text) > TEXT_LENGTH_MAX:
        problem = f"the plan has {len(text)} characters, more than {TEXT_LENGTH_MAX}"
        raise PlanSyntaxError(text, TEXT_LENGTH_MAX, problem, "Name points by globs.")
    reader = _Reader(text)
    chains: dict[str, Chain] = {}
    while reader.more():
        start = reader.index
        name = reader.name()
        if name in chains:
            reader.refuse(start, f"{name} stands here twice", "Join its terms with '->'.")
        chains[name] = reader.chain()
    if not chains:
        reader.refuse(0, "the plan is empty", "Write name=fault, as in log.append.before=kill.")
    return FaultPlan(chains=tuple(chains.items()))


class _Reader:
    """Reads a plan from left to right; `index` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.index = 0

    def refuse(self, index: int, problem: str, remedy: str) -> NoReturn:
        """Raise the syntax error with its caret at `index`."""
        raise PlanSyntaxError(self.text, index, problem, remedy)

    def take(self, form: str) -> re.Match[str] | None:
        """Skip spaces, and go past what matches `form` if it stands here."""
        while self.text[self.index : self.index + 1].isspace():
            self.index += 1
        found = re.compile(form, re.ASCII).match(self.text, self.index)
        self.index = found.end() if found else self.index
        return found

    def more(self) -> bool:
        """Skip empty entries; true when another entry follows."""
        while self.take(";"):
            continue
        return self.index < len(self.text)

    def name(self) -> str:
        """Read the name or glob of an entry, and its equals sign."""
        found = self.take(r"[\w.*?-]+")
        name = found[0] if found else ""
        start = self.index - len(name)
        if not NAME_FORM.match(name) and not _GLOB.fullmatch(name):
            problem = f"{name!r} is not the name of a point" if name else "a name is missing"
            remedy = "Write lower-case words joined by dots, or a glob such as phase_a.*"
            self.refuse(start, problem, remedy)
        if not self.take("="):
            self.refuse(self.index, f"'=' is missing after {name}", f"Write {name}=kill, say.")
        return name

    def chain(self) -> Chain:
        """Read terms up to the end of the entry."""
        terms = [self.term()]
        if self.take("@"):
            terms = self.nth(terms[0])
        else:
            while self.take("->"):
                terms.append(self.term())
        start = self.index
        if self.take("@|->"):
            self.refuse(start, "'@' stands in a chain", "Write 2*off->1*kill for kill@3.")
        if not self.take("$|(?=;)"):
            self.refuse(self.index, "the term has ended here", "Go on with '->' or ';'.")
        return tuple(terms)

    def nth(self, term: Term) -> list[Term]:
        """Spell `task@n` out: nothing at the hits before, then the task once."""
        start = self.index
        if term.percent is not None or term.count is not None:
            remedy = f"Write {term.task}@3 alone, or spell the chain out."
            self.refuse(start - 1, "'@' does not go with a percentage or a count", remedy)
        self.take("")
        number = self.count("'@' wants the number of a hit, from 1")
        once = Term(fault=term.fault, arguments=term.arguments, count=1)
        return [Term(fault=FaultKind.OFF, count=number - 1), once] if number > 1 else [once]

    def term(self) -> Term:
        """Read modifiers in either order, the task and its argument."""
        percent: float | None = None
        count: int | None = None
        while self.take("(?=[0-9.])"):
            start = self.index
            if self.look(r"[0-9.]+\s*%"):
                if percent is not None:
                    self.refuse(start, "a term has two percentages", "Keep one of them.")
                percent = self.percentage()
            elif self.look(r"[0-9.]+\s*\*"):
                if count is not None:
                    self.refuse(start, "a term has two counts", "Keep one of them.")
                count = self.count("a count is a whole number, from 1")
            else:
                remedy = "Write 25.0% for a chance or 3* for a count, then the fault."
                self.refuse(start, "this number is followed by neither '%' nor '*'", remedy)
            self.take("[%*]")
        fault = self.fault()
        start = self.index
        refuse = partial(PlanSyntaxError, self.text, start)
        return Term(
            fault=fault,
            arguments=arguments.canonical(fault, self.argument(), refuse),
            percent=percent,
            count=count,
        )

    def look(self, form: str) -> bool:
        """Say whether `form` stands here, without going past it."""
        return re.compile(form, re.ASCII).match(self.text, self.index) is not None

    def count(self, problem: str) -> int:
        """Read a whole number from 1 on."""
        start = self.index
        found = self.take("[0-9]*")
        digits = found[0] if found else ""
        if len(digits) > COUNT_DIGITS_MAX or self.look("[.]") or int(digits or "0") < 1:
            self.refuse(start, problem, f"Write a number from 1 to {'9' * COUNT_DIGITS_MAX}.")
        return int(digits)

    def percentage(self) -> float:
        """Read a number from 0 to 100 that has few enough places to print back exactly."""
        start = self.index
        found = self.take(r"([0-9]{1,3}[.]?([0-9]*)|[.]([0-9]+))(?=\s*%)")
        places = len((found[2] or found[3] or "").rstrip("0")) if found else 0
        if found is None or places > PERCENT_PLACES or float(found[1]) > PERCENT_MAX:
            remedy = f"Write 25.0%, say, with at most {PERCENT_PLACES} places."
            self.refuse(start, "a percentage is a number from 0 to 100", remedy)
        return float(found[1])

    def fault(self) -> FaultKind:
        """Read the name of a fault."""
        found = self.take(r"\w+")
        word = found[0] if found else ""
        words = [str(kind) for kind in FaultKind]
        if word in words:
            return FaultKind(word)
        near = difflib.get_close_matches(word, words, n=1)
        problem = f"no fault is called {word!r}" if word else "a fault is missing"
        hint = f"Did you mean {near[0]}? " if near else ""
        return self.refuse(self.index - len(word), problem, f"{hint}Known: {', '.join(words)}.")

    def argument(self) -> str:
        """Read what stands in brackets; quotes and inner brackets hide every other sign."""
        if not self.take("[(]"):
            return ""
        first = self.index
        opened = [(first - 1, ")")]
        while opened and self.index < len(self.text):
            sign = self.text[self.index]
            if sign in "'\"":
                self.quoted(sign)
                continue
            if sign in _CLOSES:
                opened.append((self.index, _CLOSES[sign]))
            elif sign == opened[-1][1]:
                opened.pop()
            elif sign in _CLOSES.values():
                remedy = f"Write {opened[-1][1]!r} here, or put text into quotes."
                self.refuse(self.index, f"{sign!r} closes what is not open", remedy)
            self.index += 1
        if opened:
            remedy = f"Write {opened[-1][1]!r} where it ends."
            self.refuse(opened[-1][0], "this bracket is never closed", remedy)
        return self.text[first : self.index - 1].strip()

    def quoted(self, quote: str) -> None:
        """Go past a quoted string; a backslash hides the sign after it."""
        start = self.index
        form = rf"{quote}(?:[^{quote}\\]|\\.)*{quote}"
        if not (found := re.compile(form, re.DOTALL).match(self.text, start)):
            self.refuse(start, "this quote is never closed", "Write it again where the text ends.")
        self.index = found.end()


def _percent_text(percent: float) -> str:
    """Print with a decimal point and no exponent, as every dialect of the grammar reads it."""
    text = f"{percent:.{PERCENT_PLACES}f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
