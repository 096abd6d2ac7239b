"""A file that was damaged, or that a newer engine wrote, is refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import graph, kb
from engine.kb import DamagedFileError, FutureFormatError
from engine.record import Records, encode

FIELDS = {"name": "ada", "number": 3, "list": [1, 2], "nested": {"b": True}}
DATA = encode(FIELDS)
RECORDS = Records(damaged=DamagedFileError, future=FutureFormatError)


def test_fields_come_back() -> None:
    """Format and check are the file's own business."""
    assert FIELDS == RECORDS.decode("f", DATA)
    assert DATA == encode(dict(reversed(FIELDS.items())))


@given(st.integers(0, len(DATA) - 2), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(place: int, flip: int) -> None:
    """Wherever it is (but for the newline at the end), and whichever bits are flipped."""
    damaged = bytearray(DATA)
    damaged[place] ^= flip
    with pytest.raises((DamagedFileError, FutureFormatError), match="'f'"):
        RECORDS.decode("f", bytes(damaged))


@given(st.integers(0, len(DATA) - 2))
def test_no_truncation_goes_unnoticed(length: int) -> None:
    """Down to the empty file."""
    with pytest.raises(DamagedFileError, match="'f' is damaged"):
        RECORDS.decode("f", DATA[:length])


def test_a_newer_format_is_told_apart_from_damage() -> None:
    """Its check is not looked at: a newer engine may compute it in another way."""
    future = json.dumps({"format": 2, "check": "of another kind"}).encode()
    with pytest.raises(FutureFormatError, match=r"format 2 .* upgrade the engine"):
        RECORDS.decode("f", future)


@pytest.mark.parametrize("data", [b"[]", b"3", b"{}", b'{"format": "1"}', b'{"format": true}'])
def test_what_is_json_but_no_record_is_damage(data: bytes) -> None:
    """It must be an object with a format number."""
    with pytest.raises(DamagedFileError):
        RECORDS.decode("f", data)


def test_each_store_raises_errors_of_its_own_tree() -> None:
    """So that whoever catches a store's errors catches these."""
    for decode, base in ((graph.record.decode, graph.GraphError), (kb.record.decode, kb.KbError)):
        for data in (b"", b'{"format": 2}'):
            with pytest.raises(base, match="'f'"):
                decode("f", data)


def test_a_missing_field_names_the_file() -> None:
    """For content whose check is right and whose shape is wrong."""
    with pytest.raises(DamagedFileError, match=r"'f' is damaged .*'age'"), RECORDS.parsing("f"):
        RECORDS.decode("f", DATA)["age"]
