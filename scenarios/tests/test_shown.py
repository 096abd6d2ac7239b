"""Historical bugs that no campaign can meet are planted here, and a check is seen to go red.

A storage that is wrong by itself breaks the contract of all storages; what goes wrong without a
fault, or in the words of a refusal, is shown here. Every check is content with the right engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from engine.graph import DriftAdvice, DriftError, GraphError, constraints, drift, optimize, points
from engine.graph import graph as handles
from engine.graph.commit import commit_table
from engine.graph.draft import Draft
from engine.graph.manifest import Manifest
from engine.graph.sidecar import Sidecar, pending_sidecars
from engine.graph.store import Store
from engine.graph.table import read_version
from killpoint import Ports
from scenarios.graph.branched import WORK
from scenarios.graph.branches import LiveBranchedSystem
from scenarios.graph.live import FailedError
from scenarios.graph.optimize import ScatteredSystem
from scenarios.graph.pair import NotRefusedError, PairSystem, fill_behind, is_refused
from scenarios.graph.repair import commit_past_the_engine
from scenarios.graph.rows import people
from scenarios.graph.system import PERSON
from scenarios.planted.catalogue import SHOWN, Held
from scenarios.planted.patch import right

ROOT = Path(__file__).parents[2]
FIRST = Ports(incarnation=0, actor="first")
THEN = Ports(incarnation=1, actor="then")


class WrongAdviceError(Exception):
    """A handle was told to reopen, and there is nothing that an opening would settle."""


def advice_is_about_the_branch_that_drifted(root: Path) -> None:
    """Main has drifted by itself; what waits for recovery is a branch's."""
    system = LiveBranchedSystem()
    system.prepare(root, FIRST)
    live = system.open(root, THEN)
    with live.storage.failing(points.TABLE_COMMIT, 2):
        is_refused(FailedError, lambda: live.handle.on(WORK).insert(people("eve")))
    commit_past_the_engine(root, PERSON, emptied=False)
    try:
        live.handle.insert(people("gus"))
    except DriftError as refusal:
        if refusal.advice is not DriftAdvice.UNCOVERED:
            raise WrongAdviceError from refusal
        return
    raise NotRefusedError


def a_stale_handle_breaks_no_rule(root: Path) -> None:
    """The other handle has inserted as many edges as may be."""
    system = PairSystem()
    system.prepare(root, FIRST)
    fill_behind(system.open(root, THEN))


def what_was_optimized_can_be_written(root: Path) -> None:
    """Optimize, then write to a table that it moved."""
    system = ScatteredSystem()
    system.prepare(root, FIRST)
    handle = system.open(root, THEN)
    handle.optimize()
    handle.update(PERSON, ["bob"], {"age": 1})


def advise_by_table(planting: pytest.MonkeyPatch) -> None:
    """Take a sidecar about the table for one about the drift, whichever branch it is of."""

    def advise(store: Store, table: str, _ref: str) -> tuple[DriftAdvice, str]:
        for sidecar in pending_sidecars(store):
            if any(pin.table == table for pin in sidecar.pins):
                return DriftAdvice.COVERED, str(sidecar)
        return DriftAdvice.UNCOVERED, ""

    planting.setattr(drift, "_advise", advise)


def count_in_the_view(planting: pytest.MonkeyPatch) -> None:
    """Hold the new rows against what the handle has seen, not against what is live."""
    sound, check = right(handles, "work_of"), right(constraints, "_check_at_most")
    known: dict[str, Any] = {}

    def work_of(store: Store, *told: Any) -> Any:  # noqa: ANN401 -- as the right step
        known["store"], known["seen"] = store, told[3]
        return sound(store, *told)

    def check_at_most(draft: Draft) -> None:
        pin = known["seen"][draft.table.home]
        version = read_version(known["store"], draft.table, pin.version, pin.ref)
        viewed = Draft(known["store"], draft.table, version)
        for row in draft.new.values():
            viewed.put(row)
        check(viewed)

    planting.setattr(handles, "work_of", work_of)
    planting.setattr(constraints, "_check_at_most", check_at_most)


def optimize_unpublished(planting: pytest.MonkeyPatch) -> None:
    """Commit what was optimized, and tell no reader."""

    def carry(
        store: Store, base: Manifest, _: Sidecar, versions: Mapping[str, Iterable[Any]]
    ) -> Manifest:
        for version in chain.from_iterable(versions.values()):
            assert commit_table(store, points.TABLE_COMMIT, version)
        return base

    planting.setattr(optimize, "carry_through", carry)


Check = Callable[[Path], None]
Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("plant", "check", "red"),
    [
        (advise_by_table, advice_is_about_the_branch_that_drifted, WrongAdviceError),
        (count_in_the_view, a_stale_handle_breaks_no_rule, NotRefusedError),
        (optimize_unpublished, what_was_optimized_can_be_written, DriftError),
    ],
    ids=lambda one: one.__name__,
)
def test_a_check_goes_red_on_the_bug_that_it_is_for(
    plant: Plant,
    check: Check,
    red: type[GraphError],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the right engine it passes; on the wrong one it fails, and for that reason."""
    for name in ("right", "wrong"):
        (tmp_path / name).mkdir()
    check(tmp_path / "right")
    plant(monkeypatch)
    with pytest.raises(red):
        check(tmp_path / "wrong")


@pytest.mark.parametrize("one", SHOWN, ids=lambda one: one.row)
def test_what_is_said_to_be_shown_is_shown_by_a_test(one: Any) -> None:  # noqa: ANN401
    """The test exists, and what it plants does, in that file or in the one beside it."""
    path, _, name = one.test.partition("::")
    test, _, case = name.partition("[")
    home = ROOT / path
    assert f"\ndef {test}(" in home.read_text()
    planted = case.removesuffix("]").partition("-")[0]
    beside = home.with_name("wrong.py") if one.by is Held.CONTRACT else home
    assert f"{planted}(" in beside.read_text()
