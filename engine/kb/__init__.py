"""Documents, the pages compiled of them and their registry, changed whole or not at all.

    kb.init(root, ids)
    base = kb.open(root, clock, ids)
    base.add("notes/tides.md", b"The [[Moon]] pulls.")

Every change is journaled: whatever dies or fails on the way, the next one first puts everything
back as it was. `README.md` tells how. It never imports anything of the harness but its failpoints.
"""

from engine.kb.check import Finding
from engine.kb.compiler import Compiled, Compiler
from engine.kb.converter import Kind, Source
from engine.kb.errors import (
    AlreadyAKbError,
    BackupDamagedError,
    BadSourceError,
    BusyError,
    ClosedError,
    DamagedFileError,
    DrainFailedError,
    FutureFormatError,
    KbError,
    NotAKbError,
    NotHeldError,
    QuarantinedError,
    ReadOnlyError,
    RollbackFailedError,
    UnknownDocumentError,
    UnsoundError,
    UntrackedError,
)
from engine.kb.kb import Kb, Mode, init
from engine.kb.kb import open_kb as open  # noqa: A004 -- read as kb.open
from engine.kb.operations import OnFailure, Result, Status
from engine.kb.planning import CloudDocument
from engine.kb.registry import Document
from engine.kb.section import Section

__all__ = [
    "AlreadyAKbError",
    "BackupDamagedError",
    "BadSourceError",
    "BusyError",
    "ClosedError",
    "CloudDocument",
    "Compiled",
    "Compiler",
    "DamagedFileError",
    "Document",
    "DrainFailedError",
    "Finding",
    "FutureFormatError",
    "Kb",
    "KbError",
    "Kind",
    "Mode",
    "NotAKbError",
    "NotHeldError",
    "OnFailure",
    "QuarantinedError",
    "ReadOnlyError",
    "Result",
    "RollbackFailedError",
    "Section",
    "Source",
    "Status",
    "UnknownDocumentError",
    "UnsoundError",
    "UntrackedError",
    "init",
    "open",
]
