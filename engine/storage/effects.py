"""How a store declares its durable steps: one function per storage verb.

Each verb has fixed stages, one per file-system call that changes something, so that between two
neighbouring hits at most one such call happens. Stages that are reached only when a directory
must first be made, or made certain, are rare. It never carries an effect out; a backend does.
"""

from __future__ import annotations

from killpoint.failpoints import Effect, declare_effect

DIRECTORY_STAGES = ("made_dir", "synced_dir")
PUT_STAGES = ("before", *DIRECTORY_STAGES, "created", "written", "synced", "renamed", "after")
CREATE_STAGES = (
    "before",
    *DIRECTORY_STAGES,
    "created",
    "written",
    "synced",
    "linked",
    "unlinked",
    "after",
)
RENAME_STAGES = ("before", *DIRECTORY_STAGES, "renamed", "synced_target", "after")
FENCE_STAGES = ("before", "made_root", "synced_root", "made_tmp", "created", "after")
DELETE_STAGES = ("before", "removed", "after")
CLONE_STAGES = (
    "before",
    *DIRECTORY_STAGES,
    "linking",
    "linked",
    "created",
    "written",
    "synced",
    "mode_set",
    "mode_synced",
    "renamed",
    "after",
)
DELETE_PREFIX_STAGES = ("before", "removed", "removed_dir", "after")
DELETE_ALL_STAGES = ("before", "removed", "removed_dir", "synced_dir", "after")
AROUND_STAGES = ("before", "after")

DIRECTORIES_ARE_RARE = frozenset(DIRECTORY_STAGES)
READING_PENDING = "nothing: reading acknowledges nothing"


def put_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a put: the whole content becomes visible at once, in place of what was there."""
    return declare_effect(
        name,
        "put",
        PUT_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=DIRECTORIES_ARE_RARE,
    )


def create_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a put_if_absent: of all who try, one wins, with its whole content."""
    return declare_effect(
        name,
        "put_if_absent",
        CREATE_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=DIRECTORIES_ARE_RARE,
    )


def swap_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a put_if_match: a compare-and-swap against a version token."""
    return declare_effect(
        name,
        "put_if_match",
        PUT_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=DIRECTORIES_ARE_RARE,
    )


def rename_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a rename; `synced_target` stands between the syncs of the two directories."""
    return declare_effect(
        name,
        "rename",
        RENAME_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=DIRECTORIES_ARE_RARE,
    )


def delete_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a delete of one object; deleting what is gone is no error."""
    return declare_effect(name, "delete", DELETE_STAGES, durable=durable, pending=pending)


def delete_prefix_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a delete of everything under a directory, the directories too."""
    return declare_effect(
        name, "delete_prefix", DELETE_PREFIX_STAGES, durable=durable, pending=pending
    )


def delete_all_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a delete of several objects and of the directories that this leaves empty."""
    return declare_effect(
        name,
        "delete_all",
        DELETE_ALL_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=frozenset({"removed", "removed_dir", "synced_dir"}),
    )


def clone_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a clone: by link, or by the stages from `created` on where links are refused."""
    return declare_effect(
        name,
        "clone",
        CLONE_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=DIRECTORIES_ARE_RARE | {"mode_set", "mode_synced"},
    )


def fence_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare the making of the root and its lock file."""
    return declare_effect(
        name,
        "make_fence",
        FENCE_STAGES,
        durable=durable,
        pending=pending,
        rare_stages=frozenset({"made_root"}),
    )


def settle_effect(name: str, *, durable: str, pending: str) -> Effect:
    """Declare a settle: what others made visible in a directory becomes durable."""
    return declare_effect(name, "settle", AROUND_STAGES, durable=durable, pending=pending)


def read_effect(name: str, *, durable: str) -> Effect:
    """Declare the reading of one object; a fault may replace the bytes that were read."""
    return declare_effect(name, "get", AROUND_STAGES, durable=durable, pending=READING_PENDING)


def exists_effect(name: str, *, durable: str) -> Effect:
    """Declare a look whether an object stands there."""
    return declare_effect(name, "exists", AROUND_STAGES, durable=durable, pending=READING_PENDING)


def list_effect(name: str, *, durable: str) -> Effect:
    """Declare the listing of a directory."""
    return declare_effect(name, "list", AROUND_STAGES, durable=durable, pending=READING_PENDING)
