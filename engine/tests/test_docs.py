"""What the pages of the engine say is so: the example runs, links lead somewhere, files fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.tests.stores import CYD, PERSON, kill_at, make_store, open_store

ENGINE = Path(__file__).parents[1]
PAGES = [ENGINE / "README.md", ENGINE / "graph/FORMAT.md"]
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
PLACEHOLDERS = {
    "<20 digits>": r"\d{20}",
    "<operation id>": r"[0-9a-z-]+",
    "<branch id>": r"[0-9a-z-]+",
    "<writer>": r"[0-9a-z-]+",
    "<hash>": r"[0-9a-f]{32}",
    "<key>": r"[A-Za-z0-9_.]+",
    "<n>": r"\d+",
}


def test_the_example_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newcomer pastes it; it prints the row that it inserted."""
    monkeypatch.chdir(tmp_path)
    found = EXAMPLE.search(PAGES[0].read_text())
    assert found is not None
    exec(compile(found[1], "README.md", "exec"), {})  # noqa: S102 -- our own page
    assert capsys.readouterr().out.startswith("[{'id': 'ada', 'age': 36}]")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Relative to the page that it stands on."""
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_every_file_of_a_store_is_one_that_the_page_describes(tmp_path: Path) -> None:
    """After init, a death with half of everything left behind, and a recovery."""
    rows = re.findall(r"^\| `([^`]+)` \|", PAGES[1].read_text(), re.MULTILINE)
    forms = [re.escape(row) for row in rows]
    for placeholder, form in PLACEHOLDERS.items():
        forms = [one.replace(re.escape(placeholder), form) for one in forms]
    root = make_store(tmp_path / "store")
    seen: set[str] = set()
    for incarnation, plan in enumerate(
        ("phase_b.after_commit=kill", "manifest.publish.written=kill")
    ):
        kill_at(root, "both", plan, incarnation * 2 + 1)
        seen |= {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        after = open_store(root, incarnation * 2 + 2)
        after.optimize()
        after.cleanup(keep_count=1)
        after.close()
    last = open_store(root, 9)
    last.create_branch("work")
    last.on("work").insert({PERSON: [CYD]})
    seen |= {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert [] == [path for path in seen if not any(re.fullmatch(form, path) for form in forms)]
    assert [] == [form for form in forms if not any(re.fullmatch(form, path) for path in seen)]
