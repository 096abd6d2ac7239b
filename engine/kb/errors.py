"""What the knowledge base raises, in one tree; each sentence ends with the next step.

    KbError
        NotAKbError             open: there is no complete knowledge base
        AlreadyAKbError         init: there is one
        FutureFormatError       written by a newer engine
        DamagedFileError        a file does not hold what its place says
        UnsoundError            a check found files that are not what was written
        BadSourceError          what was handed over cannot be converted
        UnknownDocumentError    no such document
        ReadOnlyError, ClosedError
        BusyError               a live operation holds the knowledge base
        NotHeldError            a mutation without the exclusive lock
        UntrackedError          a write to a path that the journal does not cover
        BackupDamagedError      what is to be restored is not what was saved
        RollbackFailedError     an operation failed, and undoing it failed too
        DrainFailedError        undoing what a dead operation left failed
        QuarantinedError        undoing it was given up, and nobody has decided yet

It never names the root: messages hold paths inside the knowledge base only.
"""

from __future__ import annotations


class KbError(Exception):
    """Base of everything that the knowledge base raises."""


class NotAKbError(KbError):
    """There is no knowledge base, or its init was cut short."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__(
            "there is no complete knowledge base here (no 'kb.json'): if there was one, bring "
            "it back, or restore that file from a copy; else run init, also after one that "
            "was cut short."
        )


class AlreadyAKbError(KbError):
    """Init found a complete knowledge base."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("a knowledge base is here already: open it, or choose another place.")


class FutureFormatError(KbError):
    """A file was written by a newer engine; it was not touched."""

    def __init__(self, path: str, found: int, known: int) -> None:
        """Build the sentence from the file and the two format numbers."""
        self.path = path
        super().__init__(
            f"{path!r} has format {found} and this engine knows up to {known}; it was left as it "
            "is: upgrade the engine, then open it again."
        )


class DamagedFileError(KbError):
    """A file does not hold what it should; it was not touched."""

    def __init__(self, path: str, reason: str) -> None:
        """Build the sentence from the file and what is wrong with it."""
        self.path = path
        self.reason = reason
        super().__init__(
            f"{path!r} is damaged ({reason}); it was left as it is: restore it from a copy, then "
            "open the knowledge base again."
        )


class UnsoundError(KbError):
    """A check found files that are not what the knowledge base wrote; none was touched."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """Build the sentence from what was found; each names a file and what to do."""
        self.findings = findings
        super().__init__("; ".join(findings) + ".")


class BadSourceError(KbError):
    """What was handed over cannot be converted; nothing was changed."""

    def __init__(self, name: str, reason: str) -> None:
        """Build the sentence from the source and what is wrong with it."""
        self.name = name
        super().__init__(f"{name!r} cannot be added: {reason}. Mend the source, then add it again.")


class UnknownDocumentError(KbError):
    """There is no document of that name."""

    def __init__(self, name: str) -> None:
        """Build the sentence from the name."""
        self.name = name
        super().__init__(f"there is no document {name!r}: list the documents to see their names.")


class ReadOnlyError(KbError):
    """The handle was opened for reading."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("this handle is for reading only: open the knowledge base for writing.")


class ClosedError(KbError):
    """The handle was closed."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("this handle was closed: open the knowledge base again.")


class BusyError(KbError):
    """A live operation, in this process or another, holds the knowledge base."""

    def __init__(self, waited_s: float) -> None:
        """Build the sentence from how long we waited."""
        super().__init__(
            f"a live operation has held the knowledge base for more than {waited_s:g} s: let it "
            "finish or end its process, then try again. Inside a held section, work through the "
            "section itself."
        )


class NotHeldError(KbError):
    """A mutation was asked of a section that has ended."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__(
            "this section no longer holds the exclusive lock: enter a new one with exclusive()."
        )


class UntrackedError(KbError):
    """A mutation was about to change a path that could not be undone."""

    def __init__(self, path: str) -> None:
        """Build the sentence from the path."""
        self.path = path
        super().__init__(
            f"{path!r} is not in the mutation's journal, so changing it could not be undone: "
            "track it first."
        )


class BackupDamagedError(KbError):
    """The saved content of a file is gone or is not what was saved; nothing was touched."""

    def __init__(self, path: str, backup: str, reason: str) -> None:
        """Build the sentence from the file, its backup and what is wrong."""
        self.path = path
        self.backup = backup
        super().__init__(
            f"{path!r} cannot be restored, because its backup {backup!r} {reason}: put the saved "
            "content back there, then open the knowledge base again."
        )


class RollbackFailedError(KbError):
    """An operation failed and undoing it failed too; its journal stands, and nothing is lost."""

    def __init__(self, operation: str, journal: str, cause: BaseException | None = None) -> None:
        """Build the sentence from the operation, its journal and why undoing failed, if known."""
        self.operation = operation
        self.journal = journal
        why = "it was cut short" if cause is None else str(cause) or type(cause).__name__
        super().__init__(
            f"{operation} failed and could not be undone ({why}); {journal!r} and the backups "
            "that it names hold all of the old state: remove the cause, then open the knowledge "
            "base again, which undoes it first."
        )


class DrainFailedError(KbError):
    """What a dead operation left could not be undone this time; no mutation is let in."""

    def __init__(self, journal: str, attempts: int, attempts_max: int, cause: Exception) -> None:
        """Build the sentence from the journal, the attempts and why this one failed."""
        self.journal = journal
        self.attempts = attempts
        super().__init__(
            f"{journal!r} could not be undone ({cause}), attempt {attempts} of {attempts_max}; "
            "all of the old state still stands in the backups that it names: remove the cause, "
            "then try again."
        )


class QuarantinedError(KbError):
    """Undoing was given up; every backup was kept, and no mutation is let in."""

    def __init__(self, journals: tuple[str, ...]) -> None:
        """Build the sentence from the journals that wait for a decision."""
        self.journals = journals
        names = ", ".join(repr(journal) for journal in journals)
        super().__init__(
            f"{names}: undoing was given up, and all of the old state is kept in the backups that "
            "it names. Until it is decided nothing can be changed: open it to repair, then mend "
            "what stood in the way and call retry, or keep the present state and call accept."
        )
