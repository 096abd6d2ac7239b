"""Damage at rest: a store that checks what it reads names every file, and the others are found."""

import pytest

from killpoint import image
from killpoint.damage import damaged, damages_of, moved_to
from killpoint.fault import Fault
from killpoint.image import Entry, EntryKind, Image
from tests.shell import STORES, Shell

FRAGILE = str(STORES / "fragile.py")


def _image(**files: bytes) -> Image:
    entries = [Entry(f"d/{name}", EntryKind.FILE, 0o644, data) for name, data in files.items()]
    return image.image_of([Entry("d", EntryKind.DIRECTORY, 0o755), *entries])


@pytest.mark.parametrize(
    ("store", "exit_code", "sentence"),
    [
        ("sound", 0, "complete: 10 of 10 damages done"),
        ("trusting", 1, "nothing wrong is read in silence"),
        ("vague", 1, "damage is told with the file"),
        ("timid", 1, "one damaged file leaves the rest readable"),
    ],
)
def test_only_the_store_that_checks_passes(
    shell: Shell, store: str, exit_code: int, sentence: str
) -> None:
    """Wrong content in silence, an error without a name, and a refusal of everything are found."""
    done = shell.killpoint("run", FRAGILE, f"fragile.{store}", "--strategy", "damage")

    assert exit_code == done.returncode, done.stdout
    assert sentence in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("damage", "exit_code", "said"),
    [
        ("flip:2.note@1", 0, "one bit was flipped: 2.note"),
        ("stale:#2", 0, "the content of a neighbour was given"),
        ("cut:3.note@1", 4, "after the workload the store has no 3.note"),
        ("cut:#9", 4, "after the workload the store has no file 9"),
    ],
)
def test_a_token_of_damage_is_replayed_and_told(
    shell: Shell, damage: str, exit_code: int, said: str
) -> None:
    """By the name of the file or by its place; a file that is not there is undecided."""
    token = f"k1/fragile.sound/{damage}~0000"
    replayed = shell.killpoint("replay", token, FRAGILE)
    told = shell.killpoint("explain", token, FRAGILE)

    assert exit_code == replayed.returncode, replayed.stdout
    assert said in " ".join(told.stdout.split()), told.stdout


def test_each_damage_changes_the_image_in_one_place() -> None:
    """Each of a file with a neighbour; what would change nothing is not proposed."""
    whole = _image(a1=b"first", a2=b"second", a3=b"")
    proposed = dict(damages_of(whole))

    assert (Fault.CUT, Fault.FLIP, Fault.EMPTY, Fault.MOVED, Fault.STALE) == proposed["d/a2"]
    assert (Fault.MOVED, Fault.STALE) == proposed["d/a3"]
    assert Fault.FOREIGN in proposed["d/a1"]
    ids = {damaged(whole, path, fault).id for path, faults in proposed.items() for fault in faults}
    assert sum(map(len, proposed.values())) == len(ids | {whole.id}) - 1


def test_a_file_moves_to_a_name_that_is_free() -> None:
    """It never takes the place of another."""
    whole = _image(a1=b"first", a2=b"second")

    assert "d/a3" == moved_to(whole, "d/a1")
    assert {"d", "d/a2", "d/a3"} == {
        entry.path for entry in damaged(whole, "d/a1", Fault.MOVED).entries
    }
