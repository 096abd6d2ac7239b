"""An address names one place, whichever way it is written, and wherever the process goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.storage import Storage, StorageError, UnsafeUrlError, connect
from engine.tests.storage import effects
from engine.tests.stores import ports


def _connect(where: str) -> Storage:
    return connect(where, ids=ports(1)[1])


@pytest.mark.parametrize("name", ["store", "a store", "ü.20%", "a#b?c", "a:b"])
def test_urls_paths_and_relative_paths_name_the_same_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What was written through one is read through the others, also from another directory."""
    monkeypatch.chdir(tmp_path)
    relative = _connect(f"./{name}")
    relative.make_fence(effects.FENCE)
    monkeypatch.chdir("/")
    relative.put(effects.PUT, "a", b"1")
    for where in ((tmp_path / name).as_uri(), str(tmp_path / name)):
        assert b"1" == _connect(where).get(effects.READ, "a")
    relative.close()


def test_each_place_in_memory_is_a_new_one() -> None:
    """Nothing of one is seen in another."""
    one, other = _connect("memory:"), _connect("memory:")
    one.put(effects.PUT, "a", b"")
    assert [] == other.list(effects.LIST, "")


@pytest.mark.parametrize(
    "where",
    [
        "",
        "file:",
        "file:relative",
        "file://elsewhere/a",
        "file:///a?b",
        "file:///a%00",
        "ftp://a",
        "s3:",
        "s3:///a",
        "s3://a/b?c",
    ],
)
def test_what_names_no_place_is_refused(where: str) -> None:
    """With an example of what does."""
    with pytest.raises(UnsafeUrlError, match="give a path, or a URL such as") as told:
        _connect(where)
    assert isinstance(told.value, StorageError)
