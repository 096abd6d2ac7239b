"""A storage in a bucket that speaks S3, through obstore.

Where the server is and who we are there comes from the environment (`AWS_ENDPOINT_URL`,
`AWS_REGION`, `AWS_ACCESS_KEY_ID`, ...). Conditional writes are the server's own (`If-None-Match`,
`If-Match`). A request waits for half a minute at most. What may be done twice is tried again a few
times when the server is busy or asks for fewer requests: reading, listing, setting and deleting. A
conditional write is not: one whose answer was lost would, tried again, find its own object and
report that somebody else had won. It is sent once, and is unknown until it is looked at.

It never takes a missing bucket for a missing object.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from engine.storage.bucket import Tagged
from engine.storage.claim import Claim
from engine.storage.errors import NotFoundError
from engine.storage.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import RetryConfig

NO_BUCKET = "NoSuchBucket"
BUSY = ("SlowDown", "503 Service Unavailable")
RETRIES_MAX = 4
PATIENCE: RetryConfig = {
    "max_retries": RETRIES_MAX,
    "backoff": {
        "init_backoff": timedelta(milliseconds=50),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=30),
}


def s3_storage(bucket: str, prefix: str) -> Objects:
    """Return a storage on what stands under the prefix, which may be empty."""
    found = S3Bucket(bucket, prefix)
    server = os.environ.get("AWS_ENDPOINT_URL", "")
    return Objects(found, Claim(found, f"{server} s3://{bucket}/{prefix}"))


class S3Bucket:
    """The values under one prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str) -> None:
        """Ask nothing of the server yet."""
        under = prefix or None
        self._store = S3Store(bucket, prefix=under, retry_config=PATIENCE)
        self._once = S3Store(bucket, prefix=under, retry_config={"max_retries": 0})

    def get(self, name: str) -> Tagged:
        """See `Bucket`."""
        with _speaking():
            try:
                found = self._store.get(name)
                return Tagged(data=bytes(found.bytes()), tag=found.meta["e_tag"] or "")
            except FileNotFoundError as missing:
                if NO_BUCKET in str(missing):
                    raise
                raise NotFoundError(name) from missing

    def has(self, name: str) -> bool:
        """See `Bucket`."""
        with _speaking():
            try:
                self._store.head(name)
            except FileNotFoundError:
                # The answer to a HEAD has no body, so a missing bucket looks the same. A listing
                # says which it is.
                next(iter(self._store.list(name, chunk_size=1)), None)
                return False
            return True

    def put(self, name: str, data: bytes) -> None:
        """See `Bucket`."""
        with _speaking():
            self._store.put(name, data, use_multipart=False)

    def put_new(self, name: str, data: bytes) -> bool:
        """See `Bucket`."""
        with _speaking():
            try:
                self._once.put(name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            return True

    def put_over(self, name: str, data: bytes, tag: str) -> bool:
        """See `Bucket`."""
        with _speaking():
            try:
                self._once.put(name, data, mode={"e_tag": tag}, use_multipart=False)
            except PreconditionError as refusal:
                if NO_BUCKET in str(refusal):
                    raise
                return False
            return True

    def delete(self, name: str) -> None:
        """See `Bucket`."""
        with _speaking():
            self._store.delete(name)

    def names_under(self, directory: str) -> list[str]:
        """See `Bucket`."""
        with _speaking():
            pages = obstore.list(self._store, directory or None)
            return [found["path"] for page in pages for found in page]


@contextmanager
def _speaking() -> Iterator[None]:
    """Turn what the server or the way to it refuses into an `OSError` of one line."""
    try:
        yield
    except (BaseError, FileNotFoundError) as refusal:
        if any(word in str(refusal) for word in BUSY):
            raise OSError(errno.EBUSY, "the bucket asks for fewer requests") from refusal
        kind = type(refusal).__name__
        reason = f"the bucket answered with {kind}, or not at all"
        raise OSError(errno.EIO, reason) from refusal
