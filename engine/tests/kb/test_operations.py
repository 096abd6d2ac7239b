"""What adding, importing, removing and recompiling do to a knowledge base."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import kb
from engine.kb import CloudDocument, Status, operations
from engine.storage import IoFailedError
from engine.tests.kb.bases import ALMANAC, ATLAS, EDITED, leftovers, open_base, tree
from killpoint.failpoints import arm

URL = "https://a.example/wiki/tide.md"


def _off_line(url: str) -> bytes:
    raise ConnectionError(url)


def _downloads(root: Path) -> list[str]:
    found = root / "downloads"
    return [path.name for path in found.iterdir()] if found.exists() else []


def test_an_edited_document_replaces_the_old_one(root: Path) -> None:
    """One entry, the new text, and no page that only the old text had earned."""
    base = open_base(root)
    base.add(*EDITED)
    files = base.files()
    assert ["almanac", "atlas"] == [document.name for document in base.documents()]
    assert EDITED[1] == files["raw/almanac.md"]
    assert b"- [[almanac]]" not in files["wiki/concepts/moon.md"]
    assert b"# Star\n\n- [[almanac]]\n" == files["wiki/concepts/star.md"]
    assert 2 == sum(path.startswith("hashes/") for path in files)


def test_a_long_document_that_becomes_short_leaves_no_index(root: Path) -> None:
    """Blob, images, index and pages of the old text go with it, directories too."""
    base = open_base(root)
    base.add(ATLAS[0], b"The [[Moon]] in short.")
    assert not [path for path in tree(root) if path.startswith(("files", "index"))]
    assert not (root / "wiki/sources/images").exists()
    assert ["The [[Moon]] in short."] == base.pages("atlas")


def test_names_that_are_too_long_for_a_file_are_shortened(root: Path) -> None:
    """Of a source, a concept, an entity; two of them still get names of their own."""
    base, long = open_base(root), "x" * 300
    names = [
        base.add(f"{end}/{long}.md", f"[[{long}]] @{long} {end}".encode()).document for end in "ab"
    ]
    assert [["x" * 80], 2] == [names[:1], len({*names})]
    assert f"wiki/concepts/{'x' * 80}.md" in base.files()
    base.remove(names[1])


def test_a_known_content_is_skipped(root: Path) -> None:
    """Under whatever name it comes; nothing changes, not even the audit."""
    base, before = open_base(root), tree(root)
    result = base.add("elsewhere/copy.md", ALMANAC[1])
    assert (Status.SKIPPED, "almanac") == (result.status, result.document)
    assert (before, []) == (tree(root), leftovers(root))


def test_another_source_of_the_same_name_gets_a_name_of_its_own(root: Path) -> None:
    """And keeps it when it is edited."""
    base = open_base(root)
    first = base.add("other/almanac.md", b"Another almanac.").document
    second = base.add("other/almanac.md", b"Another almanac, edited.").document
    assert first == second
    assert first.startswith("almanac-")
    assert [ALMANAC[1].decode()] == base.pages("almanac")


def test_a_download_outlives_a_failed_add_and_is_used_by_the_next(root: Path) -> None:
    """Nothing is fetched twice; once it is added, the download is gone."""
    base = open_base(root)
    before = tree(root)
    with arm("kb.audit.put.before=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        base.add_url(URL, lambda _: b"The tide.")
    assert (before, 1) == (tree(root), len(_downloads(root)))
    assert Status.ADDED == base.add_url(URL, _off_line).status
    assert ([], ["The tide."]) == (_downloads(root), base.pages("tide"))


def test_a_download_of_known_content_is_deleted(root: Path) -> None:
    """It is skipped like any other."""
    base = open_base(root)
    assert Status.SKIPPED == base.add_url(URL, lambda _: ALMANAC[1]).status
    assert [] == _downloads(root)


def test_a_download_that_can_never_be_added_is_fetched_anew(root: Path) -> None:
    """An error page that was kept would fail every further try, and nobody could mend it."""
    base = open_base(root)
    with pytest.raises(kb.BadSourceError, match="not UTF-8"):
        base.add_url(URL, lambda _: b"\xff")
    assert [] == _downloads(root)
    assert Status.ADDED == base.add_url(URL, lambda _: b"The tide.").status


def test_a_cloud_import_looks_again_once_it_has_the_lock(root: Path) -> None:
    """Somebody imports the same while it is fetched: it is skipped, not doubled."""
    base, other = open_base(root), open_base(root, 10)
    pages = CloudDocument(name="paper", pages=("one [[Moon]]", "two"))

    def slow(cloud_id: str) -> CloudDocument:
        other.import_cloud(cloud_id, lambda _: pages)
        return pages

    assert Status.SKIPPED == base.import_cloud("c-1", slow).status
    assert ["one [[Moon]]", "two"] == base.pages("paper")


def test_a_cloud_import_takes_its_name_under_the_lock(root: Path) -> None:
    """Somebody takes the name while it is fetched: it gets another one."""
    base, other = open_base(root), open_base(root, 10)

    def slow(_: str) -> CloudDocument:
        other.add("paper.md", b"was here first")
        return CloudDocument(name="paper", pages=("one",))

    assert base.import_cloud("c-1", slow).document.startswith("paper-")
    assert ["was here first"] == base.pages("paper")


@pytest.mark.parametrize("point", ["kb.page.put.before", "kb.index.put.renamed"])
def test_a_cloud_import_that_fails_leaves_nothing(root: Path, point: str) -> None:
    """No page, no index, no entry; a second try works."""
    base, before = open_base(root), tree(root)
    pages = CloudDocument(name="paper", pages=("one",))
    with arm(f"{point}=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        base.import_cloud("c-1", lambda _: pages)
    assert (before, []) == (tree(root), leftovers(root))
    assert Status.ADDED == base.import_cloud("c-1", lambda _: pages).status


def _cause_told(base: kb.Kb) -> str:
    """Return what an import says whose page index cannot be written."""
    pages = CloudDocument(name="paper", pages=("one",))
    plan = "kb.index.put.before=raise(OSError, EIO)"
    with arm(plan), pytest.raises((IoFailedError, kb.KbError)) as told:
        base.import_cloud("c-1", lambda _: pages)
    return str(told.value)


def test_a_cloud_import_that_fails_tells_the_cause(root: Path) -> None:
    """Which file, and what the system said."""
    assert re.search(
        r"'index/\w+\.sqlite' failed \(Input/output error\)", _cause_told(open_base(root))
    )


def test_a_cloud_import_that_tells_another_cause_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake that upstream once made: whatever failed, it blamed the document."""
    right = operations.import_cloud

    def import_cloud(section: kb.Section, cloud_id: str, fetched: CloudDocument) -> kb.Result:
        try:
            return right(section, cloud_id, fetched)
        except Exception as failure:
            raise kb.BadSourceError(cloud_id, "the cloud does not have it") from failure

    monkeypatch.setattr(operations, "import_cloud", import_cloud)
    assert "Input/output error" not in _cause_told(open_base(root))


def test_removing_everything_leaves_an_empty_base(root: Path) -> None:
    """Only the audit remembers."""
    base = open_base(root)
    for name in ("atlas", "almanac"):
        base.remove(name)
    assert {} == {path: data for path, data in base.files().items() if "audit" not in path}
    with pytest.raises(kb.UnknownDocumentError, match="list the documents"):
        base.remove("atlas")


@pytest.mark.parametrize("point", ["kb.body.delete.before", "kb.body.delete.after"])
def test_a_removal_that_fails_removes_nothing_and_can_be_tried_again(
    root: Path, point: str
) -> None:
    """Registry, blobs and index stay together, so that nothing stale is found later."""
    base, before = open_base(root), tree(root)
    with arm(f"{point}=raise(OSError, EIO)"), pytest.raises(IoFailedError):
        base.remove("atlas")
    assert (before, []) == (tree(root), leftovers(root))
    base.remove("atlas")
    assert Status.ADDED == base.add(*ATLAS).status


def test_recompiling_uses_the_kept_text_and_this_handles_compiler(root: Path) -> None:
    """Summary and shared pages change; the original and its index do not."""

    def terse(text: str) -> kb.Compiled:
        return kb.Compiled(summary=text[:5], concepts=("Star",), entities=())

    base = open_base(root, compiler=terse)
    for name in ("almanac", "atlas"):
        base.recompile(name)
    files = base.files()
    assert b"# almanac\n\nTides\n" == files["wiki/summaries/almanac.md"]
    assert b"# Star\n\n- [[almanac]]\n- [[atlas]]\n" == files["wiki/concepts/star.md"]
    assert "wiki/concepts/moon.md" not in files
    assert 3 == len(base.pages("atlas"))
