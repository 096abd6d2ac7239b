"""What can go wrong below a store, in one tree; each sentence ends with the next step.

    StorageError
        NotFoundError         nothing stands at that path
        UnsafePathError       the path would leave the root, or is the backend's own
        UnsafeUrlError        the address of a store names no place
        BackendMissingError   a backend's package is not installed
        IoFailedError         the system refused a call
        ShortWriteError       fewer bytes arrived than were written
        TruncatedObjectError  a versioned object lacks its first line
        StaleTokenError       somebody else swapped first
        LockBusyError         a live owner holds the lock
        ForeignWriterError    another process is the one that writes to the bucket
        FenceMissingError     the root has no lock file

It never names the root: messages hold paths inside the store only.
"""

from __future__ import annotations

import errno

_SPACE = "free some space on its disk"
_FILES = "close files, or raise the limit of open files (ulimit -n)"
_RIGHTS = "give this user the right to write there"
_PLACE = "its directory or disk is not there: bring it back"
REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EBUSY: "let others who use it pause, or wait a while",
    errno.EROFS: "its disk is read-only: mount it for writing",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOENT: _PLACE,
    errno.ENOTDIR: _PLACE,
    errno.ESTALE: _PLACE,
}


class StorageError(Exception):
    """Base of everything that storage raises."""


class NotFoundError(StorageError):
    """Nothing stands at that path."""

    def __init__(self, path: str) -> None:
        """Build the sentence from the path inside the store."""
        self.path = path
        super().__init__(f"{path!r} does not exist: list its directory to see what does.")


class UnsafePathError(StorageError):
    """The path would leave the root, or belongs to the backend."""

    def __init__(self, path: str, reason: str) -> None:
        """Build the sentence from the path and what is wrong with it."""
        self.path = path
        super().__init__(
            f"{path!r} {reason}: use a relative path of plain names joined by slashes."
        )


class UnsafeUrlError(StorageError):
    """The address of a store names no place that a backend could open."""

    def __init__(self, url: str, reason: str) -> None:
        """Build the sentence from the address and what is wrong with it."""
        self.url = url
        super().__init__(f"{url!r} {reason}: give a path, or a URL such as file:///data/store.")


class BackendMissingError(StorageError):
    """The address is a good one, but the package that would open it is not installed."""

    def __init__(self, url: str, package: str) -> None:
        """Build the sentence from the address and the package."""
        self.url = url
        self.package = package
        super().__init__(f"{url!r} needs the package {package}: install it, then try again.")


class IoFailedError(StorageError):
    """The operating system refused a call; the cause is chained."""

    def __init__(self, verb: str, path: str, cause: OSError) -> None:
        """Build the sentence from the verb, the path and the system's own words."""
        self.verb = verb
        self.path = path
        self.errno = cause.errno
        super().__init__(
            f"{verb} of {path!r} failed ({cause.strerror or cause}), and whether it took effect is "
            f"unknown: {_remedy(cause.errno)}, then reopen the store."
        )


def _remedy(number: int | None) -> str:
    """Say what helps against a refusal of the system."""
    return REMEDIES.get(number or 0, "remove the cause")


class ShortWriteError(StorageError):
    """Fewer bytes arrived in the file than were handed over; nothing became visible."""

    def __init__(self, path: str, wanted_bytes: int, found_bytes: int) -> None:
        """Build the sentence from the two sizes."""
        self.path = path
        super().__init__(
            f"{path!r} got {found_bytes} of {wanted_bytes} bytes and was not published: "
            "check the disk for space, then try again."
        )


class TruncatedObjectError(StorageError):
    """A versioned object does not begin with its generation."""

    def __init__(self, path: str) -> None:
        """Build the sentence from the path."""
        self.path = path
        super().__init__(
            f"{path!r} lacks its generation line, so it was damaged or not written by "
            "put_if_match: restore it from a copy."
        )


class StaleTokenError(StorageError):
    """A compare-and-swap lost: the object is not what its writer had read."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        """Build the sentence from the two tokens."""
        self.path = path
        self.expected = expected
        self.found = found
        super().__init__(
            f"{path!r} is at {found}, not at {expected}: read it again, then decide again."
        )


class LockBusyError(StorageError):
    """A live owner, in this process or another, holds the lock."""

    def __init__(self, name: str, waited_s: float) -> None:
        """Build the sentence from the name of the lock and how long we waited."""
        self.name = name
        super().__init__(
            f"{name!r} is still held by a live operation after {waited_s:g} s: let that operation "
            "finish or end its process, then try again."
        )


class ForeignWriterError(StorageError):
    """Another process, not known to be dead, has claimed the bucket's place for writing."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__(
            "another process is the writer of this store, here or on another machine: close it "
            "there; if its machine is gone for good, delete the object 'fence' and run init."
        )


class FenceMissingError(StorageError):
    """The root has no lock file, so it is no store, or its making was cut short."""

    def __init__(self) -> None:
        """Build the one sentence there is."""
        super().__init__(
            "the store has no file 'fence', or is not there: if its disk or directory has gone, "
            "bring it back; a new one is made by init: run init on it, then try again."
        )
