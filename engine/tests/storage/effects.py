"""One declared effect per verb, for tests of storage that need no store on top."""

from engine.storage import (
    clone_effect,
    create_effect,
    delete_all_effect,
    delete_effect,
    delete_prefix_effect,
    fence_effect,
    list_effect,
    put_effect,
    read_effect,
    rename_effect,
    settle_effect,
    swap_effect,
)

DURABLE = "what the test put there"
PENDING = "the verb under test"

PUT = put_effect("trial.put", durable=DURABLE, pending=PENDING)
CREATE = create_effect("trial.create", durable=DURABLE, pending=PENDING)
SWAP = swap_effect("trial.swap", durable=DURABLE, pending=PENDING)
RENAME = rename_effect("trial.rename", durable=DURABLE, pending=PENDING)
DELETE = delete_effect("trial.delete", durable=DURABLE, pending=PENDING)
DELETE_PREFIX = delete_prefix_effect("trial.delete_prefix", durable=DURABLE, pending=PENDING)
FENCE = fence_effect("trial.fence", durable=DURABLE, pending=PENDING)
SETTLE = settle_effect("trial.settle", durable=DURABLE, pending=PENDING)
READ = read_effect("trial.read", durable=DURABLE)
LIST = list_effect("trial.list", durable=DURABLE)
DELETE_ALL = delete_all_effect("trial.delete_all", durable=DURABLE, pending=PENDING)
CLONE = clone_effect("trial.clone", durable=DURABLE, pending=PENDING)
