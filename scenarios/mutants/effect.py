"""Skip, double or put off one durable effect of a store, in front of the real storage.

The verbs of `Local` are wrapped once; what is planted decides about the calls that carry one named
effect. A skipped call answers what a successful one would. One that is put off is carried out just
after the next durable effect of the process, or when its store is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from engine.graph import maintenance_points
from engine.graph import points as graph_points
from engine.kb import points as kb_points
from engine.kb.record import digest
from engine.storage import Clone, Cloned, Local
from killpoint.failpoints import Effect

DURABLE = (
    *("put", "put_if_absent", "put_if_match", "delete", "delete_all", "delete_prefix"),
    *("clone", "rename", "settle", "make_fence"),
)
# A second time is not the same as the first.
ONCE = frozenset({"put_if_absent", "put_if_match", "rename"})
POINTS = {"graph": (graph_points, maintenance_points), "kb": (kb_points,)}

Call = Callable[[], Any]
How = Callable[[str, Local, tuple[Any, ...], Call], Any]

_right = {verb: getattr(Local, verb) for verb in (*DURABLE, "sweep")}
_held: list[Call] = []
_planted: dict[str, How] = {}


def durable(store: str) -> tuple[tuple[str, str], ...]:
    """Return name and verb of each durable effect that a store declares, sorted."""
    effects = {
        each.name: each.verb
        for module in POINTS[store]
        for each in vars(module).values()
        if isinstance(each, Effect) and each.verb in DURABLE
    }
    return tuple(sorted(effects.items()))


def plant(name: str, how: How) -> None:
    """Have the calls of the effect made like that, in this process."""
    _planted.clear()
    _planted[name] = how
    for verb, right in _right.items():
        setattr(Local, verb, _swept if verb == "sweep" else _wrapped(verb, right))


def skipped(verb: str, storage: Local, arguments: tuple[Any, ...], _: Call) -> object:
    """Answer as if it had been done."""
    match verb:
        case "put_if_absent":
            return True
        case "put_if_match":
            return "skipped"
        case "clone":
            source = Path(vars(storage)["_root"], arguments[0])
            if not source.exists():
                return Clone(how=Cloned.ABSENT, digest="")
            return Clone(how=Cloned.COPIED, digest=digest(source.read_bytes()))
        case _:
            return None


def doubled(_: str, __: Local, ___: tuple[Any, ...], call: Call) -> object:
    """Do it twice, and answer what the second time does."""
    call()
    return call()


def swapped(
    verb: str,
    storage: Local,
    arguments: tuple[Any, ...],
    call: Call,
) -> object:
    """Answer as if it had been done, and do it after what comes next."""
    carry_out()
    _held.append(call)
    return skipped(verb, storage, arguments, call)


def carry_out() -> None:
    """Do what was put off."""
    while _held:
        _held.pop(0)()


def _wrapped(verb: str, right: Callable[..., Any]) -> Callable[..., object]:
    @wraps(right)
    def call(storage: Local, effect: Effect, *arguments: object, **named: object) -> object:
        def act() -> object:
            return right(storage, effect, *arguments, **named)

        if effect.name in _planted:
            return _planted[effect.name](verb, storage, arguments, act)
        answer = act()
        carry_out()
        return answer

    return call


def _swept(storage: Local, listing: Effect, deletion: Effect) -> tuple[str, ...]:
    """Sweep, which lists and deletes in one; the deletion is what may be skipped or put off."""
    sweep = _right["sweep"]
    if deletion.name in _planted:
        how = _planted[deletion.name]
        return how("sweep", storage, (), lambda: sweep(storage, listing, deletion)) or ()
    return tuple(sweep(storage, listing, deletion))
