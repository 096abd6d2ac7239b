"""What must hold of every reopened graph store, beyond what holds of any store.

Each invariant says what it verifies and what it does not. Facts come from the files and from the
witness that was taken before anything reopened the directory, not from the engine's opinion.
They never change the store.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from killpoint import Invariant, Reopened, invariant
from killpoint.history import Outcome
from scenarios.graph import directory

if TYPE_CHECKING:
    from collections.abc import Iterable

FORWARD = "RolledForward"
BACK = "RolledBack"
RESIDUE_ALLOWED = ("fence", "graph.json", "horizon.json")
DISCARDED = "OrphanedBranchDiscarded"
RESIDUE_DIRECTORIES = ("audit", "manifest", "recovery", "schema", "tables", "tmp")


@invariant("manifest equals HEAD")
def manifest_equals_head(store: Reopened) -> Iterable[str]:
    """At rest every table's newest version is the one that the manifest pins.

    Verifies: each table and each fork of a branch that is there, by number, from the files, and
    that the handle says the same of its branch.
    Does not verify: the content of the versions, which is "all or nothing".
    """
    newest = directory.manifests(store.root)[-1]
    pins, heads = directory.pins(newest), directory.heads(store.root)
    for key in sorted(pins.keys() | heads.keys()):
        if directory.is_unreachable(newest, key):
            continue
        if pins.get(key, 0) != heads.get(key, 0):
            yield f"{key}: HEAD is {heads.get(key, 0)}, the manifest pins {pins.get(key, 0)}"
    seen = {k: pin["version"] for k, pin in newest["branches"]["main"]["tables"].items()}
    if store.handle.pins() != seen:
        yield f"the handle says {store.handle.pins()}, the newest manifest {seen}"


@invariant("no sidecar is left")
def no_sidecar_is_left(store: Reopened) -> Iterable[str]:
    """An opening for writing settles every dead operation.

    Verifies: the directory of sidecars. Does not verify: sidecars of live owners; none live here.
    """
    for operation in directory.sidecars(store.root):
        yield f"the sidecar of operation {operation} is still there"


def acknowledged_operations(store: Reopened) -> frozenset[str]:
    """Return the ids that acknowledgements named: an operation answers with its receipt."""
    answers = [
        each.detail for each in store.history.operations if each.outcome is Outcome.ACKNOWLEDGED
    ]
    return frozenset(each for each in store.witness if any(each in answer for answer in answers))


@invariant("acknowledged means settled")
def acknowledged_means_settled(store: Reopened) -> Iterable[str]:
    """When an operation is acknowledged, it is published and its sidecar is gone.

    Verifies: no sidecar that any death found pending belongs to an acknowledged operation.
    Does not verify: that its rows are there, which is "nothing acknowledged is lost"; nor anything
    once the storage has failed, for an operation whose sidecar cannot be deleted is whole, and is
    acknowledged: what finds the sidecar next settles it.
    """
    if store.storage_failed:
        return
    for operation in sorted(acknowledged_operations(store)):
        yield f"operation {operation} was acknowledged while its sidecar was pending"


@invariant("exactly one audit row")
def exactly_one_audit_row(store: Reopened) -> Iterable[str]:
    """Each operation that died armed has one audit row of the right kind, no other has any.

    Verifies: count, operation, kind of writer, and the decision against the rows that a reader
    sees: rolled forward if the operation in flight is visible, rolled back if not, or discarded
    if its branch is gone. Where the storage has failed, a handle may have settled an operation of
    its own: one row, too.
    Does not verify: the time in the row.
    """
    rows = directory.audit_rows(store.root)
    applied = store.applied_count
    visible = applied is not None and applied > store.acknowledged_count
    acknowledged = acknowledged_operations(store)
    alive = directory.branch_ids(store.root)
    for operation, kind in sorted(store.witness.items()):
        mine = [row for row in rows if row["operation_id"] == operation]
        if len(mine) != 1:
            yield f"operation {operation} has {len(mine)} audit rows, expected one"
            continue
        expected = FORWARD if visible or operation in acknowledged else BACK
        if mine[0]["decision"] == DISCARDED and mine[0]["branch"] not in alive:
            expected = BACK if expected == FORWARD else DISCARDED
        if mine[0]["decision"] != expected:
            yield f"operation {operation} is audited {mine[0]['decision']}; readers see {expected}"
        if mine[0]["kind"] != kind:
            yield f"operation {operation} is audited as {mine[0]['kind']}; it was {kind}"
    others = Counter(row["operation_id"] for row in rows)
    for operation, count in sorted(others.items()):
        if operation in store.witness:
            continue
        if not store.storage_failed:
            yield f"operation {operation} is audited, and it never died armed"
        elif count > 1:
            yield f"operation {operation} has {count} audit rows, expected one"


@invariant("the audit tells the outcomes")
def audit_tells_the_outcomes(store: Reopened) -> Iterable[str]:
    """An audit row's outcomes are the table versions that recovery really led to.

    Verifies: forward, every version that the operation committed is published and told; back,
    every table that it had moved is told with its restored version, and no other table.
    Does not verify: versions made by later operations.
    """
    for row in directory.audit_rows(store.root):
        own = {
            key: numbers
            for key, numbers in directory.own_versions(store.root, row["operation_id"]).items()
            if numbers
        }
        if row["decision"] == DISCARDED:
            own = {}  # whatever it had moved went with its branch
        told = {outcome["table"]: outcome for outcome in row["outcomes"]}
        name = f"operation {row['operation_id']} ({row['decision']})"
        if told.keys() != own.keys():
            yield f"{name}: it moved {sorted(own)}, the audit tells {sorted(told)}"
            continue
        for key, outcome in told.items():
            restored = outcome["to"] not in own[key]
            if restored is not (row["decision"] == BACK):
                yield f"{name}: {key} is told to be at {outcome['to']}, its own {own[key]}"


@invariant("the audit agrees with the lineage")
def audit_agrees_with_lineage(store: Reopened) -> Iterable[str]:
    """What the audit says of an operation is what the graph versions say of it.

    Verifies: one row an operation; forward if a graph version shows it, back if one shows it
    undone, and, without outcomes, back if none knows it, or discarded if none can, because its
    branch is gone; the same kind in both.
    Does not verify: that a row is there, which is "exactly one audit row".
    """
    rows, alive = directory.audit_rows(store.root), directory.branch_ids(store.root)
    published = {
        body["lineage"]["operation_id"]: body["lineage"] for body in directory.manifests(store.root)
    }
    told = [row["operation_id"] for row in rows]
    for operation in sorted({each for each in told if told.count(each) > 1}):
        yield f"operation {operation} is audited {told.count(operation)} times"
    for row in rows:
        lineage = published.get(row["operation_id"])
        name = f"operation {row['operation_id']} is audited {row['decision']}"
        if lineage is None:
            closed = DISCARDED if row["branch"] not in alive else BACK
            if row["decision"] not in {closed, BACK} or row["outcomes"]:
                yield f"{name} with {len(row['outcomes'])} outcomes; no graph version knows it"
        elif row["decision"] != lineage.get("decision", FORWARD):
            yield f"{name}; graph version {row['graph_version']} says {lineage['decision']}"
        elif row["kind"] != lineage["kind"]:
            yield f"{name} as {row['kind']}; its lineage row says {lineage['kind']}"


@invariant("HEAD moved as often as decided")
def head_moved_as_decided(store: Reopened) -> Iterable[str]:
    """A rollback moves each table that had moved exactly once more; nothing else moves a HEAD.

    Verifies: per table, an operation's own versions follow one upon the other, it is turned back
    once at most, and each restored version belongs to one rolled back operation.
    Does not verify: how many versions an operation needs.
    """
    back = {r["operation_id"] for r in directory.audit_rows(store.root) if r["decision"] == BACK}
    for key, bodies in directory.versions(store.root).items():
        last: dict[tuple[str, bool], int] = {}
        for body in bodies:
            restored = body.get("restores") is not None
            mark = (body["operation_id"], restored)
            if mark in last and (restored or body["version"] != last[mark] + 1):
                yield f"{key}: operation {mark[0]} moved HEAD twice"
            last[mark] = body["version"]
            if restored and mark[0] not in back:
                yield f"{key}: version {body['version']} restores, and nothing was rolled back"


@invariant("lineage is whole")
def lineage_is_whole(store: Reopened) -> Iterable[str]:
    """Every commit rests on what was the newest of its branch, and ids are unique.

    Verifies: the head of every branch through all graph versions, who moves it and from where; of
    a merge, that the commit it brings in is there, and was not in its branch before.
    Does not verify: that a merge brings in the right one, which its scenarios compare.
    """
    every = directory.manifests(store.root)
    rows = [body["lineage"] for body in every]
    ids = [row["commit_id"] for row in rows]
    if len(set(ids)) != len(ids):
        yield f"commit ids repeat: {ids}"
    for before, after in pairwise(every):
        yield from _misplaced(before, after)
    for row in rows:
        merged = row.get("merged_id")
        if merged is not None and merged not in ids:
            yield f"commit {row['commit_id']} merges {merged}, which nobody has published"
        if (merged is None) is (row["kind"] == "merge" and row.get("decision") != BACK):
            yield f"commit {row['commit_id']} is a {row['kind']} and merges {merged}"


def _misplaced(before: dict[str, Any], after: dict[str, Any]) -> Iterable[str]:
    """Yield what is wrong with one commit: its parent, or the head that it leaves."""
    row = after["lineage"]
    heads = {one["id"]: one["head"] for one in before["branches"].values()}
    parent = heads.get(row["branch"])
    if row["kind"] == "branch_create":
        parent = row["parent_id"] if row["parent_id"] in heads.values() else "a head"
    if row["parent_id"] != parent:
        yield f"commit {row['commit_id']} has parent {row['parent_id']}, expected {parent}"
    expected = {**heads, row["branch"]: row["commit_id"]}
    if row["kind"] == "branch_create":
        expected[row["branch"]] = row["parent_id"]
    if row["kind"] == "branch_delete":
        del expected[row["branch"]]
    found = {one["id"]: one["head"] for one in after["branches"].values()}
    if found != expected:
        yield f"graph version {after['version']} has heads {found}, expected {expected}"


@invariant("old versions read the same")
def old_versions_read_the_same(store: Reopened) -> Iterable[str]:
    """Every graph version that the workload had acknowledged reads as it did then.

    Verifies: reading by version for each acknowledged operation, content and all.
    Does not verify: versions that maintenance has removed; none does here.
    """
    committed = [
        body["version"]
        for body in directory.manifests(store.root)
        if body["lineage"].get("decision") != BACK
    ]
    first = len(committed) - 1 - (store.applied_count or 0)
    for count in range(store.acknowledged_count + 1):
        version = committed[first + count] if first + count < len(committed) else None
        if version is None:
            yield f"there is no graph version for the state after {count} operations"
        elif not _reads_as(store.handle.rows(version), store.references[count]):
            yield f"graph version {version} no longer reads as it did after {count} operations"


def _reads_as(rows: dict[str, Any], state: dict[str, Any]) -> bool:
    """Whether rows are those of a state, which may tell more than rows."""
    return all(rows[table] == state.get(table) for table in rows)


@invariant("no residue")
def no_residue(store: Reopened) -> Iterable[str]:
    """After an opening for writing nothing is left that no rule allows.

    Verifies: names at the root, and temporary files anywhere below it.
    Does not verify: fragments that no version refers to, which cleaning up is for.
    """
    for path in sorted(store.root.rglob("*")):
        name = path.relative_to(store.root).as_posix()
        top = name.split("/", maxsplit=1)[0]
        if top not in RESIDUE_ALLOWED and top not in RESIDUE_DIRECTORIES:
            yield f"{name} is left over"
        elif top == "tmp" and name != top:
            yield f"the temporary file {name} is left over"


INVARIANTS: tuple[Invariant, ...] = (
    manifest_equals_head,
    no_sidecar_is_left,
    acknowledged_means_settled,
    exactly_one_audit_row,
    audit_tells_the_outcomes,
    audit_agrees_with_lineage,
    head_moved_as_decided,
    lineage_is_whole,
    old_versions_read_the_same,
    no_residue,
)

# Where operations fail with their process alive and are settled by it, too, an audit row does not
# stand for a death; the other invariants hold.
INVARIANTS_OF_THE_LIVING = tuple(each for each in INVARIANTS if each is not exactly_one_audit_row)
