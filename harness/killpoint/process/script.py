"""Write the script that shows a kept failure without killpoint: the store's own functions, no more.

For a scenario it is `show.py`: it copies a kept crash into a temporary directory, opens it as a
user would, and compares what it finds with what the operations lead to without any crash. Where the
crash was one kill at a file-system call of Python code, it makes that crash itself, too. For a
program it is `show.sh`, which runs the user's check. Both exit with 1 when the failure shows, and
with 0 when it does not, and have at most 40 lines. It never runs a harness in them; what they take
from killpoint are the values that the user's own file takes, too, and their heads say so.
"""

from __future__ import annotations

import shlex
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from killpoint import invariants
from killpoint.case import Phase
from killpoint.fault import DAMAGES, PYTHON, Fault
from killpoint.history import Outcome
from killpoint.process.victim import FIRST_VICTIM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from killpoint.case import CaseResult, Step
    from killpoint.discovery import Origin
    from killpoint.scenario import Program, Scenario

LINES_MAX = 40
COLUMNS = 98
# Calls that name an open file, and those whose second path is what they change.
_BY_FILE = frozenset(
    {"write", "pwrite", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "fchmod"}
)
_TARGET_SECOND = frozenset({"rename", "replace", "link", "symlink"})

# What only a process shows that lived through it, or a file whose damage is known.
_LIVING = frozenset(
    {
        invariants.KEPT_HANDLE,
        invariants.ERRORS_ARE_TOLD,
        invariants.DAMAGE_IS_NAMED,
        invariants.DAMAGE_STAYS_WHERE_IT_IS,
    }
)
NOT_SHOWN = "No directory shows this failure, only a process that lived through it: replay it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script to write down: the name of its file, and its text."""

    name: str
    text: str


def shown_invariant(result: CaseResult) -> str:
    """Return the first violation that a kept directory can show; empty where there is none."""
    return next((v.invariant for v in result.violations if v.invariant not in _LIVING), "")


def shell_script(program: Program, result: CaseResult) -> Script:
    """Return the script of a program's failure whose directories are kept beside it."""
    return Script(name="show.sh", text="\n".join(_shell(program, result)) + "\n")


def python_script(scenario: Scenario, origin: Origin, result: CaseResult) -> Script:
    """Return the script of a scenario's failure; its operations are those of the whole one."""
    return Script(name="show.py", text="\n".join(_python(scenario, origin, result)) + "\n")


def plan_words(steps: tuple[Step, ...]) -> str:
    """Return in one line what strikes where."""
    words = []
    for step in steps:
        whose = "in recovery " if step.phase is Phase.RECOVER else ""
        where = f"{step.point}@{step.occurrence}" if step.point else f"hit {step.ordinal}"
        place = step.point.replace("+", "/") if step.fault in DAMAGES else where
        words.append(f"{whose}{step.fault.words} at {place}")
    return ", then ".join(words) or "no fault"


def history_words(result: CaseResult) -> Iterator[str]:
    """Return a line for each operation that was attempted."""
    for each in result.history.operations:
        detail = f" ({each.detail})" if each.detail else ""
        yield f"{each.name}: {each.outcome.value}{detail}"


def _shell(program: Program, result: CaseResult) -> Iterator[str]:
    yield "#!/bin/sh"
    for line in _head(program.name, result):
        yield f"# {line}".rstrip()
    yield "# The command was run in this directory; it had printed what is in printed.txt."
    yield 'here=$(cd "$(dirname "$0")" && pwd)'
    yield "top=$(mktemp -d) || exit 0"
    yield "trap 'rm -rf \"$top\"' EXIT"
    yield f'cp -a "$here/{_last(result)}" "$top/store" && cp "$here/printed.txt" "$top/printed"'
    yield 'cd "$(cat "$here/working-directory.txt")" || exit 2'
    yield 'export KILLPOINT_DIR="$top/store" KILLPOINT_ACKNOWLEDGED="$top/printed"'
    yield f"check={shlex.quote(program.check)}"
    yield "for turn in first second; do"
    yield '  sh -c "$(printf %s "$check" | sed "s|{dir}|$top/store|g")"'
    yield "  code=$?"
    yield '  echo "the $turn check ended with exit code $code"'
    yield '  [ "$code" = 1 ] && exit 1'
    yield "done"
    yield "exit 0"


def _python(scenario: Scenario, origin: Origin, result: CaseResult) -> list[str]:
    """Return the lines of `show.py`; it makes the crash itself where there is room to."""
    made = _call_to_die_at(result)
    lines = list(_lines(scenario, origin, result, made))
    return lines if len(lines) <= LINES_MAX else list(_lines(scenario, origin, result, None))


def _lines(
    scenario: Scenario, origin: Origin, result: CaseResult, made: Step | None
) -> Iterator[str]:
    name = shown_invariant(result)
    own = any(each.name == name for each in scenario.invariants)
    head = [line.replace("\\", "/").replace('"', "'") for line in _head(scenario.name, result)]
    yield f'"""{head[0]}'
    yield from head[1:]
    yield f'{origin.file.name} imports killpoint to declare its Scenario; no harness runs here."""'
    more = ", builtins, io, signal, _pyio" * (made is not None)
    yield f"import concurrent.futures, copy, importlib, multiprocessing, os, sys, tempfile{more}"
    yield "import subprocess, types; from pathlib import Path"
    yield f"sys.path.insert(0, {str(origin.home)!r})"
    yield origin.line
    if own:
        yield "from killpoint.history import History, OperationRecord, Outcome  # values only"
        yield "from killpoint.invariants import Reopened  # values only"
    operations = "scenario.operations"
    if result.case.only:
        operations = f"(scenario.operations[n - 1] for n in {list(result.case.only)})"
    yield from _SHARED.replace("OPERATIONS", operations).splitlines()
    yield "def look(root, references):  # reopen it and say what is wrong"
    yield from (f"    {line}" for line in _look(result, name, own=own))
    if made is not None:
        yield from _death(made)
    also = ', (made, "before")' if made is not None else ""
    yield 'references, wrong = apart(states, "before"), []'
    yield f'for work, source in [(look, "{_last(result)}"){also}]:'
    yield "    try: found = apart(work, source, references)"
    yield "    except Exception as error: found = [f'reopening raised {error!r}']"
    yield "    wrong = wrong if found is None else found"
    yield "    print(work.__name__, *(found or ['nothing is wrong']), sep=': ')"
    yield "sys.exit(bool(wrong))"


_SHARED = """\
def ports(number, actor): return types.SimpleNamespace(incarnation=number, actor=actor)
def apart(work, source, *told):  # on a copy of a kept directory, in a process of its own
    pool = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
    with tempfile.TemporaryDirectory() as top, pool:
        subprocess.run(["cp", "-a", Path(__file__).parent / source, f"{top}/store"], check=True)
        return pool.submit(work, Path(top, "store"), *told).result()
def states(root):  # what a reader sees before and after each operation, without any crash
    handle, seen = scenario.system.open(root, ports(1, "run")), []
    for apply in [lambda _: None, *(each.apply for each in OPERATIONS)]:
        apply(handle)
        seen.append(copy.deepcopy(scenario.system.observe(handle)))
    return seen"""


def _death(step: Step) -> Iterator[str]:
    """Yield the function whose child runs the operations and dies at the step's call."""
    call = step.point.removeprefix(PYTHON)
    if call in _BY_FILE:
        path = "os.readlink(f'/proc/self/fd/{a[0]}')"
    elif call == "open":
        path = "(os.path.abspath(os.fsdecode(a[0])) if a[1] & (os.O_CREAT | os.O_TRUNC) else '')"
    else:
        path = f"os.path.abspath(os.fsdecode(a[{int(call in _TARGET_SECOND)}]))"
    yield "def made(root, references):  # a call that never comes tells nothing"
    yield f"    def counted(*a, call=os.{call}, left=[{step.occurrence}], **k):"
    yield f"        left[0] -= {path}.startswith(str(root))"
    yield "        return call(*a, **k) if left[0] else os.kill(os.getpid(), signal.SIGKILL)"
    yield "    if (child := os.fork()) == 0:"
    yield f"        os.{call}, builtins.open, io.open = counted, _pyio.open, _pyio.open"
    # Whatever happens, the child ends here: it must not go on as its parent.
    yield "        try: states(root)"
    yield "        finally: os._exit(0)"
    yield "    return look(root, references) if os.WIFSIGNALED(os.waitpid(child, 0)[1]) else None"


def _look(result: CaseResult, name: str, *, own: bool) -> Iterator[str]:
    """Yield the body of the function that reopens a crash and returns what is wrong with it."""
    if name == invariants.CRASHED_STATE:
        yield "return list(scenario.examine(root))"
        return
    number = FIRST_VICTIM + result.case.processes_count
    if own:
        yield "witness = scenario.witness(root, None)"
    yield f'handle = scenario.system.open(root, ports({number}, "verify"))'
    yield "seen = copy.deepcopy(scenario.system.observe(handle))"
    if own:
        yield from _own_check(result, name)
        return
    legal = _legal(result)
    wrong = f"[] if seen in {legal} else [f'a reader sees {{seen!r}}; legal is {{{legal}!r}}']"
    more = list(_more_checks(name, number))
    if not more:
        yield f"return {wrong}"
        return
    yield f"wrong = {wrong}"
    yield "scenario.system.close(handle)"
    yield from more
    yield "return wrong"


def _more_checks(name: str, number: int) -> Iterator[str]:
    if name in {invariants.SAME_WHEN_REOPENED, invariants.UNTOUCHED_BY_REOPENING}:
        yield "files = lambda: {p: p.is_file() and p.read_bytes() for p in root.rglob('*')}"
        yield "before = files()"
        yield f'again = scenario.system.open(root, ports({number + 1}, "verify"))'
        yield "wrong += ['a reader sees another state'] * (scenario.system.observe(again) != seen)"
        yield "scenario.system.close(again)"
        yield "changed = before.items() ^ files().items()"
        yield "wrong += [f'reopening changed {path}' for path in {path for path, _ in changed}]"
    if name == invariants.FOLLOW_UP_WORKS:
        yield "for kind in scenario.follow_ups:"
        yield f'    handle = scenario.system.open(root, ports({number + 2}, "verify"))'
        yield "    try: kind.apply(handle)"
        yield "    except Exception as error: return [*wrong, f'{kind.name} raised {error!r}']"
        yield "    want, seen = kind.expect(seen), copy.deepcopy(scenario.system.observe(handle))"
        yield "    wrong += [f'{kind.name}: {seen!r}, not {want!r}'] if seen != want else []"
        yield "    scenario.system.close(handle)"
    if name == invariants.INSIDE_THE_ROOT:
        yield "wrong += [f'beside it stands {n}' for n in os.listdir(root.parent) if n != 'store']"


def _own_check(result: CaseResult, name: str) -> Iterator[str]:
    told = [(e.index, e.name, e.outcome.value, e.detail) for e in result.history.operations]
    struck = tuple(f"{step.point}@{step.occurrence}" for step in result.case.steps)
    failed = any(step.fault is not Fault.KILL for step in result.case.steps)
    yield f"told = {told!r}"
    yield "history = History(operations=tuple(OperationRecord("
    yield "    index=i, name=n, outcome=Outcome(o), detail=d) for i, n, o, d in told))"
    yield "view = Reopened(root=root, handle=handle, state=seen, references=tuple(references),"
    yield f"    history=history, witness=witness, struck={struck!r}, storage_failed={failed})"
    yield f"check = next(e.check for e in scenario.invariants if e.name == {name!r})"
    yield "return list(check(view))"


def _legal(result: CaseResult) -> str:
    """Return which of the states without crash are legal."""
    steps, history = result.case.steps, result.history
    if steps and steps[0].fault in DAMAGES:
        return "references[-1:]"
    done = history.acknowledged_count
    return f"references[{done}:{done + 1 + (history.open_ended is not None)}]"


def _head(name: str, result: CaseResult) -> Iterator[str]:
    """Yield what failed, and how the crash came about."""
    evidence = " ".join(each for v in result.violations for each in v.evidence)
    told = "; ".join(history_words(result))
    yield textwrap.shorten(f"{name}: {result.wrong}", COLUMNS, placeholder=" ...")
    for text in (f"The crash: {plan_words(result.case.steps)}. {told}", f"Found: {evidence}"):
        yield textwrap.shorten(text, COLUMNS, placeholder=" ...")


def _last(result: CaseResult) -> str:
    return f"crash-{len(result.case.steps)}" if result.case.steps else "before"


def _call_to_die_at(result: CaseResult) -> Step | None:
    """Return the one kill at a call of Python code that made the crash, if it was that."""
    steps = result.case.steps
    attempted = any(each.outcome is not Outcome.FAILED for each in result.history.operations)
    if len(steps) != 1 or steps[0].fault is not Fault.KILL or not attempted:
        return None
    return steps[0] if steps[0].point.startswith(PYTHON) else None
