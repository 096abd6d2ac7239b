"""Nothing in the harness waits for a duration where it could wait for what it waits for."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "killpoint"
# The fault that is called sleep.
ALLOWED = {"failpoints/actions.py"}


def sleeps_in(source: str) -> list[int]:
    """Return the lines that call something named sleep, however it was imported."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    named = ((call, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls)
    return [call.lineno for call, name in named if name == "sleep"]


def test_a_sleep_is_found_in_either_form() -> None:
    """As a function of its module, and by its own name."""
    assert [2] == sleeps_in("import time\ntime.sleep(1)\n")
    assert [2] == sleeps_in("from time import sleep\nsleep(1)\n")
    assert [] == sleeps_in("event.wait(1)\n")


def test_the_harness_never_sleeps() -> None:
    """A process is waited for by its pidfd, a message by its pipe, a tracer by its word."""
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in ROOT.rglob("*.py")}
    found = {name for name, source in sources.items() if sleeps_in(source)}

    assert found == ALLOWED
