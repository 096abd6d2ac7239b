"""Paths against a root: spellings, links, and what a process's arguments mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from killpoint.sources.places import inside, path_of, roots_of


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "."),
        ("/f", "f"),
        ("/d/../f", "f"),
        ("/d//f/", "d/f"),
        ("/../root/f", "f"),
        ("/../root-not/f", None),
        ("/..", None),
    ],
)
def test_a_path_is_named_from_the_root(tmp_path: Path, path: str, name: str | None) -> None:
    """Only whole components count: a sibling whose name begins alike is outside."""
    root = tmp_path / "root"
    assert name == inside(roots_of(root), f"{root}{path}")


def test_the_last_component_is_never_followed(tmp_path: Path) -> None:
    """A link in the root that points out is inside; a link outside that points in is not."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out").symlink_to("/")
    (tmp_path / "in").symlink_to("root/f")
    roots = roots_of(tmp_path / "root")
    assert inside(roots, f"{tmp_path}/root/out") == "out"
    assert inside(roots, f"{tmp_path}/in") is None


def test_an_argument_means_an_absolute_path(tmp_path: Path) -> None:
    """Text, bytes, paths, open files and open directories; a pipe or a float mean none."""
    directory = os.open(tmp_path, os.O_RDONLY)
    reader, writer = os.pipe()
    try:
        assert path_of("f") == str(Path.cwd() / "f")
        assert path_of(b"f", directory) == f"{tmp_path}/f"
        assert path_of(tmp_path / "f") == f"{tmp_path}/f"
        assert path_of(directory) == str(tmp_path)
        assert path_of(reader) is None
        assert path_of("f", writer) is None
        assert path_of(99999) is None
        assert path_of(1.5) is None
    finally:
        for number in (directory, reader, writer):
            os.close(number)
