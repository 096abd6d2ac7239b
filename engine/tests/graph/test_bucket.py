"""The life of a load's sidecar in a bucket: deaths, errors and lost answers at every point of it.

The victims are real processes, and the bucket's server outlives them. What no test here shows is
a server that dies: it holds its objects in memory.
"""

from __future__ import annotations

import pytest

from engine import graph
from engine.graph import Decision, Mode, commit
from engine.storage import ForeignWriterError
from engine.tests.buckets import Buckets
from engine.tests.graph.bucket import (
    LOAD,
    Pair,
    assert_acknowledged_is_there,
    assert_recovers_to,
    attempt,
    errors_at,
    expected_of,
    make,
    recovery_hits,
    wait_for_object,
)
from engine.tests.stores import BOTH, CYD, EMPTY, PERSON, WORK, kill_at, open_store, start
from killpoint.failpoints import InjectedPanic, arm

BACK = recovery_hits(commits=1)
FORWARD = recovery_hits(commits=2)
LATE: dict[str, list[graph.Row]] = {PERSON: [CYD]}


@pytest.fixture
def url(buckets: Buckets) -> str:
    """Return the address of an empty store."""
    return make(buckets.url())


def _name(pair: Pair) -> str:
    return f"{pair[0]}@{pair[1]}"


@pytest.mark.parametrize("death", LOAD, ids=_name)
def test_a_death_at_any_point_of_a_load_is_recovered_all_or_nothing(url: str, death: Pair) -> None:
    """By SIGKILL; which of both is decided by what was visible then, and audited once if at all."""
    kill_at(url, "both", f"{death[0]}=kill@{death[1]}")
    assert_recovers_to(url, *expected_of(death))


@pytest.mark.parametrize(
    ("commits", "death"),
    [(1, death) for death in BACK] + [(2, death) for death in FORWARD],
    ids=lambda one: str(one) if isinstance(one, int) else _name(one),
)
def test_a_death_at_any_step_of_the_recovery_changes_no_decision(
    url: str, commits: int, death: Pair
) -> None:
    """The next one comes to the same end, with one audit row."""
    kill_at(url, "both", f"phase_b.after_commit=kill@{commits}")
    kill_at(url, "open", f"{death[0]}=kill@{death[1]}", incarnation=2)
    if commits == 1:
        assert_recovers_to(url, EMPTY, [Decision.ROLLED_BACK])
    else:
        assert_recovers_to(url, BOTH, [Decision.ROLLED_FORWARD])


@pytest.mark.parametrize("plan", errors_at(LOAD))
def test_an_error_at_any_point_of_a_load_loses_nothing_that_was_acknowledged(
    url: str, plan: str
) -> None:
    """Before a request it never happened; after it, only its answer was lost.

    The handle that met it goes on, then the store is reopened.
    """
    kept: list[graph.Graph] = []
    acknowledged = {"load": False, "late": False}
    with arm(plan) as armed:
        if attempt(lambda: kept.append(open_store(url, 1))):
            acknowledged["load"] = attempt(lambda: WORK["both"](kept[0]))
    assert armed.fired
    if kept:
        acknowledged["late"] = attempt(lambda: kept[0].insert(LATE))
        kept[0].close()
    assert_acknowledged_is_there(url, acknowledged)


def test_a_lost_answer_to_the_publish_is_found_to_be_ours(url: str) -> None:
    """The caller is told that it failed; the graph version stands, and nothing is done twice."""
    store = open_store(url, 1)
    with arm("manifest.publish.linked=raise(OSError, EIO)@1"):
        assert not attempt(lambda: WORK["both"](store))
    store.close()
    assert_recovers_to(url, BOTH, [Decision.ROLLED_FORWARD])


def test_a_publish_that_failed_is_healed_by_the_next_write(url: str) -> None:
    """Without reopening: both loads are there, and the first has its own name and audit row."""
    store = open_store(url, 1)
    with arm("phase_c.before_publish=raise(OSError, EIO)"):
        assert not attempt(lambda: WORK["both"](store))
    store.insert(LATE)
    assert {**BOTH, PERSON: [*BOTH[PERSON], CYD]} == store.rows()
    (row,) = store.audit()
    assert (Decision.ROLLED_FORWARD, 2) == (row.decision, row.graph_version)
    assert ((), store.pins()) == (store.pending(), store.heads())
    store.close()


def test_while_a_writer_lives_no_other_process_opens_to_write(url: str) -> None:
    """It is told so, readers see the state before, and when the writer dies it goes on."""
    with start(url, "both", "phase_b.after_commit=hang") as writer:
        wait_for_object(url, "versions/")
        with pytest.raises(ForeignWriterError, match="another process is the writer"):
            open_store(url, 2)
        assert EMPTY == open_store(url, 3, mode=Mode.READ_ONLY).rows()
        writer.kill()
    assert_recovers_to(url, EMPTY, [Decision.ROLLED_BACK])


def test_a_load_that_wrote_no_intent_is_noticed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """These checks go red on a store whose moved table no sidecar accounts for."""
    store = open_store(url, 1)
    monkeypatch.setattr(commit, "put_sidecar", lambda *_: None)
    with arm("phase_b.after_commit=panic@1"), pytest.raises(InjectedPanic):
        WORK["both"](store)
    monkeypatch.undo()
    store.close()
    with pytest.raises(AssertionError):
        assert_recovers_to(url, EMPTY, [])


def test_a_write_that_never_arrived_is_noticed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """These checks go red on a bucket that acknowledges a publish and forgets it."""
    store = open_store(url, 1)
    kind = type(store._view.store.storage._bucket)  # type: ignore[attr-defined]
    right = kind.put_new
    monkeypatch.setattr(
        kind, "put_new", lambda *given: given[1].startswith("manifest/") or right(*given)
    )
    assert attempt(lambda: WORK["both"](store))
    monkeypatch.undo()
    store.close()
    with pytest.raises(AssertionError):
        assert_acknowledged_is_there(url, {"load": True, "late": False})
