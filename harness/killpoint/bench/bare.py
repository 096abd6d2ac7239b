"""What a case consists of, without the harness: two processes, the workload, recovery, checks.

The victim runs the workload and kills itself after an operation; the verifier reopens the store,
checks it, reopens it again and does one operation more: the same calls of the system under test
and the same checks, in the same order, as `killpoint.process` makes. There is no pipe, no seam, no
image and no deadline. Both are forked from a warm process, or started as fresh interpreters by
`python -m killpoint.bench.bare`. It never tells why a check failed, only that one did.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from killpoint import discovery
from killpoint.bench.ratio import Cost
from killpoint.history import History, OperationRecord, Outcome
from killpoint.invariants import Reopened
from killpoint.scenario import Ports

if TYPE_CHECKING:
    from killpoint.scenario import Scenario

FIRST = 1
WRONG = 1
CODES = (-signal.SIGKILL, 0)  # of the two processes, when all goes as it should


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the verifier must know: the legal states, and after how many operations to die."""

    references: tuple[Any, ...]
    killed_after: int


def fork_case(scenario: Scenario, root: Path, facts: Facts) -> tuple[Cost, tuple[int, int]]:
    """Kill a forked victim, judge in a second fork; return their cost and exit codes."""
    started = time.perf_counter()
    victim = os.fork()
    if victim == 0:
        work(scenario, root, facts.killed_after)
    _, died = os.waitpid(victim, 0)
    between = time.perf_counter()
    verifier = os.fork()
    if verifier == 0:
        _exit_with_judgement(scenario, root, facts)
    _, judged = os.waitpid(verifier, 0)
    ended = time.perf_counter()
    cost = Cost(victim_s=between - started, verifier_s=ended - between)
    return cost, (os.waitstatus_to_exitcode(died), os.waitstatus_to_exitcode(judged))


def work(scenario: Scenario, root: Path, killed_after: int) -> None:
    """Run the workload, and SIGKILL this process after that many operations; never returns."""
    try:
        handle = scenario.system.open(root, Ports(incarnation=FIRST, actor="run"))
        for number, operation in enumerate(scenario.operations, start=1):
            operation.apply(handle)
            if number == killed_after:
                os.kill(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(WRONG)


def _exit_with_judgement(scenario: Scenario, root: Path, facts: Facts) -> None:
    code = WRONG
    try:
        code = 0 if judge(scenario, root, facts) else WRONG
    finally:
        os._exit(code)


def judge(scenario: Scenario, root: Path, facts: Facts) -> bool:
    """Reopen, check, reopen, go on: what the verifier asks of a store; tell whether all holds."""
    system = scenario.system
    witness = scenario.witness(root, None)
    sound: bool = not list(scenario.examine(root))
    handle = system.open(root, Ports(incarnation=FIRST + 1, actor="verify"))
    state = system.observe(handle)
    view = Reopened(
        root=root,
        handle=handle,
        state=state,
        references=facts.references,
        history=_history(scenario, facts.killed_after),
        witness=witness,
    )
    sound &= not any(list(each.check(view)) for each in scenario.all_invariants)
    system.close(handle)
    handle = system.open(root, Ports(incarnation=FIRST + 2, actor="verify"))
    sound &= system.observe(handle) == state
    system.close(handle)
    for kind in scenario.follow_ups[:1]:
        handle = system.open(root, Ports(incarnation=FIRST + 3, actor="verify"))
        kind.apply(handle)
        expected = kind.expect(state)
        sound &= system.observe(handle) == expected
        system.close(handle)
        handle = system.open(root, Ports(incarnation=FIRST + 4, actor="verify"))
        sound &= system.observe(handle) == expected
        system.close(handle)
    return sound


def _history(scenario: Scenario, killed_after: int) -> History:
    """Return the history of a victim that died after an operation and before it was heard."""
    return History(
        operations=tuple(
            OperationRecord(
                index=index,
                name=operation.name,
                outcome=Outcome.IN_FLIGHT if index == killed_after - 1 else Outcome.ACKNOWLEDGED,
            )
            for index, operation in enumerate(scenario.operations[:killed_after])
        )
    )


def main() -> None:
    """Do one half of a case in this interpreter: FILE NAME ROOT FACTS, then `work` or `judge`."""
    file, name, root, facts_file, half = sys.argv[1:]
    scenario: Any = discovery.load((Path(file),))[name]
    facts = msgspec.msgpack.decode(Path(facts_file).read_bytes(), type=Facts)
    if half == "work":
        work(scenario, Path(root), facts.killed_after)
    sys.exit(0 if judge(scenario, Path(root), facts) else WRONG)


if __name__ == "__main__":
    main()
