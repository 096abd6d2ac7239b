"""What runs inside a forked child whose store was damaged at rest: it opens and reads it.

Damage is harmless, if what is read is what was written, or it is named: opening or reading raises
an error that names the file. What is read and is not what was written is silence about damage, the
worst of all. Where the scenario says of which parts its store consists, the parts that do not rest
on the file must still be read. It never writes, beyond what opening does.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from killpoint import failpoints
from killpoint.invariants import (
    DAMAGE_IS_NAMED,
    DAMAGE_STAYS_WHERE_IT_IS,
    NOTHING_WRONG_IS_READ,
    first_difference,
)
from killpoint.process import hurt, victim
from killpoint.process.child import plain
from killpoint.scenario import Ports

if TYPE_CHECKING:
    from pathlib import Path

    from killpoint.process.child import Channel
    from killpoint.scenario import Scenario

HARMLESS, NAMED = "harmless", "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the child is told: the file, all names that may stand for it, and what was written."""

    path: str
    names: tuple[str, ...]
    state: Any
    parts: dict[str, Any]
    incarnation: int


def read_parts(scenario: Scenario, root: Path, channel: Channel, incarnation: int) -> None:
    """Say what each part of the undamaged store holds."""
    failpoints.off()
    parts = scenario.parts(root, Ports(incarnation=incarnation, actor="parts"))
    channel.send("parts", {name: plain(read()) for name, read in parts.items()})


def look(scenario: Scenario, root: Path, channel: Channel, told: Told) -> None:
    """Judge what the store makes of the damage; says `answer`, `violation` and `verified`."""
    failpoints.off()
    whole_refused = _parts_stand(scenario, root, channel, told)
    if whole_refused and not any(fnmatchcase(told.path, each) for each in scenario.authority):
        channel.send("violation", DAMAGE_STAYS_WHERE_IT_IS, [whole_refused])
    answer = HARMLESS
    try:
        handle = scenario.system.open(root, Ports(incarnation=told.incarnation, actor="damaged"))
        scenario.verify(handle)
        seen = plain(scenario.system.observe(handle))
    except Exception as error:  # noqa: BLE001 -- any error may come out, and is looked at
        answer = NAMED
        _must_name(channel, "the store", error, told)
    else:
        if seen != told.state:
            difference = first_difference(told.state, seen)
            channel.send("violation", NOTHING_WRONG_IS_READ, [f"{told.path}: {difference}"])
        scenario.system.close(handle)
    channel.send("answer", answer)
    channel.send("verified")


def _parts_stand(scenario: Scenario, root: Path, channel: Channel, told: Told) -> str:
    """Read every part; return why none could be, or nothing."""
    if not told.parts:
        return ""
    try:
        parts = scenario.parts(root, Ports(incarnation=told.incarnation, actor="reader"))
    except Exception as error:  # noqa: BLE001 -- as above
        _must_name(channel, "opening to read", error, told)
        return f"nothing can be read: {victim.describe(error)}"
    refused = ""
    read_count = 0
    for name, read in parts.items():
        try:
            seen = plain(read())
        except Exception as error:  # noqa: BLE001 -- as above
            _must_name(channel, f"reading {name}", error, told)
            refused = f"nothing can be read: {victim.describe(error)}"
            continue
        read_count += 1
        if seen != told.parts.get(name):
            difference = first_difference(told.parts.get(name), seen)
            evidence = f"{told.path}: in {name}, {difference}"
            channel.send("violation", NOTHING_WRONG_IS_READ, [evidence])
    return "" if read_count else refused


def _must_name(channel: Channel, what: str, error: Exception, told: Told) -> None:
    said = str(error)
    if isinstance(error, hurt.BUGS) or not any(name in said for name in told.names):
        evidence = f"{what} raised {victim.describe(error)}, which does not name {told.path}"
        channel.send("violation", DAMAGE_IS_NAMED, [evidence])
