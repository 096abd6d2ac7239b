"""Nothing acknowledged is lost and nothing is half done, whatever resource is short, and when."""

from __future__ import annotations

import pytest

from engine.tests.scarce.resources import RESOURCES, missing
from engine.tests.scarce.running import SWEEPS, swept
from engine.tests.scarce.subjects import OPENING
from engine.tests.scarce.wrong import FINDS, WRONG

# `make scarce` sweeps every change, at every point. Here are two of each store, and of the points
# every thirty-first.
EVERY = 31
CHANGES = {"load", "add", OPENING}
HERE = [one for one in SWEEPS if one[1] in CHANGES]

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "a disk can be mounted")


@pytest.mark.parametrize("sweep", HERE, ids=" ".join)
def test_what_is_short_is_told_and_nothing_is_lost_or_half_there(
    sweep: tuple[str, str, str],
) -> None:
    """The change fails whole and says what helps; the handle or a reopening goes on."""
    found = swept(*sweep, every=EVERY)

    assert [] == found.wrong
    assert 0 < found.refused_count < found.trials_count or RESOURCES[sweep[2]].all_at_once
    assert found.refused
    assert found.went_on_count or sweep[1] == OPENING


@pytest.mark.parametrize("name", FINDS)
def test_a_wrong_step_is_noticed(name: str) -> None:
    """An engine that is wrong in one step only is found by the sweep that is named for it."""
    find = FINDS[name]
    found = swept(*find.sweep, name, every=5)

    assert any(find.said in each for each in found.wrong), found.wrong


def test_every_wrong_step_has_a_sweep_that_finds_it() -> None:
    """And there is none that nobody planted."""
    assert WRONG.keys() == FINDS.keys()
