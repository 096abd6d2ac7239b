r"""Read what `strace -f -y -s 0` writes: one value per call, in the order in which calls began.

A line is `PID call(args) = result`; a call that another tracee interrupts is in two lines,
`<unfinished ...>` and `<... call resumed>`, and is put together here. Strings carry C escapes
(`\"`, `\n`, octal), open files carry their path (`3</store/f>`). It never decides what a call
means for a store.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEAD = re.compile(r"^(\d+) +(?:<\.\.\. )?([a-z_][a-z0-9_]*)(\(| resumed>)")
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|[(\[{]|[)\]}]|,|[^"<(\[{)\]},]+|.')
_OPEN_FILE = re.compile(r"^(?:AT_FDCWD|\d+)<([^<>]*)>(\(deleted\))?$")
_STRING = re.compile(r'^"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-f]{2}|.)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"e": b"\x1b"}
_UNFINISHED = "<unfinished ...>"
_DELETED = " (deleted)"
UNKNOWN = ""


class LineError(ValueError):
    """A line is in no form that strace writes; the reader of the file names the file."""


@dataclass(slots=True, kw_only=True)
class TracedCall:
    """One call of one tracee, complete when its result has been read.

    `result` is empty for a call that never returned: its process was killed inside or before it.
    """

    pid: int
    name: str
    args: tuple[str, ...]
    result: str = field(default=UNKNOWN)

    @property
    def failed(self) -> bool:
        """Whether the call answered an error."""
        return self.result.startswith("-1")

    @property
    def returned(self) -> bool:
        """Whether the call came back at all."""
        return self.result not in (UNKNOWN, "?")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """The path that strace prints beside a file descriptor."""

    path: str
    deleted: bool


def read_lines(lines: Iterable[str]) -> Iterator[TracedCall]:
    """Yield the calls in the order in which they began.

    A call is yielded once its result is known and all earlier ones were yielded, so that a
    reader sees both the order and the results.
    """
    waiting: list[TracedCall] = []
    open_calls: dict[int, TracedCall] = {}
    for line in lines:
        if (head := _HEAD.match(line)) is None:
            _refuse_unless_notice(line)
            continue
        pid, name, rest = int(head[1]), head[2], line[head.end() :]
        if head[3] == "(":
            call = _begin(pid, name, rest)
            waiting.append(call)
            if _UNFINISHED in rest and call.result == UNKNOWN:
                open_calls[pid] = call
        elif (unfinished := open_calls.pop(pid, None)) is not None:
            unfinished.result = _split(rest)[1] or "?"
        if not open_calls:
            yield from waiting
            waiting.clear()
    yield from waiting


def open_file(argument: str) -> OpenFile | None:
    """Return the file behind a descriptor argument, or None when strace shows no path."""
    match = _OPEN_FILE.match(argument.strip())
    if match is None or not match[1].startswith("/"):
        return None
    path = unescape(match[1])
    deleted = match[2] is not None or path.endswith(_DELETED)
    return OpenFile(path=path.removesuffix(_DELETED), deleted=deleted)


def string(argument: str) -> str | None:
    """Return the text of a quoted argument, or None when the argument is something else."""
    match = _STRING.match(argument.strip())
    return None if match is None else unescape(match[1])


def unescape(text: str) -> str:
    """Undo the escapes of a C string; bytes that are no UTF-8 become what `os.fsdecode` makes."""
    return os.fsdecode(_ESCAPE.sub(_byte, text.encode("utf-8", "surrogateescape")))


def _byte(match: re.Match[bytes]) -> bytes:
    code: bytes = match[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF])
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    return _LETTERS.get(code, code)


def _begin(pid: int, name: str, rest: str) -> TracedCall:
    args, result = _split(rest)
    return TracedCall(pid=pid, name=name, args=args, result=result)


def _split(rest: str) -> tuple[tuple[str, ...], str]:
    """Return the arguments up to the closing bracket, and the result, if the line has one."""
    args: list[str] = []
    current: list[str] = []
    depth = 0
    end = len(rest)
    for part in _PARTS.finditer(rest):
        text = part[0]
        if text in ")]}" and depth == 0:
            end = part.end()
            break
        depth += (text in "([{") - (text in ")]}")
        if (text == "," and depth == 0) or text == _UNFINISHED:
            args.append("".join(current).strip())
            current.clear()
        else:
            current.append(text)
    if last := "".join(current).strip():
        args.append(last)
    return tuple(args), rest[end:].partition("=")[2].strip()


def _refuse_unless_notice(line: str) -> None:
    """Let pass what strace says about signals, exits and itself; anything else is an error."""
    body = line.lstrip("0123456789 ").rstrip()
    if body and not body.startswith(("+++", "---", "strace:", "[ Process", "#")):
        message = f"a line is in an unknown form: {line[:80]!r}"
        raise LineError(message)
