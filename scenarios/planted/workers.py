"""Some pools of one worker each, which hold every planted scenario and work side by side.

Hunting and replaying prepare another scenario every moment, which a pool of several workers would
do in all of them. Results come in the order of what was asked. It knows nothing of bugs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from killpoint.discovery import files_of
from killpoint.process.pool import Pool

PLANTED = Path(__file__).parent

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


def answers(
    work: Callable[[Pool, Asked], Answered], all_asked: Sequence[Asked], *, workers_count: int
) -> Iterator[Answered]:
    """Yield what `work` makes of each, in order; nothing where nothing is asked."""
    if not all_asked:
        return
    files = files_of([PLANTED])
    pools = [Pool(workers_count=1, files=files) for _ in range(min(workers_count, len(all_asked)))]
    free: SimpleQueue[Pool] = SimpleQueue()
    for pool in pools:
        free.put(pool)

    def answer(asked: Asked) -> Answered:
        pool = free.get()
        try:
            return work(pool, asked)
        finally:
            free.put(pool)

    try:
        with ThreadPoolExecutor(len(pools)) as threads:
            yield from threads.map(answer, all_asked)
    finally:
        for pool in pools:
            pool.close()
