"""The order of tests on several workers: long tests first, because one at the end leaves the other workers idle.

xdist (`--dist worksteal`) gives each worker an equal part of the list. A worker without tests takes half of those that
another one has left.
"""

from collections.abc import Callable
from typing import TypeVar

LONG = ("workflows", "fork", "container", "lab")  # folders with half of the time; one after the other, by worker
Test = TypeVar("Test")


def dealt(tests: list[Test], workers: int, folder: Callable[[Test], str]) -> list[Test]:
    """The same tests in as many parts as workers, equal in number, each with long tests first.

    `folder` gives the folder of a long test, and another text for a short one.
    """
    parts: list[list[Test]] = [[] for _ in range(workers)]
    for place, name in enumerate(LONG):
        parts[place % workers] += [test for test in tests if folder(test) == name]
    others = [test for test in tests if folder(test) not in LONG]
    for place, part in enumerate(parts):
        wanted = len(tests) * (place + 1) // workers - len(tests) * place // workers
        more = max(0, wanted - len(part)) if place < workers - 1 else len(others)
        part.extend(others[:more])
        del others[:more]
    return [test for part in parts for test in part]
