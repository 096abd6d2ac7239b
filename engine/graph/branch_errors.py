"""What branches raise; each sentence ends with the next step. The whole tree stands in `errors`.

It never names the root: messages hold names and ids only.
"""

from __future__ import annotations

from engine.graph.errors import ConflictError, GraphError


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
