"""A branch of the graph, as a graph version shows it: which version of every table it sees.

A branch is known by the operation that made it, its id; its name can be had by another branch
after it. A table is inherited until the first write there, which begins a fork: a chain of
versions of its own, numbered on from the version that it began at, under the branch's id. A pin
says on which chain, its `ref`, a version stands. The main branch is always there, and its id is
its name. It never reads or writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.graph.table import GENESIS_OPERATION, MAIN

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePin:
    """A visible version of a table, the operation that made it, and the chain it stands on."""

    version: int
    operation_id: str
    ref: str = MAIN

    def to_fields(self) -> dict[str, Any]:
        """Return the JSON object that stands for it; the ref only of a fork."""
        fields: dict[str, Any] = {"version": self.version, "operation_id": self.operation_id}
        return fields if self.ref == MAIN else {**fields, "ref": self.ref}

    @staticmethod
    def from_fields(fields: dict[str, Any]) -> TablePin:
        """Read it back."""
        return TablePin(
            version=int(fields["version"]),
            operation_id=fields["operation_id"],
            ref=fields.get("ref", MAIN),
        )


UNWRITTEN = TablePin(version=0, operation_id=GENESIS_OPERATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One branch: its newest commit, what it sees, and the branches whose forks it may see.

    `rests_on` are the ids of the branches that it was made from, or that were merged into it, the
    main one apart: their forks stay for as long as it does, though they may be deleted themselves.
    """

    name: str
    id: str
    head: str
    tables: Mapping[str, TablePin]
    rests_on: tuple[str, ...] = ()

    def pin(self, table: str) -> TablePin:
        """Return the visible version of a table; the empty one if it was never written."""
        return self.tables.get(table, UNWRITTEN)

    def to_fields(self) -> dict[str, Any]:
        """Return the JSON object that stands for it; its name is the key that it has."""
        fields: dict[str, Any] = {
            "id": self.id,
            "head": self.head,
            "tables": {key: pin.to_fields() for key, pin in self.tables.items()},
        }
        return {**fields, "rests_on": [*self.rests_on]} if self.rests_on else fields

    @staticmethod
    def from_fields(name: str, fields: dict[str, Any]) -> Branch:
        """Read it back."""
        return Branch(
            name=name,
            id=fields["id"],
            head=fields["head"],
            tables={key: TablePin.from_fields(pin) for key, pin in fields["tables"].items()},
            rests_on=tuple(fields.get("rests_on", ())),
        )
