"""What changed between two hits, seen in the directory and in what was acknowledged."""

import pytest

from killpoint.change import Change, changes_of
from killpoint.image import Entry, EntryKind, Image, image_of

FILE, DIRECTORY, LINK = EntryKind.FILE, EntryKind.DIRECTORY, EntryKind.HARD_LINK


def _image(**contents: bytes) -> Image:
    return image_of(Entry(name, FILE, 0o644, content) for name, content in contents.items())


START = _image(old=b"1")


def _change(after: Image, before: Image = START, acknowledged_count: int = 0) -> Change:
    return [*changes_of(START, [(before, 0), (after, acknowledged_count)])][-1]


def test_the_same_directory_is_no_change() -> None:
    """Reading, or syncing."""
    assert _change(START) is Change.NONE


def test_an_acknowledgement_is_a_turn_though_no_byte_changed() -> None:
    """What is legal after it is not what was legal before."""
    assert _change(START, acknowledged_count=1) is Change.TURN


@pytest.mark.parametrize(
    "after",
    [_image(old=b"1", new=b""), _image(old=b"1", new=b"22")],
    ids=["made", "written"],
)
def test_bytes_that_gather_in_a_new_file_are_growth(after: Image) -> None:
    """Nobody takes it for whole yet, or it is as good as any other moment of its making."""
    assert _change(after) is Change.GROWTH


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_image(old=b"1", new=b"2"), _image(old=b"2")),
        (START, image_of([])),
        (START, _image(old=b"")),
        (START, image_of([*START.entries, Entry("linked", LINK, 0o644, b"old")])),
        (START, image_of([*START.entries, Entry("made", DIRECTORY, 0o755)])),
    ],
    ids=["renamed over", "removed", "written over", "linked", "a directory"],
)
def test_a_name_that_comes_to_stand_for_something_else_is_a_turn(
    before: Image, after: Image
) -> None:
    """A protocol takes its steps there."""
    assert _change(after, before) is Change.TURN
