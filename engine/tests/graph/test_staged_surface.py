"""Writers stage and read; only the commit module moves a table or the manifest.

A walk over the source holds who may call a verb that writes, with which effect, and who may call
what moves HEAD. Both lists are exact and give a reason a module: one that is not in them stages
nothing and moves nothing. A run holds that each effect keeps to the files that it is for.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from pathlib import Path

import pytest

from engine.graph import Consent, Remedy
from engine.tests.graph.dead import commit_raw, versions_of
from engine.tests.stores import ADA_BOB, BOTH, CYD, KNOWS, PERSON, open_store
from killpoint.failpoints import arm, counting

GRAPH = Path(__file__).parents[2] / "graph"
WRITING = {
    "put", "put_if_absent", "put_if_match", "rename", "clone", "delete", "delete_all",
    "delete_prefix", "make_fence", "settle", "sweep",
}  # fmt: skip
MOVING = {"commit_table", "publish", "publish_whole", "publish_contended", "carry_through"}

# Who may write what: by module, the effects that it names, and why.
WRITES: dict[str, tuple[str, set[str]]] = {
    "staging": ("what nothing refers to yet", {"FRAGMENT_PUT", "INDEX_PUT"}),
    "sidecar": ("the intent", {"SIDECAR_PUT", "SIDECAR_CONFIRM", "SIDECAR_DELETE"}),
    "commit": ("the one module that moves HEAD and the manifest", {"effect", "MANIFEST_PUBLISH"}),
    "audit": ("what recovery did", {"AUDIT_PUT"}),
    "recovery": ("makes durable what it is going to judge by", {"RECOVERY_SETTLE"}),
    "sweep": ("half written files of dead writers", {"TEMPORARY_LIST"}),
    "genesis": (
        "a store that is none yet",
        {"FENCE_MAKE", "INIT_SCHEMA", "INIT_MANIFEST", "INIT_FORMAT"},
    ),
    "apply": ("a schema under its hash, which nothing names yet", {"SCHEMA_PUT"}),
    "migration": (
        "an older layout, before anybody can have opened it",
        {"MIGRATE_SCHEMA", "MIGRATE_LAYOUT", "MIGRATE_DELETE"},
    ),
    "horizon": ("what readers are told before cleanup removes anything", {"HORIZON_PUT"}),
    "forks": ("removes a fork that no branch can see", {"FORK_RECLAIM"}),
    "cleanup": ("removes what no version shows", {"CLEANUP_VERSIONS", "CLEANUP_FRAGMENT"}),
}

# Who may move what: by module, the movers of `commit` that it names, and why.
MOVES: dict[str, tuple[str, set[str]]] = {
    "work": ("a write, staged and with a sidecar", {"carry_through"}),
    "apply": ("a change of the schema, staged and with a sidecar", {"carry_through"}),
    "merge": ("a merge, staged and with a sidecar", {"carry_through"}),
    "branches": ("a branch more or less, which moves no table", {"publish_contended"}),
    "optimize": ("maintenance, staged and with a sidecar", {"carry_through"}),
    "recovery": ("restores and publishes for a dead owner", {"commit_table", "publish"}),
    "repair": ("for what no owner accounts for", {"commit_table", "publish"}),
    "migration": ("the first manifest of the new layout", {"publish_whole"}),
}


def _written(source: str) -> set[str]:
    """Return the effects that a module hands to verbs that write; `?` where that cannot be told."""
    found: set[str] = set()
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):  # a call comes before what it consists of
        match node:
            case ast.Call(func=ast.Attribute(attr=verb, value=owner) as called) if (
                verb in WRITING and _is_storage(owner)
            ):
                found.add(ast.unparse(node.args[0]).split(".")[-1] if node.args else "?")
                told.add(id(called))
            case ast.Attribute(attr=verb, value=owner) if verb in WRITING and _is_storage(owner):
                found |= set() if id(node) in told else {"?"}
            case ast.Call(func=ast.Name(id="getattr"), args=[owner, *_]) if _is_storage(owner):
                found.add("?")
            case _:
                continue
    return found


def _is_storage(node: ast.expr) -> bool:
    """Whether an expression is a storage, as all code here calls it."""
    return ast.unparse(node).split(".")[-1].removeprefix("_") == "storage"


def _moved(source: str) -> set[str]:
    """Return the movers that a module names, however it imports them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(names=names):
                found |= {name.name for name in names}
            case ast.Attribute(attr=name) | ast.Name(id=name):
                found.add(name)
            case _:
                continue
    return found & MOVING


def _modules() -> dict[str, str]:
    found = {path.stem: path.read_text() for path in sorted(GRAPH.glob("*.py"))}
    assert {"commit", "planning", "draft"} <= found.keys(), "these are not the modules"
    return found


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("def plan(store):\n    store.storage.put(points.SIDECAR_PUT, p, d)", {"SIDECAR_PUT"}),
        ("storage.put_if_absent(points.TABLE_COMMIT, path, data)", {"TABLE_COMMIT"}),
        ("put = self._store.storage.put_if_absent", {"?"}),
        ("getattr(store.storage, 'put')(effect, path, data)", {"?"}),
        ("store.storage.get(points.TABLE_READ, path)", set()),
    ],
)
def test_the_walk_sees_a_writer(sample: str, expected: set[str]) -> None:
    """By the effect that it names, and also where it takes the verb aside."""
    assert expected == _written(sample)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("from engine.graph.commit import commit_table as c", {"commit_table"}),
        ("from engine.graph import commit\ncommit.publish(store)", {"publish"}),
        ("from engine.graph.work import run", set()),
    ],
)
def test_the_walk_sees_a_mover(sample: str, expected: set[str]) -> None:
    """Under another name, and through its module."""
    assert expected == _moved(sample)


def test_only_those_write_who_have_a_reason() -> None:
    """Exactly these effects in exactly these modules: planners and statements write nothing."""
    found = {name: effects for name, text in _modules().items() if (effects := _written(text))}
    assert {name: effects for name, (_, effects) in WRITES.items()} == found


def test_only_those_move_head_who_have_a_reason() -> None:
    """Whoever else has something to publish hands it to one of them."""
    found = {
        name: movers
        for name, text in _modules().items()
        if name != "commit" and (movers := _moved(text))
    }
    assert {name: movers for name, (_, movers) in MOVES.items()} == found


PLACES = {
    "fragment.put": r"tables/[^/]+/data/[^/]+\.arrow",
    "index.put": r"tables/[^/]+/index/[^/]+\.json",
    "table.commit": r"tables/[^/]+/(versions|forks/[^/]+)/\d{20}\.json",
    "table.restore": r"tables/[^/]+/(versions|forks/[^/]+)/\d{20}\.json",
    "repair.restore": r"tables/[^/]+/(versions|forks/[^/]+)/\d{20}\.json",
    "manifest.publish": r"manifest/\d{20}\.json",
    "sidecar.put": r"recovery/[^/]+\.json",
    "sidecar.delete": r"recovery/[^/]+\.json",
    "audit.put": r"audit/[^/]+\.json",
    "horizon.put": r"horizon\.json",
    "cleanup.versions": r"tables/[^/]+/(versions|forks/[^/]+)/\d{20}\.json",
    "cleanup.fragment": r"tables/[^/]+/(data|index)/[^/]+",
}


def test_every_effect_keeps_to_its_files(root: Path) -> None:
    """What is declared as staged moves nothing, whatever path its caller could have given it."""
    with counting() as tally:
        _do_everything(root)
    seen: set[str] = set()
    for hit in tally.hits:
        effect, _, stage = hit.point.rpartition(".")
        if effect in PLACES and stage == "before":
            seen.add(effect)
            assert re.fullmatch(PLACES[effect], hit.footprint), hit
    assert PLACES.keys() == seen


def _do_everything(root: Path) -> None:
    """Write, fail in the middle, recover, drift, repair, optimize and clean up."""
    store = open_store(root, 1)
    store.insert(BOTH)
    with arm("phase_b.after_commit=raise(OSError, EIO)@1"), suppress(OSError):
        store.insert({PERSON: [CYD], KNOWS: [{**ADA_BOB, "id": "again"}]})
    store = open_store(root, 2)
    commit_raw(root, PERSON, 2, "foreign")
    path = versions_of(root, PERSON) / f"{2:020d}.json"
    path.write_bytes(path.read_bytes()[:-3])
    store.repair(Remedy.RESTORE, Consent.FORCE)
    store.update(PERSON, ["ada"], {"age": 1})
    store.optimize()
    assert {} == store.cleanup(keep_count=1).skipped
