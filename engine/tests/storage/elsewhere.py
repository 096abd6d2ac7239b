"""Another process on the same storage: `python -m engine.tests.storage.elsewhere URL VERB ...`."""

from __future__ import annotations

import os
import signal
import sys

from engine.storage import CountedIds, Storage, StorageError, connect
from engine.tests.storage import effects
from engine.tests.storage.adding import add


def _do(storage: Storage, verb: str, words: list[str]) -> str:
    """Do one thing and return what to say."""
    match verb, words:
        case "get", [path]:
            return storage.get(effects.READ, path).decode()
        case "versioned", [path]:
            return storage.get_versioned(effects.READ, path).data.decode()
        case "swap", [path, data, token]:
            return storage.put_if_match(effects.SWAP, path, data.encode(), token)
        case "add", [path, count]:
            add(storage, path, int(count))
            return ""
        case "create", [data, *paths]:
            won = [
                one for one in paths if storage.put_if_absent(effects.CREATE, one, data.encode())
            ]
            return " ".join(won)
        case "try", [name]:
            return "held" if storage.fence.try_hold(name) is None else "free"
        case "hold", [name]:
            assert storage.fence.try_hold(name) is not None
            print("holding", flush=True)  # noqa: T201 -- the other side waits for this
            signal.pause()
        case _:
            pass
    raise AssertionError(verb)


if __name__ == "__main__":
    url, verb, *words = sys.argv[1:]
    storage = connect(url, ids=CountedIds(incarnation=os.getpid(), actor="elsewhere"))
    try:
        said = _do(storage, verb, words)
    except StorageError as refusal:
        said = f"{type(refusal).__name__}: {refusal}"
    print(said, flush=True)  # noqa: T201 -- saying it is the job
    storage.close()
