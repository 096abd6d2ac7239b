"""Workers: results in order, memory that stays flat, the same images every time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from killpoint.case import Case, Means, Phase, Step
from killpoint.process.pool import Pool
from tests.shell import STORES

CASES_COUNT = 1_200
WARM_COUNT = 300
GROWTH_BYTES_MAX = 2 * 1024 * 1024


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the stores of this test by themselves."""
    monkeypatch.setenv("KILLPOINT_SCRATCH", str(tmp_path))


@contextlib.contextmanager
def pool(workers_count: int) -> Iterator[Pool]:
    """Return workers with the sound scenario prepared."""
    workers = Pool(workers_count=workers_count, files=(STORES / "honesty.py",))
    try:
        workers.prepare("honesty.sound")
        yield workers
    finally:
        workers.close()


def case(occurrence: int) -> Case:
    """Return a kill at one of the two steps."""
    step = Step(phase=Phase.RUN, point="honesty.step", occurrence=occurrence, ordinal=occurrence)
    return Case(scenario="honesty.sound", steps=(step,))


@pytest.mark.usefixtures("scratch")
def test_results_come_in_the_order_of_the_cases() -> None:
    """Whichever worker was faster."""
    cases = [case(1 + number % 2) for number in range(40)]
    with pool(2) as workers:
        results = list(workers.run(cases))

    assert cases == [each.case for each in results]


@pytest.mark.usefixtures("scratch")
def test_the_same_case_leaves_the_same_image_every_time() -> None:
    """Two runs of a case agree in every byte, and in what recovery passed."""
    with pool(1) as workers:
        first, second = workers.replay(case(2)), workers.replay(case(2))

    assert first.crash_images == second.crash_images
    assert first.recovery_hits == second.recovery_hits
    assert first.recovered_image == second.recovered_image
    assert first.means is Means.SIGKILL


@pytest.mark.usefixtures("scratch")
def test_the_memory_of_a_worker_stays_flat() -> None:
    """After it has warmed up, another thousand cases cost it no memory."""
    with pool(1) as workers:
        worker = psutil.Process(workers.pids[0])
        list(workers.run([case(1 + n % 2) for n in range(WARM_COUNT)]))
        before = worker.memory_info().rss
        list(workers.run([case(1 + n % 2) for n in range(CASES_COUNT - WARM_COUNT)]))
        after = worker.memory_info().rss

    assert after - before < GROWTH_BYTES_MAX
