"""A server that stands in for S3, for as long as whoever started it holds its standard input.

It says its address in one line, then serves. When the other end of its standard input is closed,
which the death of its starter does, too, it ends at once: what it holds is in its memory.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def _end_with_the_starter() -> None:
    """Wait until nobody holds the other end."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(f"http://127.0.0.1:{server.port}", flush=True)  # noqa: T201 -- who starts it reads this
    server.serve_forever()
