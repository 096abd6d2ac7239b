"""A server before another, that is busy for some of what it is asked: throttling, as S3 does it.

What it does not refuse it hands on and answers as the other did. It never changes a request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from engine.tests.stores import DEADLINE_S

SLOW_DOWN = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>"
)
ITS_OWN = {"date", "server", "transfer-encoding", "connection", "content-length"}


@dataclass(slots=True, kw_only=True)
class Busy:
    """Which requests are refused, counted from 1; `asked` are those that came, as method and path.

    From number `first` on, `times` of them, or all that come if that is None.
    """

    endpoint: str = ""
    first: int = 0
    times: int | None = 0
    asked: list[str] = field(default_factory=list)

    def refuse(self, first: int, times: int | None) -> None:
        """Begin to count anew."""
        self.asked.clear()
        self.first, self.times = first, times

    def refuses(self, request: str) -> bool:
        """Count a request, and say whether it is refused."""
        self.asked.append(request)
        number = len(self.asked)
        return number >= self.first and (self.times is None or number < self.first + self.times)


@contextmanager
def before(endpoint: str) -> Iterator[Busy]:
    """Run the server before the one at this address, for the block."""
    busy = Busy()
    behind = urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        """Answers for the other, or refuses."""

        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if busy.refuses(f"{self.command} {self.path}"):
                self._send(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
                return
            other = HTTPConnection(behind, timeout=DEADLINE_S)
            other.request(self.command, self.path, body, dict(self.headers))
            answer = other.getresponse()
            kept = {
                name: value for name, value in answer.getheaders() if name.lower() not in ITS_OWN
            }
            data = answer.read()
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self._send(answer.status, kept, data, length)
            other.close()

        def _send(
            self, status: int, headers: dict[str, str], data: bytes, length: str | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 -- its base's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        busy.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield busy
        finally:
            server.shutdown()
            thread.join()
