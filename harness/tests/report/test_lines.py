"""The lines of the terminal, from records alone."""

from __future__ import annotations

from killpoint.report.lines import Progress, running_line
from killpoint.report.words import pairs_word


def test_what_is_drawn_until_the_budget_ends_has_the_budget_left() -> None:
    """Nobody knows how many examples there will be, so that no rate tells the end."""
    drawn = Progress(
        name="s", started_s=0.0, pairs_total=0, word=pairs_word("fuzz"), done=30, total=30
    )
    line = running_line(drawn, now_s=10.0, end_s=70.0, name_width=1)
    assert "30/30 examples" in line
    assert line.endswith("1:00 left")
