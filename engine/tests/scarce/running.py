"""Start a sweep in a process and a mount namespace of its own, and read what it says.

    python -m engine.tests.scarce.running

sweeps all that there is, at every point, and prints a line a sweep; it exits 1 if one is wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from engine.tests.scarce.resources import NAMESPACE, RESOURCES, missing
from engine.tests.scarce.subjects import OPENING, SUBJECTS
from engine.tests.scarce.sweep import Swept
from engine.tests.stores import ROOT

DEADLINE_S = 600
SWEEPS = tuple(
    (store, change, short)
    for store, subject in SUBJECTS.items()
    for change in (*subject.changes, OPENING)
    for short in RESOURCES
)


def swept(store: str, change: str, short: str, *planted: str, every: int = 1) -> Swept:
    """Run one sweep; that it ended is checked."""
    path = os.pathsep.join([str(ROOT / "harness"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    words = [store, change, short, str(every), *planted]
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-m", "engine.tests.scarce.sweep", *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return Swept(**json.loads(done.stdout))


def _main() -> int:
    """Sweep everything and print it."""
    if reason := missing():
        print(reason)  # noqa: T201 -- whoever started this reads it
        return 1
    wrong_count = 0
    for one in SWEEPS:
        found = swept(*one)
        wrong_count += len(found.wrong)
        told = f"{found.trials_count:4} trials  {found.refused_count:4} refused"
        lines = [f"{' '.join(one):26}{told}  {found.went_on_count:4} went on", *found.wrong]
        print("\n  wrong: ".join(lines), flush=True)  # noqa: T201 -- as above
    return 1 if wrong_count else 0


if __name__ == "__main__":
    sys.exit(_main())
