"""Versioned tables under one manifest, with operations that survive being killed anywhere.

    graph.init(root, schema_of(person, knows), clock, ids)
    store = graph.open(root, clock, ids)
    store.load({"node:Person": [{"id": "a", "age": 1}]})

`FORMAT.md` says what stands on disk. It never imports anything of the harness but its failpoints.
"""

from engine.graph.audit import NOT_PUBLISHED, AuditRow
from engine.graph.branch_errors import BranchesStandError
from engine.graph.cleanup import Cleaned
from engine.graph.errors import (
    AlreadyAStoreError,
    BadRowError,
    BadSchemaError,
    BadStatementError,
    BadStepError,
    CardinalityError,
    ClosedError,
    ConflictError,
    ConstraintError,
    DamagedFileError,
    DriftAdvice,
    DriftError,
    DuplicateKeyError,
    ExpectedVersionMismatchError,
    ExpiredVersionError,
    FutureFormatError,
    GraphError,
    MisnamedFileError,
    MissingReferenceError,
    NotAStoreError,
    NothingKeptError,
    OvertakenError,
    ReadOnlyError,
    RecoveryPendingError,
    SchemaDiffersError,
    SchemaMovedError,
    StillReferencedError,
    TableBusyError,
    UndecidableSidecarError,
    UnknownTableError,
    UnknownVersionError,
)
from engine.graph.graph import Graph, Mode, init
from engine.graph.graph import open_graph as open  # noqa: A004 -- read as graph.open
from engine.graph.load import LoadMode
from engine.graph.manifest import LineageRow
from engine.graph.operation import Decision, Kind, Outcome
from engine.graph.repair import Consent, Drift, Finding, Remedy, Repaired, Treatment
from engine.graph.schema import ColumnType, Row, Schema, TableSchema, schema_of
from engine.graph.sidecar import Pin, Sidecar
from engine.graph.statement import (
    Delete,
    Insert,
    Key,
    Merge,
    Overwrite,
    Statement,
    Update,
    Which,
)
from engine.graph.steps import (
    AddColumn,
    AddTable,
    DropColumn,
    DropMode,
    DropTable,
    RenameColumn,
    RenameTable,
    SetRules,
    Step,
)
from engine.graph.work import Receipt

__all__ = [
    "NOT_PUBLISHED",
    "AddColumn",
    "AddTable",
    "AlreadyAStoreError",
    "AuditRow",
    "BadRowError",
    "BadSchemaError",
    "BadStatementError",
    "BadStepError",
    "BranchesStandError",
    "CardinalityError",
    "Cleaned",
    "ClosedError",
    "ColumnType",
    "ConflictError",
    "Consent",
    "ConstraintError",
    "DamagedFileError",
    "Decision",
    "Delete",
    "Drift",
    "DriftAdvice",
    "DriftError",
    "DropColumn",
    "DropMode",
    "DropTable",
    "DuplicateKeyError",
    "ExpectedVersionMismatchError",
    "ExpiredVersionError",
    "Finding",
    "FutureFormatError",
    "Graph",
    "GraphError",
    "Insert",
    "Key",
    "Kind",
    "LineageRow",
    "LoadMode",
    "Merge",
    "MisnamedFileError",
    "MissingReferenceError",
    "Mode",
    "NotAStoreError",
    "NothingKeptError",
    "Outcome",
    "OvertakenError",
    "Overwrite",
    "Pin",
    "ReadOnlyError",
    "Receipt",
    "RecoveryPendingError",
    "Remedy",
    "RenameColumn",
    "RenameTable",
    "Repaired",
    "Row",
    "Schema",
    "SchemaDiffersError",
    "SchemaMovedError",
    "SetRules",
    "Sidecar",
    "Statement",
    "Step",
    "StillReferencedError",
    "TableBusyError",
    "TableSchema",
    "Treatment",
    "UndecidableSidecarError",
    "UnknownTableError",
    "UnknownVersionError",
    "Update",
    "Which",
    "init",
    "open",
    "schema_of",
]
