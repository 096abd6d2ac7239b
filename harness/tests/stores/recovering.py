"""A store whose recovery writes twice: enough to kill it in between, also with a second thread."""

import threading
from pathlib import Path
from time import monotonic_ns

from killpoint import Operation, PointSource, Ports, Scenario, functions
from killpoint.failpoints import declare, reach

INTENT = declare("recovering.after_intent", durable="the intent", pending="the put")
FIRST = declare("recovering.before_first", durable="the intent", pending="the put")
EARLY = declare("recovering.after_first", durable="the first half", pending="the put")
SECOND = declare("recovering.before_second", durable="the first half", pending="the put")


def put(root: Path) -> None:
    """Write an intent and leave the rest to the next opening."""
    (root / "intent").write_text("put")
    reach(INTENT)


def put_early(root: Path) -> None:
    """Do the same, and the first half: a death then leaves what one in the recovery leaves."""
    put(root)
    (root / "first").write_text("1")
    reach(EARLY)


def settle(root: Path) -> Path:
    """Carry out what was intended, in two halves that can be repeated."""
    if (root / "intent").exists():
        reach(FIRST)
        (root / "first").write_text("1")
        reach(SECOND)
        (root / "second").write_text("2")
        (root / "intent").unlink()
    return root


def settle_beside_a_thread(root: Path) -> Path:
    """Do the same while another thread is alive."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return settle(root)


def read(root: Path) -> bool:
    """Tell whether the put is there, whole or about to be."""
    return (root / "intent").exists() or (root / "second").exists()


def look(root: Path, earlier: object) -> dict[str, object]:
    """Return what stands, and what no two crashes have in common: the number of an inode."""
    before = earlier if isinstance(earlier, dict) else {}
    names = sorted({*before.get("names", []), *(path.name for path in root.iterdir())})
    return {"names": names, "inode": root.stat().st_ino, "moment": monotonic_ns()}


def names_of(witness: dict[str, object]) -> dict[str, object]:
    """Let the names last, and nothing else."""
    return {"names": witness["names"]}


class Signed:
    """A store whose recovery writes down which process of the case it is."""

    def prepare(self, root: Path, ports: Ports) -> None:
        """Begin with nothing."""

    def open(self, root: Path, ports: Ports) -> Path:
        """Settle, and sign what was settled."""
        waits = (root / "intent").exists()
        settle(root)
        if waits:
            (root / "signed").write_text(str(ports.incarnation))
        return root

    def observe(self, handle: Path) -> bool:
        """Tell whether the put is there."""
        return read(handle)

    def close(self, handle: Path) -> None:
        """Hold nothing."""


PUT = Operation("put", put)
DECLARED = frozenset({PointSource.DECLARED})
SCENARIOS = (
    Scenario(
        name="recovering.put",
        system=functions(open=settle, observe=read),
        operations=(PUT,),
        points=DECLARED,
    ),
    Scenario(
        name="recovering.early",
        system=functions(open=settle, observe=read),
        operations=(Operation("put", put_early),),
        points=DECLARED,
    ),
    Scenario(
        name="recovering.threads",
        system=functions(open=settle_beside_a_thread, observe=read),
        operations=(PUT,),
        points=DECLARED,
    ),
    Scenario(
        name="recovering.witnessed",
        system=functions(open=settle, observe=read),
        operations=(PUT,),
        witness=look,
        lasting=names_of,
        points=DECLARED,
    ),
    Scenario(name="recovering.signed", system=Signed(), operations=(PUT,), points=DECLARED),
)
