"""What branches raise; each sentence ends with the next step. The whole tree stands in `errors`.

It never names the root: messages hold names and ids only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.errors import ConflictError, GraphError

if TYPE_CHECKING:
    from collections.abc import Mapping


class BranchGoneError(ConflictError):
    """A branch was deleted, and may have been made anew under its name, since it was looked up."""

    def __init__(self, branch: str) -> None:
        """Build the sentence from the branch's id or name."""
        super().__init__(
            f"the branch {branch!r} was deleted since this handle was opened on it; nothing was "
            "written: open the store again, on a branch that is there."
        )


class BranchesStandError(GraphError):
    """The schema is of all branches, and some of them would not fit a new one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Build the sentence from the names of the branches."""
        listed = ", ".join(repr(name) for name in names)
        super().__init__(
            f"the schema cannot be changed while there are branches ({listed}): merge or delete "
            "them first; nothing was written."
        )


class UnknownBranchError(GraphError, LookupError):
    """There is no branch of this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Build the sentence from the name and those that exist."""
        super().__init__(f"there is no branch {name!r}: choose one of {', '.join(known)}.")


class BranchExistsError(GraphError):
    """The name is taken."""

    def __init__(self, name: str) -> None:
        """Build the sentence from the name."""
        super().__init__(f"there is a branch {name!r} already: choose another name or delete it.")


class BadBranchNameError(GraphError):
    """No branch can be called this."""

    def __init__(self, name: str) -> None:
        """Build the sentence from the name."""
        super().__init__(
            f"{name!r} is no name for a branch: use words of letters, digits and underscores, "
            "joined by single dots, dashes or slashes."
        )


class MainBranchError(GraphError):
    """The main branch was to be deleted."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__("the main branch cannot be deleted: name another one.")


class MergeConflictError(GraphError):
    """Both branches have changed the same rows differently since they parted."""

    def __init__(self, source: str, target: str, keys: Mapping[str, tuple[int | str, ...]]) -> None:
        """Build the sentence from the branches and the keys of the rows, by table."""
        self.keys = keys
        told = "; ".join(f"{table}: {', '.join(map(repr, rows))}" for table, rows in keys.items())
        super().__init__(
            f"{source!r} cannot be merged into {target!r}, because both have changed these rows "
            f"since they parted: {told}. Make them the same on one of the branches, then merge "
            "again; nothing was written."
        )


class ForkUnknownError(ConflictError):
    """A fork stands where a branch would begin one, and whose it is cannot be told."""

    def __init__(self, table: str, cause: str) -> None:
        """Build the sentence from the table and what kept us from telling."""
        super().__init__(
            f"a fork of {table!r} stands in the way of this branch's first write to it, and whose "
            f"it is could not be verified ({cause}); nothing was written: refresh and retry."
        )
