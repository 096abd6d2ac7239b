"""What the page of the knowledge base says is so: its example runs, what it names exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "kb/README.md"
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)\)")
NAMED = re.compile(r"`(\w+)`(?: of `(\w+)`)?\s+in\s+\[(\w+)\.py\]")


def test_the_example_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer pastes it, and gets a knowledge base without the document that was removed."""
    monkeypatch.chdir(tmp_path)
    found = EXAMPLE.search(PAGE.read_text())
    assert found is not None
    names: dict[str, object] = {}
    exec(compile(found[1], "README.md", "exec"), names)  # noqa: S102 -- our own page
    assert [] == names["base"].documents()  # type: ignore[attr-defined]


def test_every_link_leads_to_a_file() -> None:
    """Relative to the page."""
    links = LINK.findall(PAGE.read_text())
    assert [] != links
    assert [] == [link for link in links if not (PAGE.parent / link).exists()]


def test_what_the_walks_name_is_in_the_module_that_they_say() -> None:
    """Step by step through an add and a recovery; a function that moved takes the page along."""
    named = NAMED.findall(PAGE.read_text())
    lost = []
    for name, owner, module in named:
        place = importlib.import_module(f"engine.kb.{module}")
        if not hasattr(getattr(place, owner) if owner else place, name):
            lost.append((name, module))
    assert ([], True) == (lost, len(named) > 15)
