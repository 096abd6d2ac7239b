"""What each fault does when it happens.

`prepare` turns a term into a function once, when the plan is armed; whatever can go wrong with
what a plan names goes wrong there. Deaths run no destructor, no `finally` and no exit handler,
and flush nothing: that is their point. It never decides whether a fault happens.
"""

from __future__ import annotations

import builtins
import faulthandler
import importlib
import os
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeVar

from killpoint.failpoints.arguments import errno_of, text_of, value_of
from killpoint.failpoints.errors import FaultArgumentError, InjectedPanic, PauseTimeoutError
from killpoint.failpoints.points import FaultKind

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from killpoint.failpoints.seam import Hit
    from killpoint.failpoints.terms import Term

    Act: TypeAlias = Callable[[Hit, object], object]

E = TypeVar("E", bound=BaseException)

KILLED_STATUS = 137
MS_PER_S = 1000


def prepare(  # noqa: C901, PLR0911, PLR0912 -- one arm a fault, and mypy holds that none is missed
    term: Term, released: threading.Event, pause_timeout_s: float
) -> Act:
    """Return what `term` does; it takes the hit and the payload, and returns the payload.

    A `pause` waits for `released`, at most `pause_timeout_s` unless the term says how long.
    Raises `FaultArgumentError` when an exception type cannot be found, or does not take the
    arguments given.
    """
    match term.fault:
        case FaultKind.OFF:
            return lambda _, payload: payload
        case FaultKind.KILL:
            return lambda _, __: kill_this_process()
        case FaultKind.EXIT:
            return lambda _, __: os._exit(int(term.arguments[0]))
        case FaultKind.ABORT:
            return lambda _, __: abort_this_process()
        case FaultKind.RAISE:
            return _raise(term)
        case FaultKind.RETURN:
            return lambda _, __: value_of(term.arguments[0]) if term.arguments else None
        case FaultKind.SLEEP:
            return _sleep(int(term.arguments[0]) / MS_PER_S)
        case FaultKind.PAUSE:
            own_s = int(term.arguments[0]) / MS_PER_S if term.arguments else pause_timeout_s
            return _pause(released, own_s)
        case FaultKind.HANG:
            return lambda _, __: hang()
        case FaultKind.PRINT:
            return _print(term)
        case FaultKind.PANIC:
            return _panic(term)


def kill_this_process() -> NoReturn:
    """Die by SIGKILL, at once and without a trace."""
    os.kill(os.getpid(), signal.SIGKILL)
    # Only the first process of a container gets here: the kernel shields it from its own signals.
    os._exit(KILLED_STATUS)


def abort_this_process() -> NoReturn:
    """Die by SIGABRT, without a stack on stderr and without a core file beside the store."""
    faulthandler.disable()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    os.abort()


def hang() -> NoReturn:
    """Wait for ever; only a signal that ends the process ends this."""
    while True:
        signal.pause()


def exception_type(name: str) -> type[Exception]:
    """Import the exception type of that dotted name; a bare name is one of the builtins."""
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name) if module_name else builtins
        found = getattr(module, attribute)
    except (ImportError, AttributeError) as error:
        remedy = "write a builtin name, or package.module.Type as it can be imported"
        raise FaultArgumentError(name, f"cannot be found ({error})", remedy) from error
    if not (isinstance(found, type) and issubclass(found, Exception)):
        remedy = "name a subclass of Exception, or write panic for what no handler should catch"
        raise FaultArgumentError(name, "is no exception type to raise", remedy)
    return found


def _raise(term: Term) -> Act:
    """Resolve the type and build one exception for trial, so that a firing cannot fail."""
    kind = exception_type(term.arguments[0])
    given = term.arguments[1:]
    if any(errno_of(argument) is not None for argument in given) and not issubclass(kind, OSError):
        remedy = f"write the number itself, or raise(OSError, {given[0]})"
        raise FaultArgumentError(term.task, "errno names go with OSError only", remedy)

    def build() -> Exception:
        values = [value_of(argument) for argument in given]
        if issubclass(kind, OSError) and len(values) == 1 and isinstance(values[0], int):
            values.append(os.strerror(values[0]))  # with one argument an OSError has no errno
        return kind(*values)

    try:
        build()
    except Exception as error:
        remedy = "give the arguments that its constructor takes"
        raise FaultArgumentError(term.task, f"cannot be built ({error})", remedy) from error

    def act(hit: Hit, payload: object) -> NoReturn:
        del payload
        raise _noted(build(), hit)

    return act


def _panic(term: Term) -> Act:
    """Raise what no `except Exception` catches."""

    def act(hit: Hit, payload: object) -> NoReturn:
        del payload
        raise _noted(InjectedPanic(*map(text_of, term.arguments)), hit)

    return act


def _sleep(delay_s: float) -> Act:
    """Go on after a while."""

    def act(hit: Hit, payload: object) -> object:
        del hit
        time.sleep(delay_s)
        return payload

    return act


def _pause(released: threading.Event, timeout_s: float) -> Act:
    """Go on when the test says so."""

    def act(hit: Hit, payload: object) -> object:
        if not released.wait(timeout_s):
            raise PauseTimeoutError(hit.point, hit.occurrence, timeout_s)
        return payload

    return act


def _print(term: Term) -> Act:
    """Write one line to stderr."""

    def act(hit: Hit, payload: object) -> object:
        said = text_of(term.arguments[0]) if term.arguments else _where(hit)
        sys.stderr.write(f"{said}\n")
        sys.stderr.flush()
        return payload

    return act


def _where(hit: Hit) -> str:
    """Name a hit for a reader."""
    return f"{hit.point}, occurrence {hit.occurrence}"


def _noted(error: E, hit: Hit) -> E:
    """Let an injected exception say that it is one."""
    error.add_note(f"injected at {_where(hit)}")
    return error
