"""What may stand between the brackets of a fault, and how it is printed back.

An argument is kept as canonical text, not as a value: it prints the same in every process, a
list in it is made afresh for every firing, and nothing has to be hashed. Python literals go
through `ast`, which reads them without running them. It never imports or calls what a plan
names; that is done when a plan is armed.
"""

from __future__ import annotations

import ast
import errno
import re
import warnings
from typing import TYPE_CHECKING

from killpoint.failpoints.points import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from killpoint.failpoints.errors import PlanSyntaxError

    Refuse = Callable[[str, str], PlanSyntaxError]

DELAY_MS_MAX = 86_400_000
EXIT_CODE_MAX = 255
_DIGITS = re.compile(r"[0-9]{1,9}")
_DURATION = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?\s*(ms|s|)")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, Warning)


def canonical(  # noqa: PLR0911 -- one arm a fault, and mypy holds that none is missed
    fault: FaultKind, text: str, refuse: Refuse
) -> tuple[str, ...]:
    """Return the arguments of `fault` in their printed form; `text` is what the brackets hold.

    Raises what `refuse(problem, remedy)` builds when the fault does not take such an argument.
    """
    match fault:
        case FaultKind.OFF | FaultKind.KILL | FaultKind.ABORT | FaultKind.HANG:
            if text:
                problem = f"{fault} takes no argument"
                raise refuse(problem, f"Write {fault} alone.")
            return ()
        case FaultKind.EXIT:
            if not _DIGITS.fullmatch(text) or int(text) > EXIT_CODE_MAX:
                problem = f"exit needs a code from 0 to {EXIT_CODE_MAX}"
                raise refuse(problem, "Write for instance exit(1).")
            return (str(int(text)),)
        case FaultKind.RAISE:
            return _raise_arguments(text, refuse)
        case FaultKind.RETURN:
            return _return_argument(text, refuse)
        case FaultKind.SLEEP:
            return (_duration(text, refuse),)
        case FaultKind.PAUSE:
            return (_duration(text, refuse),) if text else ()
        case FaultKind.PRINT | FaultKind.PANIC:
            return (_text(text),) if text else ()


def value_of(argument: str) -> object:
    """Return a fresh value of a canonical literal, or the number behind an errno name."""
    number = errno_of(argument)
    return ast.literal_eval(argument) if number is None else number


def errno_of(argument: str) -> int | None:
    """Return the number of an errno name such as `ENOSPC`, or None for anything else."""
    if not re.fullmatch(r"E[A-Z0-9]+", argument):
        return None
    number: int | None = getattr(errno, argument, None)
    return number


def text_of(argument: str) -> str:
    """Return what a canonical argument of `print` or `panic` says."""
    return argument if argument.isdecimal() else str(ast.literal_eval(argument))


def _return_argument(text: str, refuse: Refuse) -> tuple[str, ...]:
    """Accept a Python literal, or one bare word for a string; nothing stands for None."""
    if text in ("", "None"):
        return ()
    literal = _literal(text)
    if literal is None and re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII):
        literal = repr(text)
    if literal is None:
        problem = "return wants a Python literal"
        raise refuse(problem, "Write a number, bytes, a quoted string, or a list or dict of them.")
    return (literal,)


def _raise_arguments(text: str, refuse: Refuse) -> tuple[str, ...]:
    """Split `Type, argument, ...` by Python's own grammar and check every part."""
    try:
        tree = _quietly_parsed(f"_({text})")
    except _NO_LITERAL:
        tree = ast.Constant(None)
    whole = isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
    parts = tree.args if isinstance(tree, ast.Call) and whole and not tree.keywords else []
    if not parts or not _DOTTED.fullmatch(ast.unparse(parts[0])):
        problem = "raise wants an exception type, and literals after it"
        raise refuse(problem, "Write raise(OSError, ENOSPC) or raise(ValueError, 'x'), say.")
    arguments = [ast.unparse(parts[0])]
    for part in parts[1:]:
        shown = ast.unparse(part)
        literal = shown if errno_of(shown) is not None else _literal(shown)
        if literal is None:
            problem = f"{shown} is neither a Python literal nor an errno name"
            raise refuse(problem, "Put text into quotes, or write a name such as ENOSPC.")
        arguments.append(literal)
    return tuple(arguments)


def _duration(text: str, refuse: Refuse) -> str:
    """Return whole milliseconds; a bare number is milliseconds, as in fail-rs."""
    found = _DURATION.fullmatch(text)
    if found is None:
        problem = f"{text!r} is no duration" if text else "a duration is missing"
        raise refuse(problem, "Write sleep(10) or sleep(10ms) or sleep(1.5s).")
    whole, part = found[1], (found[2] or "").rstrip("0")
    places = 3 if found[3] == "s" else 0
    if len(part) > places:
        problem = f"{text!r} is not a whole number of milliseconds"
        raise refuse(problem, "Round it, as in sleep(10ms).")
    duration_ms = int(whole + part.ljust(places, "0"))
    if duration_ms > DELAY_MS_MAX:
        problem = f"{text!r} is longer than a day"
        raise refuse(problem, "Write hang to wait for ever.")
    return str(duration_ms)


def _text(text: str) -> str:
    """Print numbers bare, which every dialect of the grammar takes, and other text quoted."""
    literal = _literal(text)
    value = ast.literal_eval(literal) if literal is not None else text
    said = value if isinstance(value, str) else text
    return said if _DIGITS.fullmatch(said) else repr(said)


def _literal(text: str) -> str | None:
    """Return the canonical text of a Python literal, or None when it is none."""
    try:
        tree = _quietly_parsed(text)
        ast.literal_eval(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                node.kind = None  # u"x" is "x", and is printed so
        return ast.unparse(tree)
    except _NO_LITERAL:
        return None


def _quietly_parsed(text: str) -> ast.expr:
    """Parse one expression; what Python would only warn of is refused like an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ast.parse(text.strip(), mode="eval").body
