"""The catalogue: what can be declared, and what a wrong name is answered."""

from __future__ import annotations

import pytest

from killpoint.failpoints import (
    DeclarationError,
    UnknownPointError,
    catalogue,
    declare,
    declare_effect,
    effects,
    find,
)
from tests.failpoints.probe import FIRST


@pytest.mark.parametrize("name", ["one", "Upper.case", "a..b", ".a", "a.b-c", "a.*", "1a.b", ""])
def test_a_name_is_lower_case_words_joined_by_dots(name: str) -> None:
    """Any other form would not fit into plans and tokens."""
    with pytest.raises(DeclarationError, match="is not a point name"):
        declare(name, durable="", pending="")


def test_an_equal_declaration_again_is_harmless() -> None:
    """A module may be loaded under two names."""
    again = declare(FIRST.name, durable="nothing", pending="all", allows=FIRST.allows)
    assert again == find("probe.first") == catalogue()["probe.first"]


def test_a_different_declaration_of_the_same_name_is_refused() -> None:
    """One name has one meaning."""
    with pytest.raises(DeclarationError, match=r"'probe\.first' is declared twice"):
        declare("probe.first", durable="something", pending="all", allows=FIRST.allows)


def test_an_effect_has_a_point_for_each_stage() -> None:
    """Stages are found by name; those named rare need not be reached in every campaign."""
    rare = frozenset({"after"})
    effect = declare_effect(
        "probe.put", "put", ("before", "after"), durable="d", pending="p", rare_stages=rare
    )
    assert effect["before"] == find("probe.put.before")
    assert [False, True] == [effect[stage].rare for stage in ("before", "after")]
    assert effects()["probe.put"] == effect
    with pytest.raises(KeyError):
        effect["during"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """And with nothing invented when none is near."""
    with pytest.raises(UnknownPointError, match=r"did you mean probe\.first"):
        find("probe.frist")
    with pytest.raises(UnknownPointError, match="no name is near it"):
        find("zzzzzz.qqqqq")


def test_the_catalogue_is_sorted() -> None:
    """Nothing that prints it depends on the order of imports."""
    assert sorted(catalogue()) == list(catalogue())
