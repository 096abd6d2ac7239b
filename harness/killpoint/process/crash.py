"""Make the crashes of cases: by SIGKILL, or by stopping one recovery at each of its points.

A crash is what a case has left on disk after some of its steps, and what had been said by then.
By SIGKILL each step costs a process. In image mode one child runs the whole of a step's process,
stops at every point, and is photographed there: one run yields the images of all its points.
Both are the same moment: the point is reached, and the fault has not acted.

It never takes an image of a process with several threads for a crash: the others run on while one
stands still. It says so, and the step is made by SIGKILL.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from killpoint.case import Means, Phase, Step, processes_count
from killpoint.change import Change, changes_of
from killpoint.errors import PainlessError
from killpoint.fault import Fault
from killpoint.history import History
from killpoint.process.sameness import key_of
from killpoint.process.victim import FIRST_VICTIM
from killpoint.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from killpoint.failpoints import Hit
    from killpoint.image import Image
    from killpoint.process.child import ChildEnd
    from killpoint.process.hurt import Afterwards
    from killpoint.process.place import Place
    from killpoint.process.subject import Subject

REMEMBERED_BYTES_MAX = 64 * 1024 * 1024
# A small store's crash weighs more than its bytes, and every fork copies the map of all memory.
REMEMBERED_COUNT_MAX = 512
ALBUMS_MAX = 8
# The order of more hits than these is worth less than their photographs cost.
PHOTOGRAPHED_HITS_MAX = 2000

Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The state of things after some steps of a case: where it died and what had been said.

    `came_by` has the keys of the crashes after each step but the last; empty ones where the same
    process was struck once more.
    """

    image: Image
    history: History
    witness: Any
    struck: tuple[str, ...]
    ends: tuple[ChildEnd, ...]
    beside: tuple[str, ...] = ()
    means: Means = Means.SIGKILL
    note: str = ""
    came_by: tuple[tuple[str, str], ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """Return the ids of the images after each step."""
        return (*(image for image, _ in self.came_by), self.image.id)

    @property
    def parent_key(self) -> str:
        """Return the key of the crash whose recovery the last step struck, if it did."""
        return self.came_by[-1][1] if self.came_by else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a life begins with: the content of the store, and what deaths before it have shown."""

    image: Image
    witness: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """What is photographed: a recovery after `earlier` deaths, or the workload.

    `after` are errors that the workload meets first; it is photographed from then on.
    """

    recovery: bool
    earlier: Any = None
    after: Steps = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurt:
    """A workload whose storage failed: the content of the store then, and how its process ended."""

    image: Image | None
    end: ChildEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A process stopped at a hit: the store's content then, and the history so far."""

    hit: Hit
    image: Image
    history: History


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """All photographs of one process, by hit and by ordinal; `why_not` if it was unfit."""

    by_hit: dict[tuple[str, int], Photograph]
    in_order: tuple[Photograph, ...]
    witness: Any
    end: ChildEnd | None
    why_not: str = ""


NO_ALBUM = Album(by_hit={}, in_order=(), witness=None, end=None, why_not="points are outside")


@dataclass(frozen=True, slots=True)
class UnfitCrash(Exception):  # noqa: N818 -- a result, carried out of the middle of a case
    """A step that made no crash: why, and how its process ended."""

    reason: Reason
    detail: str
    end: ChildEnd


class Crashes:
    """Makes and remembers the crashes of one scenario."""

    def __init__(
        self,
        subject: Subject,
        place: Place,
        template: Image,
        afterwards: Callable[[Steps], Afterwards],
        witness: object = None,
    ) -> None:
        """Start every case from `template`; `afterwards` says what a hurt handle is asked.

        `witness` is what deaths before the template have shown.
        """
        self._subject = subject
        self._afterwards = afterwards
        self._place = place
        self._start = Crash(image=template, history=History(), witness=witness, struck=(), ends=())
        self._remembered: OrderedDict[tuple[Steps, Means], Crash] = OrderedDict()
        self._remembered_bytes = 0
        self._albums: OrderedDict[Steps, Album] = OrderedDict()
        self._turns: frozenset[str] | None = None

    def forget(self) -> None:
        """Make everything anew from here on, as a replay must."""
        self._remembered.clear()
        self._remembered_bytes = 0
        self._albums.clear()

    def make(self, steps: Steps, means: Means) -> Crash:
        """Return the crash that these steps make, the last one by `means`.

        Steps before the last are made by the same means. Raises `UnfitCrash`.
        """
        if not steps:
            return self._start
        known = self._remembered.get((steps, means))
        if known is not None:
            self._remembered.move_to_end((steps, means))
            return known
        crash = self._made(steps, means)
        self._remember((steps, means), crash)
        return crash

    def _made(self, steps: Steps, means: Means) -> Crash:
        earlier, _ = _parted(steps)
        if steps[-1].fault is not Fault.KILL:
            return self._hurt(steps, self.make(earlier, means))
        if means is Means.SIGKILL:
            return self._kill(steps, self.make(earlier, means))
        return self._photographed(steps)

    def changes(self, hits: tuple[Hit, ...]) -> tuple[Change, ...]:
        """Return what changed at each hit of the workload; nothing where photographs differ."""
        if len(hits) > PHOTOGRAPHED_HITS_MAX:
            return ()
        album = self._album((), self._start, Sitting(recovery=False))
        taken = album.in_order
        if album.why_not or tuple(each.hit for each in taken) != hits:
            return ()
        moments = ((each.image, each.history.acknowledged_count) for each in taken)
        changes = tuple(changes_of(self._start.image, moments))
        found = zip(taken, changes, strict=True)
        self._turns = frozenset(each.image.id for each, how in found if how is Change.TURN)
        return changes

    def dealt(self, crash: Crash) -> int | None:
        """Return a number for a crash at which a handle that stays open is tried in one way only.

        None is every way: where the store has turned, or nobody knows. Elsewhere nothing but what
        no name stands for yet has grown, and the ways are dealt out by the image itself.
        """
        if self._turns is None or crash.image.id in self._turns:
            return None
        return int(crash.image.id[:8], 16)

    def again(self, steps: Steps, means: Means) -> Crash:
        """Make the last step anew, a kill by SIGKILL, from what the processes before it left."""
        earlier = self.make(_parted(steps)[0], means)
        part = self._kill if steps[-1].fault is Fault.KILL else self._hurt
        return part(steps, earlier)

    def _hurt(self, steps: Steps, before: Crash) -> Crash:
        """Have the storage fail, and take what stands there once the operation has failed."""
        step, patient = steps[-1], self._subject.patient
        if patient is None:
            raise PainlessError
        self._place.restore(before.image)
        incarnation = FIRST_VICTIM + processes_count(_parted(steps)[0])
        if step.phase is Phase.RECOVER:
            root = self._place.root
            end = patient.hurt_recovery(root, step, incarnation, before.witness)
            struck = self._struck(end, step)
            content, history = self._place.capture(), before.history
            witness = _shown(before, content, (end.last("witness") or [None])[0])
        else:
            found = patient.hurt(self._place, step, incarnation, self._afterwards(steps))
            end = found.end
            struck = self._struck(end, step)
            if found.image is None:
                raise UnfitCrash(Reason.VERIFIER_DIED, f"the workload did not stop; {end.how}", end)
            content, history = found.image, self._subject.history(end)
            witness = before.witness
        return Crash(
            struck=(*before.struck, struck),
            image=content,
            history=history,
            witness=witness,
            ends=(*before.ends, end),
            beside=(*before.beside, *self._place.beside()),
            came_by=_came_by(before, _parted(steps)[1]),
            means=Means.ERROR,
        )

    def _kill(self, steps: Steps, before: Crash) -> Crash:
        step = steps[-1]
        earlier, own = _parted(steps)
        self._place.restore(before.image)
        root, incarnation = self._place.root, FIRST_VICTIM + processes_count(earlier)
        if step.phase is Phase.RUN:
            end = self._subject.run(root, own, incarnation)
            content, witness = self._place.capture(), before.witness
            history = self._subject.history(end)
        else:
            end = self._subject.recover(root, step, incarnation, before.witness)
            content, history = self._place.capture(), before.history
            witness = _shown(before, content, (end.last("witness") or [None])[0])
        return Crash(
            struck=(*before.struck, self._struck(end, step)),
            image=content,
            history=history,
            witness=witness,
            ends=(*before.ends, end),
            beside=(*before.beside, *self._place.beside()),
            came_by=_came_by(before, _parted(steps)[1]),
        )

    def _photographed(self, steps: Steps) -> Crash:
        """Take the crash from the album of the step's process, which is made if need be."""
        step = steps[-1]
        earlier, own = _parted(steps)
        before = self.make(earlier, Means.IMAGE)
        recovery = step.phase is Phase.RECOVER
        sitting = Sitting(recovery=recovery, earlier=before.witness, after=own[:-1])
        album = self._album(steps[:-1], before, sitting)
        if album.why_not or album.end is None:
            note = f"no image mode: {album.why_not}; made by SIGKILL" if album.why_not else ""
            return replace(self._kill(steps, before), note=note)
        photograph = (
            album.by_hit.get((step.point, step.occurrence))
            if step.point
            else next(iter(album.in_order[step.ordinal - 1 : step.ordinal]), None)
        )
        if photograph is None:
            where = f"{step.point or '#'}@{step.occurrence or step.ordinal} was not reached"
            raise UnfitCrash(Reason.NOT_FIRED, where, album.end)
        run = step.phase is Phase.RUN
        return Crash(
            struck=(*before.struck, f"{photograph.hit.point}@{photograph.hit.occurrence}"),
            image=photograph.image,
            history=photograph.history if run else before.history,
            witness=before.witness if run else _shown(before, photograph.image, album.witness),
            ends=(*before.ends, album.end),
            means=Means.IMAGE,
            came_by=_came_by(before, own),
        )

    def _album(self, steps: Steps, before: Crash, sitting: Sitting) -> Album:
        known = self._albums.get(steps)
        if known is not None:
            self._albums.move_to_end(steps)
            return known
        self._place.restore(before.image)
        processes = processes_count(steps) - bool(sitting.after)
        album = self._subject.photograph(self._place, FIRST_VICTIM + processes, sitting)
        self._albums[steps] = album
        if len(self._albums) > ALBUMS_MAX:
            self._albums.popitem(last=False)
        return album

    def _struck(self, end: ChildEnd, step: Step) -> str:
        """Return the point that the fault struck; raise when it did not, or not there."""
        where = f"{step.point}@{step.occurrence}" if step.point else f"hit {step.ordinal}"
        if end.timed_out:
            raise UnfitCrash(Reason.HUNG, f"the victim did not reach {where} in time", end)
        fired = self._subject.fired(end, step)
        if fired:
            return fired
        missed = end.last("missed")
        if missed is not None:
            raise UnfitCrash(Reason.NOT_FIRED, missed[0], end)
        raised = end.last("raised")
        if raised is not None:
            raise UnfitCrash(Reason.VICTIM_RAISED, f"{raised[0]}: {raised[1]}", end)
        raise UnfitCrash(Reason.NOT_FIRED, f"{where} was not reached; {end.how}", end)

    def _remember(self, key: tuple[Steps, Means], crash: Crash) -> None:
        self._remembered[key] = crash
        self._remembered_bytes += crash.image.size_bytes
        while len(self._remembered) > 1 and (
            self._remembered_bytes > REMEMBERED_BYTES_MAX
            or len(self._remembered) > REMEMBERED_COUNT_MAX
        ):
            _, dropped = self._remembered.popitem(last=False)
            self._remembered_bytes -= dropped.image.size_bytes


def _shown(before: Crash, image: Image, told: object) -> object:
    """Return what deaths have shown so far; one that changed nothing has shown nothing more.

    The next recovery reads the same directory, so it will be told the same as this one was. That
    makes the two crashes equal, and saves a sixth to a third of what depth 2 has to recover.
    """
    return before.witness if image.id == before.image.id else told


def _came_by(before: Crash, own: Steps) -> tuple[tuple[str, str], ...]:
    """Return the keys after each step but the last, of a crash that `own` steps made next."""
    if own[-1].phase is Phase.RECOVER:
        return (*before.came_by, key_of(before))
    return (("", ""),) * (len(own) - 1)


def _parted(steps: Steps) -> tuple[Steps, Steps]:
    """Part the steps of the last process from those of the processes before it."""
    if not steps or steps[-1].phase is Phase.RECOVER:
        return steps[:-1], steps[-1:]
    return (), steps
