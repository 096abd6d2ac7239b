"""A mutant: an engine in which one step is other than it was written.

A mutant lives in the children of a case only: what opens a store there plants it first. The warm
parent keeps the right engine. No file of an engine is touched, and no engine has a switch for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from scenarios.mutants import conditional, effect
from scenarios.planted.patch import PlantedSystem

if TYPE_CHECKING:
    from killpoint import Scenario


class Rule(StrEnum):
    """How a mutant differs from the engine."""

    NEGATED = "negated"  # a conditional decides the other way round
    SKIPPED = "skipped"  # a durable effect is not carried out
    DOUBLED = "doubled"  # it is carried out twice
    SWAPPED = "swapped"  # it comes after the durable effect that follows it
    SAME = "same"  # the code is compiled anew and nothing differs: it must survive


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutant. `name` is for good: it depends on the function or effect alone.

    `where` is the module of a conditional, or the store whose effect it is. `told` is the source
    of the conditional, or the verb of the effect.
    """

    name: str
    rule: Rule
    where: str
    told: str

    def plant(self) -> None:
        """Make the engine of this process the mutant; again changes nothing."""
        target = self.name.rpartition(" ")[0]
        match self.rule:
            case Rule.NEGATED:
                conditional.plant(self.where, target)
            case Rule.SAME:
                conditional.plant(self.where, target, negate=False)
            case Rule.SKIPPED:
                effect.plant(target, effect.skipped)
            case Rule.DOUBLED:
                effect.plant(target, effect.doubled)
            case Rule.SWAPPED:
                effect.plant(target, effect.swapped)


def mutated(scenario: Scenario, mutant: Mutant) -> Scenario:
    """Return the scenario with the mutant in it."""
    wrong = PlantedSystem(scenario.system, mutant.plant, effect.carry_out)
    return replace(scenario, system=wrong)


def of_conditionals(module: str) -> tuple[Mutant, ...]:
    """Return a mutant for each conditional of an engine's module."""
    return tuple(
        Mutant(name=f"{each.name} negated", rule=Rule.NEGATED, where=module, told=each.text)
        for each in conditional.every(module)
    )


def of_effects(store: str) -> tuple[Mutant, ...]:
    """Return the mutants of each durable effect of a store.

    A verb that may be repeated is not doubled: that its second time changes nothing is what the
    contract of storage says, and what its suite holds every backend to.
    """
    return tuple(
        Mutant(name=f"{name} {rule}", rule=rule, where=store, told=verb)
        for name, verb in effect.durable(store)
        for rule in (Rule.SKIPPED, Rule.DOUBLED, Rule.SWAPPED)
        if rule is not Rule.DOUBLED or verb in effect.ONCE
    )
