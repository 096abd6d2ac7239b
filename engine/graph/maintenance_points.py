"""The catalogue of maintenance: its durable steps and its phases, declared once.

Like `points`, for the operations that no workload needs: repair and cleanup. It never says what
happens at a point.
"""

from __future__ import annotations

from engine.storage import create_effect
from killpoint.failpoints import declare

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
