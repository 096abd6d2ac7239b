"""What all kinds of follow-up came to on each recovered store, tried once and remembered.

Whatever a follow-up shows on a recovered store, it shows after every crash that recovers to the
same: so each such case has it, whoever ran first and in whichever worker. It never stands for what
the verifier found before the follow-ups: that is each crash's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from killpoint.process.child import ChildEnd

MARK = "following"


class Followed:
    """The ends of verifiers that tried every kind, by recovered image."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[str, ChildEnd] = {}

    def joined(self, end: ChildEnd, try_all: Callable[[], ChildEnd]) -> ChildEnd:
        """Return a verifier's end with what every kind came to on the store that it recovered."""
        recovered = end.last("recovered")
        if recovered is None or end.last(MARK) is None:
            return end
        content: str = recovered[0]
        if content not in self._known:
            whole = try_all()
            self._known[content] = replace(whole, messages=_parted(whole)[1])
            return whole
        known = self._known[content]
        before, own = _parted(end)
        # The same violation may be worded by the number of a process: it is one all the same.
        told = [each[:2] for each in known.messages]
        later = (*known.messages, *(each for each in own if each[:2] not in told))
        worse = known if known.timed_out or known.exit_code else end
        return replace(
            end,
            messages=(*before, *later),
            exit_code=worse.exit_code,
            timed_out=worse.timed_out,
        )


def _parted(end: ChildEnd) -> tuple[tuple[list[object], ...], tuple[list[object], ...]]:
    """Part what was said before the follow-ups from what was said in them, the mark included."""
    kinds = [each[0] for each in end.messages]
    at = kinds.index(MARK) if MARK in kinds else len(kinds)
    return end.messages[:at], end.messages[at:]
