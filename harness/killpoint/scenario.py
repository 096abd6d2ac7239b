"""What a user writes: a system, the operations of a workload, and what must hold after a crash.

    from pathlib import Path
    from killpoint import Operation, Scenario, functions

    put = Scenario(
        name="log.put",
        system=functions(open=Log, observe=lambda log: log.items()),
        operations=(Operation("put a", lambda log: log.put("a", 1)),),
    )

Nothing here is subclassed: a `System` is any object with the four methods. It never runs
anything; `killpoint.process` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from killpoint.errors import OnlyError
from killpoint.invariants import STANDARD_INVARIANTS, Invariant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

Handle = Any
State = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Who this process is within its case; clocks and ids are derived from it, never from chance.

    `incarnation` numbers the processes of one case from 1 (0 prepares); `actor` names the role.
    """

    incarnation: int
    actor: str


class System(Protocol):
    """How to prepare, open, observe and close the store under test. Stateless.

    `prepare` makes the store once; `open` reopens it, and recovery happens there; `observe`
    returns its logical content as plain data; all are called in forked children only.
    """

    def prepare(self, root: Path, ports: Ports) -> None:
        """Make the store in the empty directory `root`."""

    def open(self, root: Path, ports: Ports) -> Handle:
        """Open the store, recovering first whatever a crash left."""

    def observe(self, handle: Handle) -> State:
        """Return what a reader sees: dicts, lists, strings, numbers, bytes, None."""

    def close(self, handle: Handle) -> None:
        """Close the handle in good order."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the workload. When `apply` returns, the operation is acknowledged."""

    name: str
    apply: Callable[[Handle], object]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One operation on a store, and the state that it must lead to: its model."""

    name: str
    apply: Callable[[Handle], object]
    expect: Callable[[State], State]


class PointSource(StrEnum):
    """Where the points of a scenario come from."""

    DECLARED = "declared"
    PYTHON = "python"
    SYSCALLS = "syscalls"


DECLARED_AND_PYTHON = frozenset({PointSource.DECLARED, PointSource.PYTHON})


def no_witness(root: Path, earlier: object) -> object:
    """Look at nothing: for a system whose crashed directory needs no reading of its own."""
    del root, earlier
    return None


def all_of_it(witness: object) -> object:
    """Let all of a witness last."""
    return witness


def no_refusal(error: Exception) -> bool:
    """Accept no exception as a proper refusal."""
    del error
    return False


def no_parts(root: Path, ports: Ports) -> Mapping[str, Callable[[], object]]:
    """Have no parts: the store is read as a whole."""
    del root, ports
    return {}


def nothing_to_verify(_: Handle) -> None:
    """Have no check of one's own: whatever is read is checked when it is read."""


def nothing_to_see(_: Path) -> Iterable[str]:
    """Find nothing wrong with a crashed directory that nobody has reopened yet."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """System x workload x invariants, with a name.

    `operations` run in order in one process. `alphabet` are those that the fuzz strategy draws
    from, each with its model: one that cannot be done in a state must leave it as it is, and its
    `apply` takes the refusal for an answer. `invariants` are added to the standard ones.
    `follow_ups` are tried on the recovered store, `kept` on a handle that was open while another
    process died; there an operation may be refused, once, if `refused` accepts the exception.
    `witness` reads a crashed directory before anything reopens it, and returns plain data for the
    invariants; it is given what lasts of it from the death before, or None, and adds to that.
    `lasting` says what lasts: what judges only the recovery at hand, or differs between equal
    crashes as inode numbers do, must not, or no crash in a recovery is ever known to be equal.
    `examine` looks at the same directory and returns evidence of what is already wrong there.
    `describe` tells in the store's own words what stands in a directory, for `killpoint explain`.
    `points` says where kill points come from; a point that only native code passes needs
    `frozenset({PointSource.SYSCALLS})`. `without_errors` says why its storage is not made to fail,
    where what is legal then cannot be told from the states without fault; `without_damage` says the
    same of damage to its files. `parts` opens the store to read and returns what can be read apart
    from each other; `authority` are globs of the files on which all of it rests:
    damage to any other must leave some part readable. `verify` is the store's own check of its
    files, if it has one: with damage it is asked first, and raises what names the file.
    """

    name: str
    system: System
    operations: tuple[Operation | FollowUp, ...]
    alphabet: tuple[FollowUp, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    kept: tuple[FollowUp, ...] = ()
    refused: Callable[[Exception], bool] = no_refusal
    witness: Callable[[Path, object], object] = no_witness
    lasting: Callable[[Any], object] = all_of_it
    examine: Callable[[Path], Iterable[str]] = nothing_to_see
    describe: Callable[[Path], Iterable[str]] = nothing_to_see
    points: frozenset[PointSource] = DECLARED_AND_PYTHON
    deadline_s: float = 10.0
    without_errors: str = ""
    without_damage: str = ""
    parts: Callable[[Path, Ports], Mapping[str, Callable[[], object]]] = no_parts
    authority: tuple[str, ...] = ()
    verify: Callable[[Handle], object] = nothing_to_verify

    @property
    def all_invariants(self) -> tuple[Invariant, ...]:
        """Return the standard invariants and then this scenario's own."""
        return (*STANDARD_INVARIANTS, *self.invariants)


@dataclass(frozen=True, slots=True)
class FunctionSystem:
    """A `System` made of plain functions that need no ports."""

    open_store: Callable[[Path], Handle]
    observe_store: Callable[[Handle], State]
    prepare_store: Callable[[Path], object]
    close_store: Callable[[Handle], object]

    def prepare(self, root: Path, ports: Ports) -> None:
        """Call the user's function."""
        del ports
        self.prepare_store(root)

    def open(self, root: Path, ports: Ports) -> Handle:
        """Call the user's function."""
        del ports
        return self.open_store(root)

    def observe(self, handle: Handle) -> State:
        """Call the user's function."""
        return self.observe_store(handle)

    def close(self, handle: Handle) -> None:
        """Call the user's function."""
        self.close_store(handle)


def _nothing(_: object) -> None:
    """Do nothing: the default way to prepare and to close."""


def functions(
    *,
    open: Callable[[Path], Handle],  # noqa: A002 -- the name of the step it stands for
    observe: Callable[[Handle], State],
    prepare: Callable[[Path], object] = _nothing,
    close: Callable[[Handle], object] = _nothing,
) -> FunctionSystem:
    """Make a `System` of plain functions; `prepare` and `close` may be left out."""
    return FunctionSystem(
        open_store=open, observe_store=observe, prepare_store=prepare, close_store=close
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Any program as a system: a command that writes, and a command that checks.

    `{dir}` in both stands for the store's directory. The checker gets what the writer had
    printed before it died in the file that KILLPOINT_ACKNOWLEDGED names. It exits 0 when the
    store is right, 1 when it is wrong; anything else is undecided.
    """

    name: str
    command: str
    check: str
    prepare: str = ""
    deadline_s: float = 30.0
    environment: dict[str, str] = field(default_factory=dict)


def derived(scenario: Scenario | Program, only: tuple[int, ...]) -> Scenario | Program:
    """Return the scenario with these operations only, counted from 1; without any, all of it.

    Raises `OnlyError` when it does not have them; what a program does cannot be chosen from.
    """
    if not only:
        return scenario
    if isinstance(scenario, Program):
        raise OnlyError(scenario.name, only, 0)
    if only[-1] > len(scenario.operations):
        raise OnlyError(scenario.name, only, len(scenario.operations))
    return replace(scenario, operations=tuple(scenario.operations[each - 1] for each in only))
