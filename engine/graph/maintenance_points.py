"""The catalogue of maintenance: its durable steps and its phases, declared once.

Like `points`, for the operations that no workload needs. It never says what
happens at a point.
"""

from __future__ import annotations

from engine.storage import (
    create_effect,
    delete_all_effect,
    delete_effect,
    list_effect,
    put_effect,
    read_effect,
)
from killpoint.failpoints import declare

CLEANUP_UNTOLD = "the cleanup: its caller has not been told"
CARE_UNTOLD = "the optimize or the making of indices: its caller has not been told"
REPAIR_UNTOLD = "the repair: its caller has not been told"

# Repair.
REPAIR_RESTORE = create_effect(
    "repair.restore",
    durable="the drift as it was found, and restores of earlier tables; readers see none of it",
    pending=REPAIR_UNTOLD,
)
REPAIR_EXAMINE_AFTER = declare(
    "repair.after_examine", durable="the drift as it was found", pending=REPAIR_UNTOLD
)
REPAIR_RESTORE_AFTER = declare(
    "repair.after_restore",
    durable="restores of tables up to this one; the manifest names what it named before",
    pending=REPAIR_UNTOLD,
)
REPAIR_PUBLISH_BEFORE = declare(
    "repair.before_publish",
    durable="all restores; the manifest names what it named before",
    pending=REPAIR_UNTOLD,
)
REPAIR_PUBLISH_AFTER = declare(
    "repair.after_publish", durable="the repair, visible to readers", pending=REPAIR_UNTOLD
)

# Cleanup.
HORIZON_READ = read_effect("horizon.read", durable="the store")
HORIZON_PUT = put_effect("horizon.put", durable="the store, whole", pending=CLEANUP_UNTOLD)
HORIZON_AFTER = declare(
    "cleanup.after_horizon",
    durable="the horizon; what lies before it is still there",
    pending=CLEANUP_UNTOLD,
)
TABLES_LIST = list_effect("cleanup.list_tables", durable="the horizon")
TABLE_LIST = list_effect("cleanup.list_table", durable="the horizon, and tables up to this one")
CLEANUP_VERSIONS = delete_all_effect(
    "cleanup.versions",
    durable="the horizon, and all that a reader may ask for; some of what he may not",
    pending=CLEANUP_UNTOLD,
)
CLEANUP_VERSIONS_AFTER = declare(
    "cleanup.after_versions",
    durable="what a reader may ask for; of this table, fragments that no version names",
    pending=CLEANUP_UNTOLD,
)
CLEANUP_FRAGMENT = delete_effect(
    "cleanup.fragment",
    durable="what a reader may ask for; some of what nothing names",
    pending=CLEANUP_UNTOLD,
)

# Indices.
INDEX_READ = read_effect("index.read", durable="the store")
INDEX_PUT = create_effect(
    "index.put",
    durable="earlier fragments and indices of the operation; nothing refers to any of them",
    pending=CARE_UNTOLD,
)
