"""What each call to the storage promises when it fails, and whether a record of errors agrees.

    python -m scenarios.fault_contracts [RECORD]

reads the record of `killpoint run --strategy error` and compares what every failure of every
effect came to with what is promised here. The pages of both stores show the same promises. An
effect that is not listed, and an answer that its promise leaves no room for, are wrong; answers
are compared in the workloads of plain operations, and elsewhere mean less. That
nothing is lost and that the audit is right is for the invariants to say: it never judges states.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import click

from killpoint.case import Answer
from killpoint.records import read_record
from killpoint.report.matrix import MatrixRow, matrix_of


class Promise(StrEnum):
    """What an operation whose call to the storage failed does, seen after reopening."""

    UNCHANGED = "fails whole: nothing has moved, and it can be done again at once"
    EITHER = "fails, and is there whole or not at all; recovery says which, and the audit once"
    HEALS = "has been done and says so; who comes next clears away what is left"
    LOUD = "fails for whoever needs the answer, and for nobody else"
    ANY = "fails, or goes on without it; what was done until then stands"


ALLOWED = {
    Promise.UNCHANGED: {Answer.UNCHANGED},
    Promise.EITHER: {Answer.UNCHANGED, Answer.DONE},
    Promise.HEALS: {Answer.WENT_ON, Answer.DONE},
    Promise.LOUD: {Answer.UNCHANGED, Answer.WENT_ON},
    Promise.ANY: {Answer.UNCHANGED, Answer.DONE, Answer.WENT_ON},
}

GRAPH = {
    Promise.UNCHANGED: (
        "format.exists", "format.read", "manifest.list", "table.exists",
        "fragment.put", "fragment.read", "index.put", "index.read", "schema.put",
        "sidecar.list", "temporary.list", "fork.list", "fork.reclaim",
        "cleanup.list_table", "cleanup.list_tables", "horizon.put", "horizon.read",
        "init.fence", "init.schema", "init.manifest", "init.format",
        "migrate.schema", "migrate.delete", "migrate.layout",
    ),
    Promise.EITHER: (
        "sidecar.put", "table.commit", "sidecar.confirm", "manifest.publish", "schema.read",
    ),
    Promise.HEALS: ("cleanup.fragment", "cleanup.versions", "temporary.delete"),
    Promise.LOUD: (
        "manifest.read", "table.read", "sidecar.read", "audit.list", "audit.put", "audit.read",
        "recovery.settle", "table.restore", "repair.restore",
    ),
    Promise.ANY: ("sidecar.delete",),
}  # fmt: skip
KB = {
    Promise.UNCHANGED: (
        "kb.init.fence", "kb.init.file", "kb.file.read", "kb.content.read", "kb.content.list",
        "kb.work.list", "kb.temporary.list", "kb.download.read", "kb.download.put", "kb.stage.put",
        "kb.journal.begin", "kb.journal.track", "kb.journal.read", "kb.blob.put", "kb.index.put",
        "kb.page.put", "kb.hash.put", "kb.document.put", "kb.audit.put", "kb.body.delete",
        "kb.publish.rename", "kb.publish.copy", "kb.backup.read",
    ),
    Promise.EITHER: ("kb.journal.commit",),
    Promise.HEALS: ("kb.discard.delete", "kb.discard.journal", "kb.download.delete"),
    Promise.LOUD: (
        "kb.drain.settle", "kb.journal.undo", "kb.journal.undone", "kb.restore.clone",
        "kb.undo.delete", "kb.quarantine.move", "kb.reap.delete", "kb.temporary.delete",
        "kb.backup.clone",
    ),
    Promise.ANY: (),
}  # fmt: skip
# Calls of the scenarios themselves, as another program would make them.
BESIDE = frozenset({"kb.log.put", "kb.stray.put", "kb.stray.delete"})
# Workloads of plain operations, each of which does one thing that a reader sees. Where an operation
# is several, or changes nothing, what was done cannot be told from what was not by its answer.
PLAIN = frozenset(
    {
        *(f"graph.load.{name}" for name in ("append", "merge", "overwrite")),
        *(f"graph.{name}" for name in ("insert", "update", "delete", "mutate", "indices")),
        *(f"graph.merge.{name}" for name in ("forward", "threeway", "conflict")),
        *(f"graph.apply.{name}" for name in ("add", "rename", "columns", "rules", "several")),
        *(f"kb.add.{name}" for name in ("short", "long", "edited")),
        *("graph.branch.write", "graph.withdraw", "kb.remove", "kb.recompile"),
    }
)
PROMISES = {
    name: promise for store in (GRAPH, KB) for promise, names in store.items() for name in names
}


def wrong_in(rows: Iterable[MatrixRow]) -> Iterator[str]:
    """Yield what a record shows that is not promised, a sentence an effect and workload."""
    for row in rows:
        name = row.whole.name
        promise = PROMISES.get(name)
        if name in BESIDE:
            continue
        if promise is None:
            yield f"{name}: nothing is promised of it; say what in scenarios/fault_contracts.py"
            continue
        for writer in row.writers:
            seen = {answer for answer, count in writer.counts if count}
            beyond = sorted(seen - {each.value for each in ALLOWED[promise]})
            if beyond and writer.name in PLAIN:
                told = f"it {promise.value}, and yet '{', '.join(beyond)}' was seen"
                yield f"{name} in {writer.name}: {told}"


def promised(store: dict[Promise, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield each promise of a store, and the effects that hold it."""
    for promise, names in store.items():
        if names:
            yield ", ".join(f"`{name}`" for name in sorted(names)), promise.value


def main() -> int:
    """Compare a record with the promises; return 0 when it agrees."""
    record = Path(sys.argv[1] if len(sys.argv) > 1 else "reports/latest")
    rows = matrix_of(read_record(record).rows())
    if not rows:
        click.echo(f"{record} holds no errors: run make errors first", err=True)
        return 1
    wrong = [*wrong_in(rows)]
    for sentence in wrong:
        click.echo(sentence)
    cases_count = sum(row.whole.cases_count for row in rows)
    click.echo(
        f"{cases_count:,} errors at {len(rows)} effects, {len(wrong)} beyond what is promised"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
