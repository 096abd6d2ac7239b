"""The page is one file that says everything, to anybody, and believes nobody."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import islice
from typing import TYPE_CHECKING

from killpoint.records import Recorder
from killpoint.report import write_html
from tests.campaigns import EVIDENCE, Made, events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from killpoint.events import Event

REPLAY = (
    "killpoint replay k1/graph.load.append/kill:sidecar.delete.before@1"
    "/recover:audit.put.after@1~6165 mine.py"
)


class _Elements(HTMLParser):
    """Collects every element with its attributes, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _page(directory: Path, stream: Iterable[Event] | None = None) -> tuple[_Elements, str]:
    directory.mkdir(exist_ok=True)
    recorder = Recorder(directory)
    for event in stream or events(Made(reports=directory)):
        recorder(event)
    recorder.close()
    content = write_html(directory).read_text(encoding="utf-8")
    elements = _Elements()
    elements.feed(content)
    return elements, content


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    """No script, no outside address, nothing that is loaded."""
    page, content = _page(tmp_path)
    assert [] == [page.of(tag) for tag in ("script", "link", "img", "iframe") if page.of(tag)]
    assert [] == re.findall(r"https?:|//[a-z]|@import|url\(", content)
    assert [] == [a for _, a in page.elements if {"src", "onclick", "onload"} & a.keys()]


def test_what_is_wrong_comes_first(tmp_path: Path) -> None:
    """The verdict, then the failure with evidence and command, then the undecided, then tables."""
    text = " ".join(" ".join(_page(tmp_path)[0].text).split())
    order = ["failed 120 cases", "INCOMPLETE", EVIDENCE, REPLAY, "the fault did not fire"]
    places = [text.index(each) for each in [*order, "Scenarios", "Map of points", "Settings"]]
    assert sorted(places) == places


def test_a_failure_has_its_timeline_and_its_files(tmp_path: Path) -> None:
    """What was acknowledged, where each process died, and links to what was kept."""
    page, _ = _page(tmp_path)
    text = " ".join(page.text)
    assert "load 1: acknowledged" in text
    assert "the workload: killed at sidecar.delete.before (1st time)" in text
    assert "recovery: killed at audit.put.after (1st time)" in text
    links = [attributes["href"] for attributes in page.of("a")]
    assert ["failures/1/", "failures/1/before/", "failures/1/token.txt"] == links[:3]
    assert all((tmp_path / link).exists() for link in links)


def test_every_pair_has_a_cell_with_its_verdict(tmp_path: Path) -> None:
    """The map holds all 56 pairs, and pointing at one names it."""
    cells = [each for each in _page(tmp_path)[0].of("i") if "title" in each]
    assert 56 == len(cells)
    (failed,) = [each["title"] for each in cells if each["class"] == "k-failed"]
    expected = "sidecar.delete.before@1: failed, 3 recovery kills, tables/sidecar"
    assert expected == failed
    assert 2 == sum(each["class"] == "k-undecided" for each in cells)


def test_output_of_a_store_never_becomes_markup(tmp_path: Path) -> None:
    """What a process printed is shown, tags and control characters included."""
    page, content = _page(tmp_path)
    assert "two rows\\x1b[0m <b>&" in " ".join(page.text)
    assert "&lt;b&gt;&amp;" in content
    assert "\x1b" not in content


def test_a_campaign_that_was_cut_off_has_a_banner(tmp_path: Path) -> None:
    """The page of an incomplete record says so before anything else, and shows what is open."""
    page, content = _page(tmp_path, islice(events(Made(reports=tmp_path)), 12))
    text = " ".join(" ".join(page.text).split())
    assert ["alert"] == [each["role"] for each in page.of("div") if "role" in each]
    assert "This record is incomplete: the campaign was interrupted or killed." in text
    assert "<title>undecided: 10 cases - killpoint</title>" in content
    assert 20 == sum(each["class"] == "k-missing" for each in page.of("i") if "title" in each)


def test_a_page_of_nothing_can_be_read(tmp_path: Path) -> None:
    """A campaign that died before its first event still has a page that says undecided."""
    page, _ = _page(tmp_path, iter(()))
    assert "No scenario was run." in " ".join(page.text)


def test_a_directory_outside_the_record_is_named_but_not_linked(tmp_path: Path) -> None:
    """A record can be sent to somebody else without links into the sender's machine."""
    page, _ = _page(tmp_path, events(Made(reports=tmp_path / "elsewhere")))
    assert [] == page.of("a")
    assert "which is not beside this page" in " ".join(page.text)
