"""What a storage in a bucket does beyond the contract: one writer process, and no guesses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from engine.storage import (
    ABSENT,
    BackendMissingError,
    FenceMissingError,
    ForeignWriterError,
    IoFailedError,
    ShortWriteError,
    Storage,
)
from engine.storage.bucket import MemoryBucket
from engine.storage.claim import FREE, Claim
from engine.storage.fence import FENCE_NAME
from engine.tests.buckets import Buckets
from engine.tests.storage import effects
from engine.tests.storage.contract import open_url
from engine.tests.storage.place import Place
from killpoint.failpoints import arm

VERBS: list[Callable[[Storage], object]] = [
    lambda storage: storage.get(effects.READ, "a"),
    lambda storage: storage.exists(effects.READ, "a"),
    lambda storage: storage.list(effects.LIST, ""),
    lambda storage: storage.put(effects.PUT, "a", b""),
    lambda storage: storage.put_if_absent(effects.CREATE, "a", b""),
    lambda storage: storage.put_if_match(effects.SWAP, "a", b"", ABSENT),
    lambda storage: storage.delete(effects.DELETE, "a"),
    lambda storage: storage.fence.try_hold("a"),
]


@pytest.fixture
def place(buckets: Buckets) -> Place:
    """Return an empty place in the bucket."""
    url = buckets.url()
    made = Place(storage=open_url(url), again=lambda: open_url(url), url=url)
    made.storage.make_fence(effects.FENCE)
    return made


@pytest.mark.parametrize("verb", VERBS, ids=range(len(VERBS)))
def test_a_missing_bucket_is_never_taken_for_a_missing_object(
    buckets: Buckets, verb: Callable[[Storage], object]
) -> None:
    """Every verb says that it failed, in one line."""
    del buckets
    with pytest.raises(IoFailedError, match="the bucket answered with") as told:
        verb(open_url("s3://no-such-bucket/a"))
    assert "\n" not in str(told.value)


def test_a_server_that_does_not_answer_is_a_failure_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of unknown outcome, and not tried again behind our back."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(IoFailedError, match="whether it took effect is unknown"):
        place.again().put_if_absent(effects.CREATE, "a", b"")


class Unhelpful(BaseHTTPRequestHandler):
    """A server that counts what it is asked, and answers that it is busy or not at all."""

    asked: ClassVar[list[str]] = []
    status = 503

    def do_PUT(self) -> None:
        """Read the request, then be of no help."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        if self.status:
            self.send_error(self.status)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "told"),
    [(500, "with GenericError"), (503, "asks for fewer requests"), (0, "with GenericError")],
)
def test_a_conditional_write_that_failed_is_not_sent_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    """Neither when the server says that it is busy, nor when it hangs up: once is once."""
    monkeypatch.setattr(Unhelpful, "status", status)
    monkeypatch.setattr(Unhelpful, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Unhelpful) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(IoFailedError, match=told):
            place.again().put_if_absent(effects.CREATE, "a", b"")
        server.shutdown()
    assert 1 == len(Unhelpful.asked)


def test_a_short_write_is_never_handed_over(place: Place) -> None:
    """Refused with both sizes, before any request."""
    told = "got 2 of 7 bytes"
    with arm("trial.create.created=return(b'co')"), pytest.raises(ShortWriteError, match=told):
        place.storage.put_if_absent(effects.CREATE, "a", b"content")
    assert not place.storage.exists(effects.READ, "a")


def test_a_second_process_is_refused_until_the_first_has_closed(place: Place) -> None:
    """Also for another lock, and as long as one handle of the first still writes."""
    first, second = place.storage, place.again()
    for handle in (first, second):
        held = handle.fence.try_hold("a")
        assert held is not None
        held.release()
    assert place.elsewhere("try", "b").startswith("ForeignWriterError: another process")
    first.close()
    assert place.elsewhere("try", "b").startswith("ForeignWriterError")
    second.close()
    assert "free" == place.elsewhere("try", "b")


def test_opening_to_write_is_refused_while_another_process_writes(place: Place) -> None:
    """The sweep that begins it asks for admission; reading goes on."""
    with place.start("hold", "a") as owner:
        assert owner.stdout is not None
        assert "holding\n" == owner.stdout.readline()
        with pytest.raises(ForeignWriterError, match="delete the object 'fence' and run init"):
            place.storage.sweep(effects.LIST, effects.DELETE)
        assert [] == place.storage.list(effects.LIST, "")
        owner.kill()
    assert () == place.storage.sweep(effects.LIST, effects.DELETE)
    place.storage.close()


def test_of_many_who_follow_a_dead_writer_one_is_admitted(place: Place) -> None:
    """All of them see that it is dead; the others are told that somebody writes."""
    with place.start("hold", "a") as owner:
        assert owner.stdout is not None
        assert "holding\n" == owner.stdout.readline()
        owner.kill()
    followers = [place.start("hold", f"lock {number}") for number in range(4)]
    said = [follower.stdout.readline() for follower in followers if follower.stdout]
    place.end()
    assert 1 == said.count("holding\n")
    assert 3 == sum(line.startswith("ForeignWriterError") for line in said)


def _claimed_by(name: bytes) -> Claim:
    """Return our side of a place that somebody else has claimed."""
    bucket = MemoryBucket()
    bucket.put(FENCE_NAME, name)
    return Claim(bucket, f"memory of {name!r}")


def _own_name() -> bytes:
    """Return what this process is called in a claim."""
    bucket = MemoryBucket()
    claim = Claim(bucket, "a memory")
    claim.make()
    claim.admit()
    return bucket.get(FENCE_NAME).data


def test_who_is_dead_is_known_exactly_or_not_at_all() -> None:
    """The same machine and a process that is gone; anything else may live."""
    _, machine, process, start = _own_name().decode().split()
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    for dead in (f"writer {machine} {gone.pid} {start}", f"writer {machine} {process} 1"):
        _claimed_by(f"{dead}\n".encode()).admit()
    for alive in (
        f"writer {machine} {os.getppid()} {_start_of(os.getppid())}",
        f"writer another {gone.pid} {start}",
        "writer",
        "\udcff",
    ):
        with pytest.raises(ForeignWriterError):
            _claimed_by(alive.encode(errors="surrogateescape")).admit()


def _start_of(process: int) -> str:
    with open(f"/proc/{process}/stat") as file:  # noqa: PTH123 -- one word of one line
        return file.read().rpartition(")")[2].split()[19]


def test_a_claim_that_was_taken_away_admits_nobody(place: Place) -> None:
    """That is the remedy of the refusal: the old writer gets no lock more, and init makes anew."""
    storage = place.storage
    assert storage.fence.try_hold("a") is not None
    storage._bucket.delete(FENCE_NAME)  # type: ignore[attr-defined]
    with pytest.raises(FenceMissingError, match="run init"):
        storage.fence.try_hold("b")
    storage.make_fence(effects.FENCE)
    assert storage._bucket.get(FENCE_NAME).data == FREE  # type: ignore[attr-defined]


def test_without_its_package_the_address_is_refused_by_name() -> None:
    """Not by an import error from somewhere below."""
    code = (
        "import sys; sys.modules['obstore'] = None;"
        "from engine.storage import BackendMissingError, connect, system_ids\n"
        "try: connect('s3://a/b', ids=system_ids())\n"
        "except BackendMissingError as refusal: print(refusal)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'s3://a/b' needs the package obstore: install it" in done.stdout
    assert issubclass(BackendMissingError, Exception)
