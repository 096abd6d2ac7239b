"""Take a resource from a store at every point of a change, and see what becomes of it.

    python -m engine.tests.scarce.sweep STORE CHANGE RESOURCE EVERY [WRONG STEP]

Runs in a mount namespace of its own, with one process a trial that changes the store and one that
opens it afterwards. A resource with an amount is short from the start, with one unit more in every
trial until the change needs no more; one that is all or none goes at the n-th point of the change,
for every n, or every second and so on, as EVERY says. What is said in the end is one line of JSON;
see `Swept`. It never ends before the last point, and a trial in which nothing was short is none.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

from engine.graph import GraphError
from engine.kb import KbError
from engine.storage import StorageError
from engine.tests.scarce.resources import RESOURCES, Resource, mount_disk, put_back
from engine.tests.scarce.subjects import OPENING, SUBJECTS, Subject
from engine.tests.scarce.wrong import WRONG
from killpoint import failpoints

NEVER = "kb.init.file.before=off"
OURS = (StorageError, GraphError, KbError)
ENOUGH = 3  # trials in a row in which nothing was short
EVIDENCE_MAX = 5
DEADLINE_S = 30

State = Any
Say = Callable[[str, Any], None]


@dataclass(slots=True, kw_only=True)
class Swept:
    """What came of a sweep.

    `refused` are the errors that were told, without repetition; `went_on_count` is how often the
    same handle could be written to once the resource was back.
    """

    trials_count: int = 0
    refused_count: int = 0
    went_on_count: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The states that a store may show: untouched, changed, and both after the follow-up."""

    before: State
    after: State
    followed: tuple[State, State]


class Sweep:
    """One store, one change, one resource."""

    def __init__(
        self, subject: Subject, change: str, short: Resource, disk: Path, every: int = 1
    ) -> None:
        """Make the store that every trial begins with, on a disk that is its own."""
        self._subject = subject
        self._change: Callable[[Any], object] = subject.changes.get(change, _nothing)
        self._opening = change == OPENING
        self._short = short
        self._every = every
        self._root = disk / "store"
        self._template = disk.parent / "template"
        self._swept = Swept()
        subject.make(self._template)
        if self._opening:
            self._die_in(next(iter(subject.changes.values())))
        self._known = self._look_without()

    def run(self) -> Swept:
        """Try every point."""
        idle_count = 0
        first, every = (1, self._every) if self._short.all_at_once else (0, 1)
        for number in count(first, every):
            idle = [self._trial(number, goes_on=goes_on) for goes_on in (True, False)]
            idle_count = idle_count + 1 if all(idle) else 0
            if idle_count == (1 if self._short.all_at_once else ENOUGH):
                return self._swept
        raise AssertionError

    def _trial(self, number: int, *, goes_on: bool) -> bool:
        """Take the resource once, and say whether nothing came of it.

        `goes_on`: the handle is used again afterwards; otherwise its process ends there.
        """
        self._fresh()
        told = _in_child(lambda say: self._struck(number, say, goes_on=goes_on))
        wrong = [put_back(self._root), *told.get("wrong", ["the process did not end"])]
        refused = str(told.get("refused", ""))
        if told.get("taken", True):
            self._swept.trials_count += 1
            later = _in_child(lambda say: self._reopened(told, say))
            wrong += later.get("wrong", ["the reopening did not end"])
        mode = "going on" if goes_on else "dying"
        known = {each.partition(": ")[2] for each in self._swept.wrong}
        found = [f"{number}, {mode}: {each}" for each in wrong if each and each not in known]
        self._swept.wrong += found[: EVIDENCE_MAX - len(self._swept.wrong)]
        self._swept.refused_count += bool(refused)
        self._swept.went_on_count += bool(told.get("followed"))
        if refused and refused not in self._swept.refused:
            self._swept.refused.append(refused)
        return not refused if not self._short.all_at_once else not told.get("taken", True)

    def _struck(self, number: int, say: Say, *, goes_on: bool) -> None:
        """Change the store while something is short; then go on with the handle, or do not."""
        wrong: list[str] = []
        refused = ""
        handle = None if self._opening else self._subject.open(self._root, 1)
        with Taking(self._short, self._root, number) as taking:
            try:
                if handle is None:
                    handle = self._subject.open(self._root, 1)
                else:
                    self._change(handle)
            except Exception as error:  # noqa: BLE001 -- any may come out, and is looked at
                refused = str(error)
                wrong += self._ill_told("the change", error)
            if taking.taken:
                wrong += self._while_short(handle, refused)
        say("refused", refused)
        say("taken", taking.taken)
        if goes_on and taking.taken:
            wrong.append(put_back(self._root))
            if handle is not None:
                wrong += self._afterwards(handle, refused, say)
        say("wrong", wrong)

    def _legal(self, refused: str) -> list[State]:
        """Return what may be seen after a change that was refused, or was not."""
        return [self._known.before, self._known.after] if refused else [self._known.after]

    def _while_short(self, handle: Any, refused: str) -> Iterator[str]:  # noqa: ANN401
        """Read with the handle, and with another that opens now, while the resource is short."""
        subject = self._subject
        readers: dict[str, Callable[[], Any]] = {
            "opened to read": lambda: subject.read_only(self._root)
        }
        if handle is not None:
            readers["the handle"] = lambda: handle
        for name, reader in readers.items():
            try:
                seen = self._subject.observe(reader())
            except Exception as error:  # noqa: BLE001 -- as above
                if self._short.readable:
                    yield f"{name} cannot read, while only writing needs what is short: {error}"
                yield from self._ill_told(f"{name}, while it is short", error)
            else:
                if seen not in self._legal(refused):
                    yield f"{name} shows a half, while it is short"

    def _afterwards(self, handle: Any, refused: str, say: Say) -> Iterator[str]:  # noqa: ANN401
        """Use the handle once the resource is back; a refusal must be ours and say so."""
        try:
            seen = self._subject.observe(handle)
            if seen not in self._legal(refused):
                yield "the handle shows a half, once it is back"
            self._subject.follow_up(handle)
            say("followed", "at once")
        except Exception as error:  # noqa: BLE001 -- as above
            if not isinstance(error, OURS):
                yield f"the handle raised {error!r}, once it is back"

    def _reopened(self, told: dict[str, Any], say: Say) -> None:
        """Open the store as the next process would; it must be whole, and work."""
        wrong: list[str] = []
        done_at_once = bool(told.get("followed"))
        legal = self._legal(told["refused"])
        if done_at_once:
            legal = list(self._known.followed[0 if told["refused"] else 1 :])
        handle = self._subject.open(self._root, 2)
        seen = self._subject.observe(handle)
        if seen not in legal:
            wrong.append(f"reopened it is neither before nor after; {told['refused']}")
        if not done_at_once:
            self._subject.follow_up(handle)
            if self._subject.observe(handle) not in self._known.followed:
                wrong.append("reopened and changed, it is not what it should be")
        handle.close()
        self._subject.open(self._root, 3).close()
        left = [
            str(path.relative_to(self._root))
            for top in self._subject.housekeeping
            for path in (self._root / top).rglob("*")
            if path.is_file()
        ]
        wrong += [f"left over: {left}"] if left else []
        say("wrong", wrong)

    def _ill_told(self, what: str, error: Exception) -> Iterator[str]:
        """Say what an error lacks: it is ours, and says what to do about what is short."""
        if not isinstance(error, OURS):
            yield f"{what} raised {error!r}"
        elif self._short.remedy not in str(error):
            yield f"{what}: no word of {self._short.remedy!r} in: {type(error).__name__}: {error}"

    def _fresh(self) -> None:
        """Put the store back to where every trial begins."""
        shutil.rmtree(self._root, ignore_errors=True)
        shutil.copytree(self._template, self._root)

    def _look_without(self) -> Known:
        """Do everything once with nothing short, here: what is imported late is imported now."""
        states: list[State] = []
        for change in (_nothing, self._change):
            self._fresh()
            handle = self._subject.open(self._root, 1)
            change(handle)
            states.append(self._subject.observe(handle))
            self._subject.follow_up(handle)
            states.append(self._subject.observe(handle))
            handle.close()
            self._subject.observe(self._subject.read_only(self._root))
        before, followed, after, followed_after = states
        return Known(before=before, after=after, followed=(followed, followed_after))

    def _die_in(self, change: Callable[[Any], object]) -> None:
        """Let a process die half way through a change, for an opening to settle."""
        child = os.fork()
        if not child:
            failpoints.arm(self._subject.half)
            change(self._subject.open(self._template, 1))
            os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == -signal.SIGKILL, "nobody died in the change that opening is to settle"


class Taking:
    """A resource that is taken for a block: at its beginning, or at the n-th hit on the way."""

    def __init__(self, short: Resource, root: Path, number: int) -> None:
        self._short = short
        self._root = root
        self._number = number
        self._hits_count = 0
        self.taken = False

    def __enter__(self) -> Self:
        if self._short.all_at_once:
            failpoints.arm(NEVER, observe=self._note)
        else:
            self._take(self._number)
        return self

    def __exit__(self, *_: object) -> None:
        failpoints.off()

    def _note(self, _: object) -> None:
        self._hits_count += 1
        if self._hits_count == self._number:
            self._take(0)

    def _take(self, left: int) -> None:
        self._short.take(self._root, left)
        self.taken = True


def _nothing(_: object) -> None:
    """Change nothing."""


def _in_child(work: Callable[[Say], None]) -> dict[str, Any]:
    """Do it in a forked process, and return what it said; one that raises has not ended."""
    hear, tell = os.pipe()
    child = os.fork()
    if not child:
        said: dict[str, Any] = {}
        signal.alarm(DEADLINE_S)
        try:
            work(said.__setitem__)
        except BaseException as error:  # noqa: BLE001 -- it is told, and makes the trial wrong
            said.setdefault("wrong", []).append(f"{type(error).__name__}: {error}")
        with os.fdopen(tell, "w") as pipe:
            json.dump(said, pipe)
        os._exit(0)
    os.close(tell)
    with os.fdopen(hear) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return dict(json.loads(text or "{}"))


if __name__ == "__main__":
    store, change, short, every, *planted = sys.argv[1:]
    for name in planted:
        WRONG[name]()
    with tempfile.TemporaryDirectory() as place:
        disk = Path(place) / "disk"
        disk.mkdir()
        mount_disk(disk)
        swept = Sweep(SUBJECTS[store], change, RESOURCES[short], disk, int(every)).run()
        print(json.dumps(asdict(swept)), flush=True)  # noqa: T201 -- who started it reads this
        os._exit(0)
