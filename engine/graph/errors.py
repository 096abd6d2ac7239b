"""What the graph store raises, in one tree; each sentence ends with the next step.

    GraphError
        NotAStoreError            open: there is no complete store
        AlreadyAStoreError        init: there is one
        SchemaDiffersError        init: one with another schema came first
        FutureFormatError         written by a newer engine
        OldLayoutError            written by an older engine, and opened to read
        DamagedFileError          a file does not hold what its place says
            MisnamedFileError     ... but what another place says
        BadSchemaError            a schema that cannot be
        BranchesStandError        the schema cannot be changed while there are branches
        BadStepError              a step of a schema apply that cannot be
        BadRowError               a row does not fit its table
        BadStatementError         a statement that cannot be carried out on any content
        ConstraintError           what is live, with the operation, would break a rule
            DuplicateKeyError         a key is there already
            MissingReferenceError     a row refers to a key that is not there
            StillReferencedError      a row that is to go is referred to
            CardinalityError          too many rows with one value
        UnknownTableError         no such table
        UnknownVersionError       no such graph version
        ExpiredVersionError       no such graph version any more
        NothingKeptError          cleanup was asked to keep no graph version
        UnknownBranchError        no such branch; this and those below are in `branch_errors`
        BranchExistsError, BadBranchNameError, MainBranchError
        MergeConflictError        both branches have changed the same rows
        ReadOnlyError, ClosedError
        TableBusyError            a live operation holds the table
        DriftError                a table is ahead of the manifest
        RecoveryPendingError      maintenance found an operation that waits for recovery
        ConflictError             somebody else was there first; trying again may succeed
            ExpectedVersionMismatchError  a table is not what this handle had read
            SchemaMovedError      the schema, or a table, is another one by now
            OvertakenError            a table or the publish was taken while it ran
            BranchGoneError           its branch was deleted (`branch_errors`, like the next one)
            ForkUnknownError          whose fork stands in the way cannot be told
        UndecidableSidecarError   recovery found what no operation of ours leaves

It never names the root: messages hold paths inside the store only.
"""

from __future__ import annotations

from enum import StrEnum


class GraphError(Exception):
    """Base of everything that the graph store raises."""


class NotAStoreError(GraphError):
    """There is no store, or its init was cut short."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__(
            "there is no complete store here (no 'graph.json'): if there was one, bring it back, "
            "or restore that file from a copy; else run init, also after one that "
            "was cut short."
        )


class AlreadyAStoreError(GraphError):
    """Init found a complete store."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("a complete store is here already: open it, or choose another place.")


class SchemaDiffersError(GraphError):
    """An init with another schema has come as far as its manifest."""

    def __init__(self, path: str, *, expected: str, found: str) -> None:
        """Build the sentence from the manifest and the two hashes."""
        super().__init__(
            f"an init that was cut short has made {path!r} with the schema {found}, and not with "
            f"{expected}: run init with that one, or choose another place."
        )


class FutureFormatError(GraphError):
    """A file was written by a newer engine; it was not touched."""

    def __init__(self, path: str, found: int, known: int) -> None:
        """Build the sentence from the file and the two format numbers."""
        self.path = path
        super().__init__(
            f"{path!r} has format {found} and this engine knows up to {known}; it was left as it "
            "is: upgrade the engine, or move the file away after reading it."
        )


class OldLayoutError(GraphError):
    """A store of an older layout was opened to read, and reading it would take writing."""

    def __init__(self, found: int, known: int) -> None:
        """Build the sentence from the two layouts."""
        super().__init__(
            f"the store has layout {found} and is read in layout {known}: open it read_write once, "
            "which brings it up to date, or read a copy that was opened so; nothing was written."
        )


class DamagedFileError(GraphError):
    """A file does not hold what it should; it was not touched."""

    def __init__(self, path: str, reason: str) -> None:
        """Build the sentence from the file and what is wrong with it."""
        self.path = path
        super().__init__(
            f"{path!r} is damaged ({reason}) and was left as it is: restore it from a copy; a "
            "sidecar may be moved out of 'recovery/' once its operation is understood. Until "
            "then the store opens read-only."
        )


class MisnamedFileError(DamagedFileError):
    """A file holds what belongs under another name."""

    def __init__(self, path: str, owner: str) -> None:
        """Build the sentence from the file and the name its content asks for."""
        super().__init__(path, f"its content belongs to {owner!r}")


class BadSchemaError(GraphError):
    """A schema that cannot be."""

    def __init__(self, table: str, reason: str) -> None:
        """Build the sentence from the table and what is wrong with it."""
        super().__init__(f"table {table!r} cannot be: {reason}. Correct the schema and try again.")


class BadStepError(GraphError):
    """A step of a schema apply that cannot be carried out; nothing was written."""

    def __init__(self, table: str, reason: str) -> None:
        """Build the sentence from the table and what stands in the way."""
        super().__init__(
            f"a step on {table!r} cannot be: {reason}: correct it; nothing of it all was written."
        )


class BadRowError(GraphError):
    """A row does not fit its table; nothing was written."""

    def __init__(self, table: str, index: int, reason: str) -> None:
        """Build the sentence from the table and the row's place in the batch."""
        super().__init__(
            f"row {index} for {table!r} {reason}: correct it; nothing of the operation was written."
        )


class BadStatementError(GraphError):
    """A statement cannot be carried out, whatever the table holds; nothing was written."""

    def __init__(self, table: str, reason: str) -> None:
        """Build the sentence from the table and what is wrong with the statement."""
        step = "correct it; nothing of the operation was written"
        super().__init__(f"a statement on {table!r} {reason}: {step}.")


class ConstraintError(GraphError):
    """The operation would break a rule of the schema over what is live; nothing was written."""


class DuplicateKeyError(ConstraintError):
    """A key is in the table or in the batch already; nothing was written."""

    def __init__(self, table: str, key: object) -> None:
        """Build the sentence from table and key."""
        self.key = key
        super().__init__(
            f"{table!r} has the key {key!r} already: load in mode merge to replace the row; "
            "nothing of the operation was written."
        )


class MissingReferenceError(ConstraintError):
    """A row refers to a key that is not there."""

    def __init__(self, table: str, key: object, column: str, target: str, value: object) -> None:
        """Build the sentence from the row, the column and what it refers to."""
        super().__init__(
            f"the row {key!r} of {table!r} refers in {column!r} to {value!r}, which {target!r} "
            "does not have: insert that first, or in the same operation; nothing was written."
        )


class StillReferencedError(ConstraintError):
    """A row that is to go is referred to."""

    def __init__(self, table: str, key: object, referrer: str, by: object) -> None:
        """Build the sentence from the row and one of those that refer to it."""
        super().__init__(
            f"the row {key!r} of {table!r} cannot go, because {by!r} of {referrer!r} refers to it: "
            "delete that first, or delete with cascade; nothing was written."
        )


class CardinalityError(ConstraintError):
    """A table would hold too many rows with one value in a column."""

    def __init__(self, table: str, column: str, value: object, *, count: int, at_most: int) -> None:
        """Build the sentence from the column's value and the two numbers."""
        super().__init__(
            f"{table!r} would have {count} rows with {value!r} in {column!r}, and at most "
            f"{at_most} may be: delete one first; nothing was written."
        )


class UnknownTableError(GraphError, LookupError):
    """The schema has no such table."""

    def __init__(self, table: str, known: tuple[str, ...]) -> None:
        """Build the sentence from the name and those that exist."""
        super().__init__(f"there is no table {table!r}: the schema has {', '.join(known)}.")


class UnknownVersionError(GraphError, LookupError):
    """There is no such graph version."""

    def __init__(self, version: int, newest: int) -> None:
        """Build the sentence from the number and the newest one."""
        super().__init__(f"there is no graph version {version}: choose one from 1 to {newest}.")


class ExpiredVersionError(GraphError, LookupError):
    """There was such a graph version, and cleanup has removed what it showed."""

    def __init__(self, version: int, oldest: int) -> None:
        """Build the sentence from the number and the oldest one that is left."""
        super().__init__(
            f"graph version {version} was cleaned up: choose one from {oldest} on; the lineage "
            "still tells what it was."
        )


class NothingKeptError(GraphError, ValueError):
    """Cleanup was asked to keep no graph version at all."""

    def __init__(self, keep_count: int) -> None:
        """Build the sentence from the number that was asked for."""
        super().__init__(f"cleanup cannot keep {keep_count} graph versions: keep 1 or more.")


class ReadOnlyError(GraphError):
    """The handle was opened to read."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("this handle is read-only: open the store in mode read_write to write.")


class ClosedError(GraphError):
    """The handle was closed."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("this handle is closed: open the store again.")


class TableBusyError(GraphError):
    """A live operation holds a table for longer than we were ready to wait."""

    def __init__(self, lock: str, pending: tuple[str, ...], waited_s: float) -> None:
        """Build the sentence from the lock, the sidecars there are, and the time."""
        self.pending = pending
        named = f" (pending operations: {', '.join(pending)})" if pending else ""
        super().__init__(
            f"{lock!r} is held by a live operation{named}, and {waited_s:g} s were not enough: "
            "let it finish or end its process, then try again; nothing was written."
        )


class DriftAdvice(StrEnum):
    """What to do about a table that is ahead of the manifest."""

    COVERED = "covered"
    UNCOVERED = "uncovered"
    UNKNOWN = "unknown"


class DriftError(GraphError):
    """A table is ahead of the manifest; a write on top of it would publish what is not its own."""

    def __init__(
        self, table: str, *, pinned: int, head: int, advice: DriftAdvice, detail: str
    ) -> None:
        """Build the sentence from the two versions and what is known of the reason."""
        self.table = table
        self.pinned = pinned
        self.head = head
        self.advice = advice
        step = _next_step(advice, detail)
        super().__init__(f"{table!r} is at version {head} and the manifest names {pinned}; {step}.")


def _next_step(advice: DriftAdvice, detail: str) -> str:
    """Say what to do about drift."""
    match advice:
        case DriftAdvice.COVERED:
            return f"{detail}, is waiting for recovery: reopen the store read_write"
        case DriftAdvice.UNCOVERED:
            return "no pending operation accounts for it: run repair"
        case DriftAdvice.UNKNOWN:
            return (
                f"whether an operation accounts for it could not be told ({detail}): reopen the "
                "store read_write first, and run repair if the table is still ahead"
            )


class RecoveryPendingError(GraphError):
    """Maintenance needs a store in which nothing waits for recovery."""

    def __init__(self, waiting: tuple[str, ...]) -> None:
        """Build the sentence from the operations that wait."""
        self.waiting = waiting
        super().__init__(
            f"recovery has to come first, for {'; '.join(waiting)}: reopen the store read_write, "
            "then try again; nothing was changed."
        )


class ConflictError(GraphError):
    """Somebody else was there first; what to do before trying again stands in the sentence."""


class ExpectedVersionMismatchError(ConflictError):
    """A table has moved since this handle read it; nothing was written."""

    def __init__(self, table_key: str, *, expected: int, actual: int) -> None:
        """Build the sentence from the table, the version that was read and the current one."""
        self.table_key = table_key
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"stale view of {table_key!r}: this handle had read version {expected}, and {actual} "
            "is current; nothing was written: refresh and retry."
        )


class SchemaMovedError(ConflictError):
    """The schema is not the one that the operation was made for; nothing was written."""

    def __init__(self, table: str = "") -> None:
        """Build the sentence from the table that is another one by now, if it is one."""
        what = f"the table {table!r}" if table else "the schema"
        super().__init__(
            f"{what} is another one than this handle had read; nothing was written: refresh and "
            "retry."
        )


class OvertakenError(ConflictError):
    """Somebody else moved what this operation was about to move."""

    def __init__(self, intent: str, reason: str) -> None:
        """Build the sentence from the operation and what it ran into."""
        step = "Reopen the store read_write, which settles what it left, then try it again"
        super().__init__(f"{intent}: lost, because {reason}. {step}.")


class UndecidableSidecarError(GraphError):
    """A sidecar's tables are in a state that no operation of ours leaves."""

    def __init__(self, path: str, intent: str, findings: tuple[str, ...]) -> None:
        """Build the sentence from the sidecar and what was found at each of its tables."""
        self.path = path
        super().__init__(
            f"{path!r} ({intent}) can be rolled neither forward nor back: "
            f"{'; '.join(findings)}. Nothing was changed: open the store read-only to look, "
            "move the sidecar out of 'recovery/', then open it read_write and run repair."
        )
