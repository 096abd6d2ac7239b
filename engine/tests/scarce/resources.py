"""Resources that are really short: a full disk, no descriptor, a disk that is read-only or gone.

Each is taken from this process, or from the small disk that a store stands on, and given back. The
disk is a tmpfs of a private mount namespace, so it ends with the process that mounted it. Nothing
here is simulated: the kernel refuses, and at whichever call it likes.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DISK_BYTES = 2 << 20
INODES_COUNT = 400
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private")
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
AWAY, BALLAST = "away", "ballast"

LIMITS = resource.getrlimit(resource.RLIMIT_NOFILE)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What becomes short. `take(root, left)` leaves so much of it; `remedy` must be in the error.

    `all_at_once` means that there is no less of it, only none: it is taken in mid-operation.
    `readable` says that what is short is nothing that reading needs.
    """

    remedy: str
    take: Callable[[Path, int], None]
    all_at_once: bool = False
    readable: bool = False


def missing() -> str:
    """Say why no disk can be mounted here; empty when one can."""
    try:
        done = subprocess.run(
            [*NAMESPACE, "mount", "-t", "tmpfs", "none", "/tmp"],  # noqa: S108 -- seen by it alone
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "no small disk: unshare is not installed (util-linux)"
    why = done.stderr.strip()
    return f"no small disk: a mount namespace is refused ({why})" if done.returncode else ""


def mount_disk(place: Path) -> None:
    """Mount a small, empty disk."""
    _mount("tmpfs", place, 0, f"size={DISK_BYTES},nr_inodes={INODES_COUNT}")


def put_back(root: Path) -> str:
    """Give back whatever was taken, and say what was made meanwhile in the store's place."""
    wrong = ""
    resource.setrlimit(resource.RLIMIT_NOFILE, LIMITS)
    if _is_mounted(root):
        strangers = [path for path in root.rglob("*") if path.is_file()]
        wrong = f"written to another disk: {strangers}" if strangers and _is_foreign(root) else ""
        _unmount(root)
    away = root.with_name(AWAY)
    if away.exists():
        wrong = "something was made where the store had been" if root.exists() else ""
        shutil.rmtree(root, ignore_errors=True)
        away.rename(root)
    ballast = root.with_name(BALLAST)
    if ballast.is_dir():
        shutil.rmtree(ballast)
    ballast.unlink(missing_ok=True)
    return wrong


def _pages(root: Path, left: int) -> None:
    """Fill the disk but for so many pages."""
    disk = os.statvfs(root)
    with root.with_name(BALLAST).open("wb") as file:
        if disk.f_bavail > left:
            os.posix_fallocate(file.fileno(), 0, (disk.f_bavail - left) * disk.f_bsize)
    assert os.statvfs(root).f_bavail <= left, "the disk did not fill as it was meant to"


def _inodes(root: Path, left: int) -> None:
    """Use up the disk's files but for so many."""
    place = root.with_name(BALLAST)
    place.mkdir()
    for number in range(os.statvfs(root).f_favail - left):
        (place / str(number)).touch()
    assert left == os.statvfs(root).f_favail, "the disk did not fill as it was meant to"


def _descriptors(root: Path, left: int) -> None:
    """Lower the limit of this process, so that it can open so many files more."""
    del root
    free = (number for number in itertools.count() if not _is_open(number))
    limit = next(itertools.islice(free, left, None))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, LIMITS[1]))


def _writing(root: Path, left: int) -> None:
    """Mount the store's directory over itself, for reading."""
    del left
    _mount(str(root), root, MS_BIND)
    _mount("none", root, MS_BIND | MS_REMOUNT | MS_RDONLY)


def _directory(root: Path, left: int) -> None:
    """Give the store's directory another name; nothing may come into its place."""
    del left
    root.rename(root.with_name(AWAY))


def _disk(root: Path, left: int) -> None:
    """Put an empty disk in the place of the store's; no file may come onto it."""
    del left
    _mount("tmpfs", root, 0)


RESOURCES = {
    "pages": Resource(remedy="free some space", take=_pages, readable=True),
    "inodes": Resource(remedy="free some space", take=_inodes, readable=True),
    "descriptors": Resource(remedy="limit of open files", take=_descriptors),
    "space": Resource(remedy="free some space", take=_pages, all_at_once=True, readable=True),
    "limit": Resource(remedy="limit of open files", take=_descriptors, all_at_once=True),
    "writing": Resource(
        remedy="mount it for writing", take=_writing, all_at_once=True, readable=True
    ),
    "directory": Resource(remedy="bring it back", take=_directory, all_at_once=True),
    "disk": Resource(remedy="bring it back", take=_disk, all_at_once=True),
}


def _is_open(number: int) -> bool:
    """Whether this process has such a descriptor."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _is_mounted(root: Path) -> bool:
    """Whether something is mounted there, also the same disk once more."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return str(root) in (line.split()[4] for line in mounts)


def _is_foreign(root: Path) -> bool:
    """Whether what is mounted there is not the store seen once more."""
    return root.stat().st_dev != root.parent.stat().st_dev


def _mount(source: str, target: Path, flags: int, options: str = "") -> None:
    """Mount, or raise what the kernel said."""
    kind = source.encode() if source == "tmpfs" else None
    words = (source.encode(), os.fsencode(target), kind, flags, options.encode() or None)
    if _libc.mount(*words):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def _unmount(target: Path) -> None:
    """Unmount what was mounted last."""
    if _libc.umount2(os.fsencode(target), 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))
