"""How long a call takes without the time for which its threads waited for a core, which other programs then used."""

import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")


def seconds(call: Callable[[], object], *pids: int) -> float:
    """The seconds of a call. Waits of this thread and of the main threads of these processes do not count.

    Only Linux counts waits; elsewhere they are a part of the result.
    """
    before, started = _waited(pids), time.perf_counter()
    call()
    taken = time.perf_counter() - started
    return max(0.0, taken - max(0.0, _waited(pids) - before))


def _waited(pids: tuple[int, ...]) -> float:
    return sum(_nanoseconds(PROC / name / "schedstat") for name in ("thread-self", *map(str, pids))) / 1e9


def _nanoseconds(path: Path) -> int:
    """The second number of the file (Documentation/scheduler/sched-stats.rst); 0 where there is none."""
    try:
        return int(path.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
