"""What must hold of a crashed directory before anything recovers it; and what is noted there.

A reader may come at any moment, and every byte of the old state must stand somewhere until the
mutation is decided. What passes the seam here is nobody's business, so it is taken away for the
time being. It never opens for writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.kb import KbError, Mode
from killpoint import Ports, failpoints, image
from scenarios.kb import directory
from scenarios.kb.system import place_at, state_of

READER = Ports(incarnation=999, actor="reader")


def witness(root: Path, earlier: object) -> dict[str, Any]:
    """Return what a reader sees, every inode, and how each mutation that died stood, or stands."""
    before = earlier if isinstance(earlier, dict) else {}
    died = dict(before.get("died", {}))
    for journal in directory.journals(root):
        # A decision once seen must stand; an undecided one may still become one.
        died[journal["mutation"]] = journal["state"]
    waiting = (*directory.journals(root), *directory.given_up(root))
    covered = [entry["path"] for body in waiting for entry in body["entries"]]
    with unseen():
        place = place_at(root, READER, mode=Mode.READ_ONLY)
        try:
            seen = state_of(place.base)
        except KbError as refusal:
            seen = {"refused": str(refusal)}
        place.base.close()
    return {"died": died, "covered": covered, "inodes": directory.inodes(root), "seen": seen}


def died(witness: dict[str, Any]) -> dict[str, Any]:
    """Return what lasts of a witness: how each mutation that has died stood when it did."""
    return {"died": witness["died"]}


def crashed_directory_is_sound(root: Path) -> Iterable[str]:
    """Yield what a reader changed, and what of the old state stands nowhere any more."""
    before = image.capture(root)
    with unseen():
        place = place_at(root, READER, mode=Mode.READ_ONLY)
        place.base.quarantined()
        place.base.close()
    changed = image.difference(before, image.capture(root))
    if changed:
        yield f"a read-only opening changed the knowledge base: {changed.describe()}"
    for journal in (*directory.journals(root), *directory.given_up(root)):
        if journal["state"] not in directory.UNDECIDED:
            continue
        for path, digest, backup in directory.saved(root, journal):
            if not directory.has_content(backup, digest):
                yield f"the old content of {path} is not in its backup {backup.name}"


@contextmanager
def unseen() -> Iterator[None]:
    """Take the seam away for a block: what looks at a crash is no part of the case."""
    seam = failpoints.installed()
    failpoints.off()
    try:
        yield
    finally:
        if seam is not None:
            failpoints.install(seam)
