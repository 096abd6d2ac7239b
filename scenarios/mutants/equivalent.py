"""Mutants that nobody can notice, each with the reason why that is right.

A mutant of this list must be there, and must survive: an argument about one that was noticed is
wrong, and fails the run. So does one for a conditional of classification or decision, where none
may survive at all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """A mutant by its name, and why it does what the engine does."""

    name: str
    why: str


EQUIVALENTS: tuple[Equivalent, ...] = ()
