"""The catalogue of the graph store: every durable step and every phase, declared once.

Phases A to D are one operation: A records the intent, B commits table by table, C publishes the
graph version, D clears the intent away. It never says what happens at a point.
"""

from __future__ import annotations

from engine.storage import (
    create_effect,
    delete_effect,
    delete_prefix_effect,
    exists_effect,
    fence_effect,
    list_effect,
    put_effect,
    read_effect,
    settle_effect,
)
from killpoint.failpoints import declare

UNTOLD = "the operation: its caller has not been told"
RECOVERY_UNTOLD = "the recovery: the opening or the write that does it has not returned"
MIGRATION_UNTOLD = "the migration: the opening that does it has not returned"
INIT_UNTOLD = "the init: its caller has not been told"

# Making a store.
FENCE_MAKE = fence_effect(
    "init.fence", durable="nothing of the store, or an init cut short", pending=INIT_UNTOLD
)
INIT_SCHEMA = create_effect("init.schema", durable="the fence", pending=INIT_UNTOLD)
INIT_MANIFEST = create_effect(
    "init.manifest", durable="the fence and the schema", pending=INIT_UNTOLD
)
INIT_FORMAT = create_effect(
    "init.format", durable="all but the file that makes it a store", pending=INIT_UNTOLD
)

# Bringing a store up to date.
MIGRATE_SCHEMA = create_effect(
    "migrate.schema", durable="the store in its older layout", pending=MIGRATION_UNTOLD
)
MIGRATE_DELETE = delete_effect(
    "migrate.delete",
    durable="the schema under its hash; no branches of runs are left",
    pending=MIGRATION_UNTOLD,
)
MIGRATE_LAYOUT = put_effect(
    "migrate.layout", durable="all but the layout's number", pending=MIGRATION_UNTOLD
)

# The durable steps of an operation.
FRAGMENT_PUT = create_effect(
    "fragment.put",
    durable="earlier fragments of the operation; nothing refers to any of them",
    pending=UNTOLD,
)
SCHEMA_PUT = create_effect(
    "schema.put",
    durable="fragments of the operation; no manifest names the schema that is written",
    pending=UNTOLD,
)
SIDECAR_PUT = put_effect("sidecar.put", durable="all fragments; no table has moved", pending=UNTOLD)
TABLE_COMMIT = create_effect(
    "table.commit",
    durable="the sidecar and the commits of earlier tables; nothing is visible to readers",
    pending=UNTOLD,
)
SIDECAR_CONFIRM = put_effect(
    "sidecar.confirm",
    durable="the sidecar and the commits of all tables; nobody has said that they are all",
    pending=UNTOLD,
)
MANIFEST_PUBLISH = create_effect(
    "manifest.publish",
    durable="the sidecar and every table's new version, or its restored one",
    pending="the operation or its recovery: no reader sees it and nobody has been told",
)
SIDECAR_DELETE = delete_effect(
    "sidecar.delete",
    durable="the decision: published, rolled back with its audit row, or without effect",
    pending="the operation or its recovery: nobody has been told",
)

FORK_RECLAIM = delete_prefix_effect(
    "fork.reclaim",
    durable="the manifest, which no branch is in that could see the fork",
    pending="nothing: what goes is nobody's, and the next one who looks removes it as well",
)

# The durable steps of recovery.
TABLE_RESTORE = create_effect(
    "table.restore",
    durable="the sidecar, the tables that moved, and restores of earlier tables",
    pending=RECOVERY_UNTOLD,
)
AUDIT_PUT = create_effect(
    "audit.put", durable="the sidecar and the published decision, if any", pending=RECOVERY_UNTOLD
)
RECOVERY_SETTLE = settle_effect(
    "recovery.settle",
    durable="what the dead owner synced; what it only made visible may not be",
    pending=RECOVERY_UNTOLD,
)
TEMPORARY_LIST = list_effect("temporary.list", durable="whatever dead writers left")
TEMPORARY_DELETE = delete_effect(
    "temporary.delete",
    durable="everything that has a name; the file to go has none yet",
    pending=RECOVERY_UNTOLD,
)

# Reading.
FORMAT_READ = read_effect("format.read", durable="the store")
FORMAT_LOOK = exists_effect("format.exists", durable="the store")
SCHEMA_READ = read_effect("schema.read", durable="the store")
MANIFEST_LIST = list_effect("manifest.list", durable="the store")
MANIFEST_READ = read_effect("manifest.read", durable="the store")
TABLE_READ = read_effect("table.read", durable="the store")
TABLE_LOOK = exists_effect("table.exists", durable="the store")
FRAGMENT_READ = read_effect("fragment.read", durable="the store")
SIDECAR_LIST = list_effect("sidecar.list", durable="the store")
SIDECAR_READ = read_effect("sidecar.read", durable="the store")
FORK_LIST = list_effect("fork.list", durable="the store")
AUDIT_LIST = list_effect("audit.list", durable="the store")
AUDIT_READ = read_effect("audit.read", durable="the store")

# The phases of an operation.
PHASE_A_BEFORE = declare(
    "phase_a.before_sidecar",
    durable="the fragments of the operation, which nothing refers to",
    pending=UNTOLD,
)
PHASE_A_AFTER = declare(
    "phase_a.after_sidecar", durable="the sidecar; no table has moved", pending=UNTOLD
)
PHASE_B_BEFORE = declare(
    "phase_b.before_commit",
    durable="the sidecar and the commits of earlier tables",
    pending=UNTOLD,
)
PHASE_B_AFTER = declare(
    "phase_b.after_commit",
    durable="the sidecar and the commits of tables up to this one",
    pending=UNTOLD,
)
CONFIRM_BEFORE = declare(
    "confirm.before_put",
    durable="the sidecar and the commits of all tables; recovery would take them back",
    pending=UNTOLD,
)
CONFIRM_AFTER = declare(
    "confirm.after_put",
    durable="the confirmed sidecar and the commits of all tables; recovery would publish them",
    pending=UNTOLD,
)
PHASE_C_BEFORE = declare(
    "phase_c.before_publish",
    durable="the sidecar and the commits of all tables; readers see none of it",
    pending=UNTOLD,
)
PHASE_C_AFTER = declare(
    "phase_c.after_publish", durable="the operation, visible to readers", pending=UNTOLD
)
PHASE_D_BEFORE = declare(
    "phase_d.before_delete",
    durable="the operation; its sidecar is still there",
    pending=UNTOLD,
)
PHASE_D_AFTER = declare(
    "phase_d.after_delete", durable="the operation, with no sidecar left", pending=UNTOLD
)

# Branches: one publish each, and what a deleted one leaves.
CREATE_BEFORE = declare(
    "branch.before_create", durable="the store without the branch", pending=UNTOLD
)
CREATE_AFTER = declare("branch.after_create", durable="the branch, whole", pending=UNTOLD)
DELETE_BRANCH_BEFORE = declare(
    "branch.before_delete", durable="the branch and its forks", pending=UNTOLD
)
DELETE_BRANCH_AFTER = declare(
    "branch.after_delete",
    durable="the store without the branch; its forks stand, and nobody can reach them",
    pending=UNTOLD,
)

# The steps of recovery.
SWEEP_BEFORE = declare(
    "recovery.before_sweep", durable="whatever a crash left", pending=RECOVERY_UNTOLD
)
CLASSIFY_BEFORE = declare(
    "recovery.before_classify",
    durable="the sidecar, and what its dead owner did after it",
    pending=RECOVERY_UNTOLD,
)
CLASSIFY_AFTER = declare(
    "recovery.after_classify",
    durable="the same: deciding changes nothing",
    pending=RECOVERY_UNTOLD,
)
ROLLFORWARD_BEFORE = declare(
    "rollforward.before_publish",
    durable="the sidecar and the commits of all tables; readers see none of it",
    pending=RECOVERY_UNTOLD,
)
ROLLFORWARD_AFTER = declare(
    "rollforward.after_publish",
    durable="the operation, visible, with the decision in its lineage row",
    pending=RECOVERY_UNTOLD,
)
RESTORE_BEFORE = declare(
    "rollback.before_restore",
    durable="the sidecar, the tables that moved, and restores of earlier tables",
    pending=RECOVERY_UNTOLD,
)
RESTORE_AFTER = declare(
    "rollback.after_restore",
    durable="the sidecar and the restores of tables up to this one",
    pending=RECOVERY_UNTOLD,
)
ROLLBACK_BEFORE = declare(
    "rollback.before_publish",
    durable="the sidecar and all restores; the manifest still names the versions before",
    pending=RECOVERY_UNTOLD,
)
ROLLBACK_AFTER = declare(
    "rollback.after_publish",
    durable="the restored versions, published with the decision in their lineage row",
    pending=RECOVERY_UNTOLD,
)
AUDIT_BEFORE = declare(
    "audit.before_put", durable="the sidecar and the decision, if any", pending=RECOVERY_UNTOLD
)
AUDIT_AFTER = declare(
    "audit.after_put", durable="the decision and its audit row", pending=RECOVERY_UNTOLD
)
DELETE_BEFORE = declare(
    "recovery.before_delete",
    durable="the decision and its audit row; the sidecar is still there",
    pending=RECOVERY_UNTOLD,
)
DELETE_AFTER = declare(
    "recovery.after_delete",
    durable="the whole recovery of this sidecar",
    pending=RECOVERY_UNTOLD,
)
