"""The time of a call does not include waits for a core, and includes any other wait."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml.io import cores

pytestmark = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="Linux counts waits for a core")
SPIN = "while True: pass"


@pytest.fixture
def crowded():
    """One core that this process shares with three others."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(3)]
    time.sleep(0.5)
    yield
    for other in others:
        other.kill()
        other.wait()
    os.sched_setaffinity(0, allowed)


def busy(cpu):
    """Compute for this many seconds of CPU time."""
    end = time.thread_time() + cpu
    while time.thread_time() < end:
        pass


@pytest.mark.slow
def test_a_wait_for_a_core_does_not_count(crowded):
    started = time.perf_counter()

    found = cores.seconds(lambda: busy(0.2))

    assert time.perf_counter() - started > 0.35
    assert found == pytest.approx(0.2, abs=0.1)


def test_a_wait_for_anything_else_counts():
    assert cores.seconds(lambda: time.sleep(0.05)) >= 0.045


def test_a_process_that_is_gone_is_no_fault():
    assert cores.seconds(lambda: busy(0.01), 2**22 + 1) >= 0.005
