"""Clean up when the campaign itself is killed: a small process on the other end of a pipe.

The campaign holds the only writing end. When it ends without a word of farewell, the guardian
kills the workers with all their descendants and removes the scratch slot. It runs in a session of
its own, so a Ctrl-C or a group kill does not reach it. It never touches a process that the
campaign did not name, nor the children of one that has already gone.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from killpoint.image import clear

GONE_S = 2.0
PASSES_MAX = 200
PASS_S = 0.01


class Guardian:
    """The campaign's side: names what is to be cleaned up, and says farewell."""

    def __init__(self, place: Path) -> None:
        """Start the guarding process for one scratch slot."""
        self._pids: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "killpoint.process.guardian", str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            bufsize=1,
        )

    def watch(self, pid: int) -> None:
        """Put a worker under guard."""
        self._pids.append(pid)
        self._say(f"worker {pid}")

    def end_workers(self) -> None:
        """Kill the workers that are still there, with all that they started."""
        for pid in self._pids:
            kill_tree(pid)

    def dismiss(self) -> None:
        """Say that all is cleaned up, and wait for the guardian to end."""
        self._say("done")
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GONE_S)

    def _say(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()


def kill_tree(pid: int) -> None:
    """Stop a process, kill all its descendants, then itself; one that is gone is fine.

    The stopped process adopts what its dying descendants leave behind, so it is asked again until
    nothing alive is below it: one pass would miss a child forked after it looked.
    """
    try:
        root = psutil.Process(pid)
        root.suspend()
        for _ in range(PASSES_MAX):
            alive = [each for each in root.children(recursive=True) if _is_alive(each)]
            if not alive:
                break
            for descendant in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    descendant.kill()
            psutil.wait_procs(alive, timeout=PASS_S)
        root.kill()
    except psutil.NoSuchProcess:
        return


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    """Read names until the pipe ends; then clean up, unless the last word was `done`."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    place = Path(sys.argv[1])
    workers: list[psutil.Process] = []
    for line in sys.stdin:
        word, _, value = line.strip().partition(" ")
        if word == "done":
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            workers.append(psutil.Process(int(value)))
    for worker in workers:
        # is_running compares start times: a pid that was given to another process is left alone.
        if worker.is_running():
            kill_tree(worker.pid)
    psutil.wait_procs(workers, timeout=GONE_S)
    clear(place)


if __name__ == "__main__":
    main()
