"""Points of Python code that declares none: its file-system calls, wrapped in a forked child.

`install(root)` replaces the functions of `os` that can change a directory, and has `open` use
`_pyio`, whose file objects call `os.write`, for what is opened below the root for writing. Each
call that touches the root is announced before it happens as a hit on `python.<call>` through the
seam, where it is counted, killed or made to fail like any declared point. References that other
modules took before are replaced too; `prepare`, called before the fork, saves each child from
looking through all memory for them. An audit hook watches for changes that come past the
wrappers; `Wrapped.unseen` lists them.

The buffers of `_pyio` are not those of C: a large write may reach the disk in other pieces. It
never undoes an installation, and never sees what native code such as SQLite does by itself, what
goes through a file object that was open before, or other programs: trace those (`syscalls`).
"""

from __future__ import annotations

import _pyio  # type: ignore[import-not-found]  # typeshed leaves it out
import builtins
import functools
import gc
import os
import sys
import threading
from dataclasses import dataclass, field
from types import FunctionType
from typing import TYPE_CHECKING, Any

from killpoint.failpoints import declare, reach
from killpoint.sources.audit import Unseen, watch
from killpoint.sources.places import Roots, inside, path_of, roots_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ABSENT = -1
BUILTIN_OPEN = "builtins.open"
# By identity of the original: the original, so that it stays alive, and what takes its place.
Replacements = dict[int, tuple[object, object]]
_OPEN_CHANGES = os.O_CREAT | os.O_TRUNC | getattr(os, "O_TMPFILE", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """Where a call names a place: position and keyword of a path or of an open file.

    `directory` is the keyword of the open directory that the path is relative to, if any.
    """

    position: int
    keyword: str
    directory: str = ""


def _at(keyword: str = "path", position: int = 0, directory: str = "") -> Argument:
    return Argument(position=position, keyword=keyword, directory=directory)


_FD = _at("fd")
_PATH = _at(directory="dir_fd")
_SOURCE = _at("src", 0, "src_dir_fd")
_TARGET = _at("dst", 1, "dst_dir_fd")

# The functions of `os` that can change a directory, and where they name it, the target last.
CALLS: dict[str, tuple[Argument, ...]] = {
    "open": (_PATH,),
    "write": (_FD,),
    "pwrite": (_FD,),
    "writev": (_FD,),
    "pwritev": (_FD,),
    "sendfile": (_at("out_fd"),),
    "copy_file_range": (_at("dst", 1),),
    "splice": (_at("dst", 1),),
    "posix_fallocate": (_FD,),
    "fsync": (_FD,),
    "fdatasync": (_FD,),
    "ftruncate": (_FD,),
    "truncate": (_at(),),
    "rename": (_SOURCE, _TARGET),
    "replace": (_SOURCE, _TARGET),
    "link": (_TARGET,),
    "symlink": (_at("dst", 1, "dir_fd"),),
    "unlink": (_PATH,),
    "remove": (_PATH,),
    "mkdir": (_PATH,),
    "rmdir": (_PATH,),
    "mknod": (_PATH,),
    "mkfifo": (_PATH,),
    "chmod": (_PATH,),
    "fchmod": (_FD,),
}

POINTS = {
    name: declare(
        f"python.{name}",
        durable=f"what the calls before this os.{name} left",
        pending=f"this os.{name} and all after it",
        rare=True,
    )
    for name in CALLS
}


@dataclass(slots=True)
class Wrapped:
    """An installation: where the points are, and what came past them."""

    roots: Roots
    found: list[Unseen]
    _thread: threading.local = field(default_factory=threading.local)

    def unseen(self) -> list[Unseen]:
        """Return the changes below the root, so far, that no point stood before."""
        return list(self.found)

    @property
    def busy(self) -> bool:
        """Whether a wrapper of this thread is at work."""
        return getattr(self._thread, "busy", False)

    def call(self, original: Callable[..., Any], *args: object, **kwargs: object) -> object:
        """Call a wrapped function, so that its audit events count as announced."""
        before = self.busy
        self._thread.busy = True
        try:
            return original(*args, **kwargs)
        finally:
            self._thread.busy = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who holds a reference to a call: names in modules, sets, defaults of functions."""

    names: tuple[tuple[dict[str, Any], str], ...]
    sets: tuple[set[object], ...]
    functions: tuple[FunctionType, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What can be made before the fork: the wrappers for one root, and where they belong.

    `modules` are the identities of all modules that were looked through.
    """

    root: Path
    wrapped: Wrapped
    replacements: Replacements
    holders: Holders
    modules: frozenset[int]


_prepared: Prepared | None = None


def prepare(root: Path) -> None:
    """Make ready for `install(root)` in all children that this process forks later.

    What they import after that is looked through when they install.
    """
    global _prepared  # noqa: PLW0603 -- it is for the children, and they inherit globals
    if _prepared is not None and _prepared.root == root:
        return
    # What was frozen is hidden from the search; it is frozen again, or no child would share it.
    was_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    wrapped = Wrapped(roots_of(root), [])
    replacements: Replacements = {
        id(each): (each, _wrapper(wrapped, name, each)) for name, each in _originals()
    }
    _prepared = Prepared(
        root=root,
        wrapped=wrapped,
        replacements=replacements,
        holders=_holders_in_memory(replacements),
        modules=frozenset(map(id, sys.modules.values())),
    )
    if was_frozen:
        gc.collect()
        gc.freeze()


def install(root: Path) -> Wrapped:
    """Put a point before every change that this process's Python code makes below `root`.

    Only in a forked child, once, before the code under examination runs; threads that run
    already keep what they have at hand.
    """
    prepare(root)
    assert _prepared is not None, "it was made just now"
    wrapped = _prepared.wrapped
    _replace(_prepared.holders, _prepared.replacements)
    _replace(_holders_in(_modules_since(_prepared)), _prepared.replacements)
    watch(wrapped.roots, announced=lambda: wrapped.busy, found=wrapped.found)
    return wrapped


def _modules_since(prepared: Prepared) -> list[object]:
    """Return the modules that were imported later: the newest come last in `sys.modules`."""
    newest: list[object] = []
    for name in reversed(sys.modules):
        module = sys.modules[name]
        if id(module) in prepared.modules:
            break
        newest.append(module)
    return newest


def _originals() -> list[tuple[str, Callable[..., Any]]]:
    """Return what is to be wrapped: not every system has every call of `os`."""
    calls = [(name, call) for name in CALLS if (call := getattr(os, name, None)) is not None]
    return [*calls, (BUILTIN_OPEN, builtins.open)]


def _wrapper(wrapped: Wrapped, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    if name == BUILTIN_OPEN:
        return _opener(wrapped, original)
    return _announcer(wrapped, name, original, CALLS[name])


def _announcer(
    wrapped: Wrapped, name: str, original: Callable[..., Any], arguments: tuple[Argument, ...]
) -> Callable[..., Any]:
    """Return a function that reaches the point of a call and then makes the call."""
    point = POINTS[name]

    @functools.wraps(original)
    def announced(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- stands for any call
        if not wrapped.busy and (name != "open" or _may_create(args, kwargs)):
            place = _place(wrapped.roots, arguments, args, kwargs)
            if place is not None:
                reach(point, place)
        return wrapped.call(original, *args, **kwargs)

    return announced


def _may_create(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    flags = args[1] if len(args) > 1 else kwargs.get("flags")
    return isinstance(flags, int) and bool(flags & _OPEN_CHANGES)


def _place(
    roots: Roots, arguments: Iterable[Argument], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """Return what the call touches below the root, its target rather than its source."""
    found = None
    for one in arguments:
        given = args[one.position] if len(args) > one.position else kwargs.get(one.keyword)
        path = path_of(given, kwargs.get(one.directory))
        name = None if path is None else inside(roots, path)
        found = found if name is None else name
    return found


def _opener(wrapped: Wrapped, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return an `open` whose files below the root write through `os.write`."""

    @functools.wraps(original)
    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        path = path_of(file) if set(mode) & set("wax+") else None
        if path is None or inside(wrapped.roots, path) is None:
            return original(file, mode, *args, **kwargs)
        return _pyio.open(file, mode, *args, **kwargs)

    return opened


def _holders_in_memory(replacements: Replacements) -> Holders:
    """Search everything that the collector knows."""
    # Dictionaries of classes are left alone: there a Python function would become a method.
    modules = {id(getattr(one, "__dict__", None)) for one in sys.modules.values()}
    names: list[tuple[dict[str, Any], str]] = []
    sets: list[set[object]] = []
    defaults: list[tuple[object, ...]] = []
    for holder in gc.get_referrers(*(original for original, _ in replacements.values())):
        match holder:
            case dict() if id(holder) in modules:
                names += [(holder, name) for name in holder if id(holder[name]) in replacements]
            case set():
                sets.append(holder)
            case tuple():
                defaults.append(holder)
            case _:
                pass
    functions = gc.get_referrers(*defaults) if defaults else ()
    return Holders(
        names=tuple(names),
        sets=tuple(sets),
        functions=tuple(each for each in functions if isinstance(each, FunctionType)),
    )


def _holders_in(modules: Iterable[object]) -> Holders:
    """Return whatever in these modules could hold a call, whether it does or not."""
    found = [getattr(module, "__dict__", None) for module in modules]
    dictionaries = [names for names in found if isinstance(names, dict)]
    values = [value for names in dictionaries for value in names.values()]
    values += [part for each in values if isinstance(each, type) for part in vars(each).values()]
    return Holders(
        names=tuple((names, name) for names in dictionaries for name in names),
        sets=tuple(each for each in values if isinstance(each, set)),
        functions=tuple(each for each in values if isinstance(each, FunctionType)),
    )


def _replace(holders: Holders, replacements: Replacements) -> None:
    """Put the wrappers where the holders have originals, also functions of `os.supports_*`."""
    for names, name in holders.names:
        value = names.get(name)
        if id(value) in replacements:
            names[name] = replacements[id(value)][1]
    for held in holders.sets:
        # A wrapper can do what its original can: shutil asks for it by identity.
        held |= {replacements[id(f)][1] for f in held if id(f) in replacements}
    for function in holders.functions:
        defaults = function.__defaults__ or ()
        if any(id(value) in replacements for value in defaults):
            function.__defaults__ = tuple(
                replacements.get(id(value), (value, value))[1] for value in defaults
            )
