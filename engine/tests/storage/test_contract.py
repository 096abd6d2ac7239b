"""Every backend keeps every row of the contract that can apply to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.tests.buckets import Buckets
from engine.tests.storage.contract import CASES, NOT_APPLICABLE, ROWS, Backend, place_on
from engine.tests.stores import ROOT


@pytest.mark.parametrize(("backend", "row"), CASES, ids=str)
def test_the_contract_holds(
    backend: Backend, row: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The row's own docstring says what is gone when it fails."""

    def bucket() -> str:
        buckets: Buckets = request.getfixturevalue("buckets")
        return buckets.url()

    with place_on(backend, tmp_path, bucket) as place:
        ROWS[row](place)


def test_what_cannot_apply_is_named_with_its_reason() -> None:
    """Nothing is left out in silence: every pair is a case, or in the table, and never both."""
    left_out = [(backend, row) for backend, rows in NOT_APPLICABLE.items() for row in rows]
    assert {(backend, row) for backend in Backend for row in ROWS} == {*CASES, *left_out}
    assert len(Backend) * len(ROWS) == len(CASES) + len(left_out)
    assert {Backend.MEMORY} == {backend for backend, _ in left_out}
    assert all(reason for rows in NOT_APPLICABLE.values() for reason in rows.values())


@pytest.mark.parametrize(("wanted", "code"), [("memory and put_replaces", 0), ("s3x", 5)])
def test_a_filter_that_matches_no_row_fails(wanted: str, code: int) -> None:
    """A job that asks for rows which are not there any more must not be green."""
    rows = f"{__file__}::{test_the_contract_holds.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", rows, "-k", wanted]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert code == done.returncode, done.stdout
