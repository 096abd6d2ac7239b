"""Wrong knowledge bases, wrong in how a mutation is ended: taken back, given up, settled, reaped.

Each is a mistake that was once made, as it would look here. A plant replaces a function of the
engine in the process that calls it; it never changes what is on disk by itself.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.kb import drain, journal, layout, mutation, operations, points, section
from engine.kb import kb as handles
from engine.kb.errors import DamagedFileError
from engine.kb.journal import parse_journal
from engine.kb.operations import Result, Status
from engine.kb.section import Section
from killpoint import invariants
from scenarios.kb import invariants as own
from scenarios.planted.kb import bug
from scenarios.planted.patch import Search, planted, put, right

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.kb.converter import Source
    from engine.kb.drain import Pending
    from engine.kb.journal import Journal
    from engine.kb.kb import Kb
    from engine.kb.mutation import Plan
    from engine.kb.operations import OnFailure
    from engine.kb.store import Store

_log = logging.getLogger(__name__)
NEVER = 1_000_000
# What Python says of the name that is not bound; any other mistake is a slip of the patch.
UNBOUND = "cannot access local variable 'unreadable'"


def drain_for_adds_only() -> None:
    """Let a removal take the lock without settling what the dead left; an add settles it later."""

    def remove(self: Kb, name: str) -> None:
        store = self._store
        with section.undrained(store):
            operations.remove(Section(store, ()), name)

    put(handles.Kb, "remove", remove)


def name_what_was_not_read() -> None:
    """Log a journal that cannot be read by a name that is bound only when it can."""

    def free(target: str, standing: Sequence[str]) -> str:
        del standing
        try:
            unreadable = parse_journal(target, b"", "")
        except DamagedFileError:
            _log.warning("%s cannot be read", unreadable.name)  # type: ignore[possibly-undefined]
        return target

    put(drain, "_free", free)


def retry_for_ever() -> None:
    """Never give an undoing up, however often it has failed."""
    for module in (drain, journal):
        put(module, "ATTEMPTS_MAX", NEVER)


def keep_what_a_failed_save_made() -> None:
    """Forget a mutation that did not begin and leave its backups, which no drain reaps."""
    sound = right(drain, "_reap")

    def forget(store: Store, unbegun: Journal, plan: Plan) -> None:
        store.storage.delete(points.JOURNAL_DELETE, unbegun.path)
        count = len(plan.staged)
        staged = tuple(layout.staged_path(unbegun.mutation, number) for number in range(count))
        store.storage.delete_all(points.DISCARD_DELETE, staged)

    def reap(store: Store, pending: Pending, kept: Sequence[str]) -> None:
        standing = tuple(path for path in pending.standing if ".backup." not in path)
        sound(store, replace(pending, standing=standing), kept)

    put(mutation, "_forget", forget)
    put(drain, "_reap", reap)


def reap_nothing() -> None:
    """Leave the backups and staged files of mutations that never began."""
    put(drain, "_reap", lambda *_: None)


def commit_without_a_mark() -> None:
    """Clear away what was saved while the journal still says active."""
    sound = right(mutation, "put_journal")

    def put_unless_committed(store: Store, effect: object, written: Journal) -> object:
        return written if effect is points.JOURNAL_COMMIT else sound(store, effect, written)

    put(mutation, "put_journal", put_unless_committed)


def take_back_for_exceptions_only() -> None:
    """Undo what failed, and leave what an interrupt has ended as it is."""
    sound = right(mutation, "_take_back")

    def take_back(
        held: Section,
        begun: Journal,
        plan: Plan,
        cause: BaseException,
        how: Callable[[Store, Journal, Plan], None],
    ) -> None:
        if isinstance(cause, Exception):
            sound(held, begun, plan, cause, how)

    put(mutation, "_take_back", take_back)


def go_on_after_what_could_not_be_undone() -> None:
    """Take a failed undoing for any failure of a document, and go on with the next."""

    def add_all(held: Section, sources: Iterable[Source], _: OnFailure) -> tuple[Result, ...]:
        results: list[Result] = []
        for source in sources:
            try:
                results.append(operations.add(held, source))
            except Exception as failure:  # noqa: BLE001 -- which is the mistake
                held.settled()
                failed = Result(status=Status.FAILED, document=source.name, reason=str(failure))
                results.append(failed)
        return tuple(results)

    put(operations, "add_all", add_all)


BUGS = (
    bug(
        drain_for_adds_only,
        "only an add settles what the dead left, and so undoes a removal that came between",
        invariants.KEPT_HANDLE,
        "kb.add.edited",
        "B5",
    ),
    replace(
        bug(
            name_what_was_not_read,
            "one malformed journal raises NameError out of every exclusive lock",
            invariants.OPENS,
            "kb.quarantine",
            "B6",
        ),
        # The third drops strays and leaves them: its store could not even be reopened.
        operations_count=2,
        slip=UNBOUND,
    ),
    bug(
        retry_for_ever,
        "an undoing that always fails is tried again for ever",
        invariants.OPENS,
        "kb.hopeless",
        "B7",
    ),
    replace(
        bug(
            keep_what_a_failed_save_made,
            "a save that fails leaves the backups that it had made, and no drain reaps them",
            own.nothing_is_left_over,
            "kb.add.edited",
            "B8",
        ),
        by=Search.ERROR,
    ),
    replace(
        bug(
            commit_without_a_mark,
            "a discard that fails leaves a finished add active, and the next drain undoes it",
            invariants.nothing_acknowledged_is_lost,
            "kb.add.short",
            "B9",
        ),
        by=Search.ERROR,
    ),
    bug(
        take_back_for_exceptions_only,
        "an interrupt leaves its journal active until the next lock",
        own.what_has_ended_is_settled,
        "kb.interrupt",
        "B17",
    ),
    bug(
        go_on_after_what_could_not_be_undone,
        "a batch goes on after a failed undoing, and the next drain undoes the later documents",
        own.registry_equals_documents,
        "kb.batch.gone_bad",
        "B18",
    ),
    bug(
        reap_nothing,
        "what was staged and saved for a mutation that never began is never reaped",
        own.nothing_is_left_over,
        "kb.add.short",
        "B26",
    ),
)
SCENARIOS = tuple(each for one in BUGS for each in planted(one))
