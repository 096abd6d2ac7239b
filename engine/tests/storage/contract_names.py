"""The rows of the contract about names: what stands where, what a listing shows, what goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.storage import ABSENT, Cloned, NotFoundError, Storage, UnsafePathError
from engine.tests.storage import effects
from engine.tests.storage.place import Place

UNSAFE = (
    "", "/abs", "../up", "a/../../up", "a//b", "a/./b", "a/", "a\\b", "a\0b", "a\nb", "a\x7f",
    "tmp/x", "fence",
)  # fmt: skip
ODD = (
    "a b", " a", "a ", "a.b", ".a", "a.", "..a", "a..", "ü", "u\u0308", "日本", "😀", "a%20b",
    "a+b", "#?&=", "a:b", "*", "~", "{}", "'\"", "<a>", "x" * 200,
)  # fmt: skip
VERBS: tuple[Callable[[Storage, str], object], ...] = (
    lambda storage, path: storage.put(effects.PUT, path, b""),
    lambda storage, path: storage.put_if_absent(effects.CREATE, path, b""),
    lambda storage, path: storage.put_if_match(effects.SWAP, path, b"", ABSENT),
    lambda storage, path: storage.get(effects.READ, path),
    lambda storage, path: storage.exists(effects.READ, path),
    lambda storage, path: storage.delete(effects.DELETE, path),
    lambda storage, path: storage.delete_prefix(effects.DELETE_PREFIX, path),
    lambda storage, path: storage.delete_all(effects.DELETE_ALL, [path]),
    lambda storage, path: storage.clone(effects.CLONE, path, "target"),
    lambda storage, path: storage.clone(effects.CLONE, "source", path),
    lambda storage, path: storage.rename(effects.RENAME, path, "target"),
    lambda storage, path: storage.rename(effects.RENAME, "source", path),
)


def what_is_not_there_is_not_found(place: Place) -> None:
    """Neither a missing object, nor one in a missing directory, nor a name that begins alike."""
    place.storage.put(effects.PUT, "a/bc", b"")
    for path in ("a/none", "none/none", "a/b", "a/bc/d"):
        assert not place.storage.exists(effects.READ, path), path
        with pytest.raises(NotFoundError, match=path):
            place.storage.get(effects.READ, path)
    assert place.storage.exists(effects.READ, "a/bc")


def a_directory_is_no_object(place: Place) -> None:
    """Not found, by either way of asking; and one whose last object went holds nothing."""
    place.storage.put(effects.PUT, "full/a", b"")
    place.storage.put(effects.PUT, "empty/a", b"")
    place.storage.delete(effects.DELETE, "empty/a")
    for path in ("full", "empty"):
        assert not place.storage.exists(effects.READ, path), path
        with pytest.raises(NotFoundError, match=path):
            place.storage.get(effects.READ, path)
    assert [] == place.storage.list(effects.LIST, "empty")


def a_listing_is_sorted_and_keeps_to_its_directory(place: Place) -> None:
    """A sibling whose name begins alike is not in it; an absent directory is an empty one."""
    for path in ("t/b", "t/a/c", "t/a-", "t2/x", "t.json"):
        place.storage.put(effects.PUT, path, b"")
    assert ["t/a-", "t/a/c", "t/b"] == place.storage.list(effects.LIST, "t")
    assert ["t.json", "t/a-", "t/a/c", "t/b", "t2/x"] == place.storage.list(effects.LIST, "")
    assert [] == place.storage.list(effects.LIST, "none")


def deleting_again_is_harmless(place: Place) -> None:
    """What is gone stays gone, without an error; what was never there, too."""
    place.storage.put(effects.PUT, "a/b", b"")
    for _ in range(2):
        place.storage.delete(effects.DELETE, "a/b")
    place.storage.delete(effects.DELETE, "none/none")
    assert [] == place.storage.list(effects.LIST, "")


def deleting_a_prefix_leaves_no_skeleton_and_no_sibling_harmed(place: Place) -> None:
    """The directories go too, so that an object may take their name; again is harmless."""
    for path in ("t/a/b/c", "t/d", "t2/x"):
        place.storage.put(effects.PUT, path, b"")
    for _ in range(2):
        place.storage.delete_prefix(effects.DELETE_PREFIX, "t")
        assert ["t2/x"] == place.storage.list(effects.LIST, "")
    place.storage.put(effects.PUT, "t/a/b/c", b"again")
    assert b"again" == place.storage.get(effects.READ, "t/a/b/c")
    place.storage.delete_prefix(effects.DELETE_PREFIX, "t")
    place.storage.put(effects.PUT, "t", b"an object")
    assert b"an object" == place.storage.get(effects.READ, "t")


def deleting_many_takes_the_directories_that_are_empty_then(place: Place) -> None:
    """One that still holds something stays; deleting again is harmless."""
    for path in ("t/a/b/c", "t/a/d", "u/e"):
        place.storage.put(effects.PUT, path, b"")
    for _ in range(2):
        place.storage.delete_all(effects.DELETE_ALL, ["t/a/b/c", "u/e", "none/f"])
        assert ["t/a/d"] == place.storage.list(effects.LIST, "")
    place.storage.put(effects.PUT, "u", b"an object")
    assert b"an object" == place.storage.get(effects.READ, "u")


def a_rename_makes_the_directory_and_replaces_the_target(place: Place) -> None:
    """The source is gone, the target has its content; onto itself changes nothing."""
    place.storage.put(effects.PUT, "old", b"new")
    place.storage.put(effects.PUT, "to/here", b"old")
    place.storage.rename(effects.RENAME, "old", "to/here")
    place.storage.rename(effects.RENAME, "to/here", "far/away/now")
    place.storage.rename(effects.RENAME, "far/away/now", "far/away/now")
    assert ["far/away/now"] == place.storage.list(effects.LIST, "")
    assert b"new" == place.storage.get(effects.READ, "far/away/now")


def a_rename_without_a_source_changes_nothing(place: Place) -> None:
    """It is loud, and the target keeps its content."""
    place.storage.put(effects.PUT, "to/here", b"old")
    with pytest.raises(NotFoundError):
        place.storage.rename(effects.RENAME, "none", "to/here")
    assert b"old" == place.storage.get(effects.READ, "to/here")


def a_clone_keeps_the_content_when_the_source_is_replaced(place: Place) -> None:
    """And says how it was made; a second one finds it the same."""
    place.storage.put(effects.PUT, "a", b"old")
    made = place.storage.clone(effects.CLONE, "a", "kept/a")
    same = place.storage.clone(effects.CLONE, "a", "kept/a")
    place.storage.put(effects.PUT, "a", b"new")
    assert made.how in {Cloned.LINKED, Cloned.COPIED}
    assert (Cloned.SAME, made.digest) == (same.how, same.digest)
    assert b"old" == place.storage.get(effects.READ, "kept/a")


def a_clone_of_nothing_makes_nothing(place: Place) -> None:
    """It says so; no target appears."""
    assert Cloned.ABSENT == place.storage.clone(effects.CLONE, "none/a", "b").how
    assert [] == place.storage.list(effects.LIST, "")


def odd_names_are_names_like_any_other(place: Place) -> None:
    """Each is written, found, listed, renamed and deleted by exactly the name it was given."""
    paths = sorted([*ODD, *(f"in/{name}/side" for name in ODD)])
    for path in paths:
        place.storage.put(effects.PUT, path, path.encode())
    assert paths == place.storage.list(effects.LIST, "")
    for path in paths:
        assert path.encode() == place.again().get(effects.READ, path)
        assert place.storage.exists(effects.READ, path)
        place.storage.rename(effects.RENAME, path, f"moved/{path}")
    assert [f"moved/{path}" for path in paths] == place.storage.list(effects.LIST, "")
    for path in paths:
        place.storage.delete(effects.DELETE, f"moved/{path}")
    assert [] == place.storage.list(effects.LIST, "")


def no_verb_takes_an_unsafe_path(place: Place) -> None:
    """One out of the root, one that the backend keeps for itself, one that is no plain name."""
    for path in UNSAFE:
        for verb in VERBS:
            with pytest.raises(UnsafePathError, match="use a relative path"):
                verb(place.storage, path)
    assert [] == place.storage.list(effects.LIST, "")


NAMING = (
    what_is_not_there_is_not_found,
    a_directory_is_no_object,
    a_listing_is_sorted_and_keeps_to_its_directory,
    deleting_again_is_harmless,
    deleting_a_prefix_leaves_no_skeleton_and_no_sibling_harmed,
    deleting_many_takes_the_directories_that_are_empty_then,
    a_rename_makes_the_directory_and_replaces_the_target,
    a_rename_without_a_source_changes_nothing,
    a_clone_keeps_the_content_when_the_source_is_replaced,
    a_clone_of_nothing_makes_nothing,
    odd_names_are_names_like_any_other,
    no_verb_takes_an_unsafe_path,
)
