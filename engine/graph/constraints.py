"""The rules between rows: references lead somewhere, and no value comes too often.

They are held against what is live under the operation's locks, with all of its statements carried
out, so that a handle with an old view can break none, and statements may come in any order. Only
rows that the operation puts or takes away are looked at; the others were held when they came. It
never looks at a table that the operation has not locked.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from engine.graph.errors import CardinalityError, MissingReferenceError, StillReferencedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.graph.draft import Draft
    from engine.graph.schema import Schema


def check_constraints(schema: Schema, drafts: Mapping[str, Draft]) -> None:
    """Raise a `ConstraintError` if the tables, as they are to be, break a rule."""
    for key in sorted(drafts):
        draft = drafts[key]
        if draft.new:
            _check_references(draft, drafts)
            _check_at_most(draft)
        if draft.removed:
            _check_unreferenced(schema, draft, drafts)


def _check_references(draft: Draft, drafts: Mapping[str, Draft]) -> None:
    """Every new row refers to rows that are there."""
    for column, target in draft.table.references.items():
        known = drafts[target].rows
        for key, row in draft.new.items():
            if row[column] not in known:
                raise MissingReferenceError(draft.table.key, key, column, target, row[column])


def _check_at_most(draft: Draft) -> None:
    """No value of a new row comes too often in a bounded column."""
    for column, at_most in draft.table.at_most.items():
        counts = Counter(row[column] for row in draft.rows.values())
        for row in draft.new.values():
            count = counts[row[column]]
            if count > at_most:
                raise CardinalityError(
                    draft.table.key, column, row[column], count=count, at_most=at_most
                )


def _check_unreferenced(schema: Schema, draft: Draft, drafts: Mapping[str, Draft]) -> None:
    """No row refers to one that is gone."""
    removed = frozenset(draft.removed)
    for referrer, column in schema.referrers(draft.table.key):
        for key, row in drafts[referrer].rows.items():
            if row[column] in removed:
                raise StillReferencedError(draft.table.key, row[column], referrer, key)
