"""A bucket for tests: the server is started once a session, and each test has its own prefix.

`missing` is the one place that decides whether there can be one; who needs it and cannot have it
is skipped by name, and counted as skipped.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.request import Request, urlopen

from engine.tests.stores import DEADLINE_S, ROOT

NEEDED = ("obstore", "moto", "flask", "flask_cors")
BUCKET = "killpoint"
REGION = "us-east-1"
ANYBODY = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything"}


def missing() -> str:
    """Say which package a bucket needs and has not; empty when nothing is missing."""
    absent = [name for name in NEEDED if find_spec(name) is None]
    return f"no bucket: {', '.join(absent)} not installed; run make setup" if absent else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """A running server with one bucket."""

    endpoint: str
    process: int
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def environment(self) -> dict[str, str]:
        """What a process must know to use it."""
        own = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION, "AWS_ALLOW_HTTP": "true"}
        return {**ANYBODY, **own}

    def url(self) -> str:
        """Return the address of a place that nothing stands on yet."""
        return f"s3://{BUCKET}/a%20place/{next(self.numbers)}"


@contextmanager
def serving() -> Iterator[Buckets]:
    """Run the server in a process group of its own; it ends with the block, or with us."""
    command = [sys.executable, "-m", "engine.tests.moto"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as server:
        assert server.stdout is not None
        endpoint = server.stdout.readline().strip()
        assert endpoint, "the server ended before it served"
        try:
            _make_bucket(endpoint)
            yield Buckets(endpoint=endpoint, process=server.pid)
        finally:
            server.kill()


def _make_bucket(endpoint: str) -> None:
    """Make the bucket; the server looks at the region of the signature, and at nothing else."""
    scope = f"anybody/20260101/{REGION}/s3/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    request = Request(  # noqa: S310 -- the address is that of the server we have just started
        f"{endpoint}/{BUCKET}", data=b"", method="PUT", headers={"Authorization": signature}
    )
    with urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310 -- see above
        assert answer.status == 200
