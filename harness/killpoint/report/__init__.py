"""Reports of a campaign: the terminal while it runs, and files for people, CI and programs.

`Terminal` listens; `write_reports(directory)` turns a record, finished or not, into `index.html`,
`junit.xml`, `summary.json` and `summary.md` beside it. A report never changes a record, and it
never decides a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from killpoint.errors import RecordError
from killpoint.records import read_record
from killpoint.report.html import write_html
from killpoint.report.junit import JUNIT_NAME, as_junit
from killpoint.report.markdown import MARKDOWN_NAME, as_markdown
from killpoint.report.sentence import Completeness, completeness
from killpoint.report.summary import SUMMARY_NAME, as_summary
from killpoint.report.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Completeness", "Terminal", "completeness", "write_html", "write_reports"]


def write_reports(directory: Path) -> Path:
    """Write every report of the record in `directory`, and return the path of the page.

    Raises `RecordError` when the record cannot be read or the reports cannot be written.
    """
    run = read_record(directory).run
    page = write_html(directory)
    for name, content in (
        (JUNIT_NAME, as_junit(run)),
        (SUMMARY_NAME, as_summary(run)),
        (MARKDOWN_NAME, as_markdown(run)),
    ):
        path = directory / name
        try:
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise RecordError(path, error.strerror or str(error)) from error
    return page
