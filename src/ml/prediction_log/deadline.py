"""Work with another machine that is given up when that one stays silent."""

import os
import threading
from collections.abc import Callable
from typing import Any

from ml.io.errors import UserError

VARIABLE = "PREDICTION_LOG_TIMEOUT"
SECONDS = 120.0


class Silent(Exception):  # noqa: N818 - an event that the caller turns into a sentence
    """The other side did not answer in time."""


def seconds() -> float:
    """How long an answer may take: PREDICTION_LOG_TIMEOUT; raises UserError when that is no such number."""
    given = os.environ.get(VARIABLE) or str(SECONDS)
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < threading.TIMEOUT_MAX:
        raise UserError(f"{VARIABLE} is `{given}`. Set it to a time limit in seconds, e.g. 120.")
    return number


class Deadline:
    """Does one piece of work at a time, each within the same number of seconds.

    Work that was given up may still hang in a library. The next piece waits for it first, so that a place which is
    silent for days holds one connection, not thousands.
    """

    def __init__(self) -> None:
        self.seconds = seconds()
        self._last: threading.Thread | None = None

    def within(self, work: Callable[[], Any]) -> Any:
        """What the work returns or raises; raises Silent when it takes too long."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome[:] = [work(), None]
            except BaseException as error:  # noqa: BLE001 - it is raised again where somebody waits for it
                outcome[:] = [None, error]

        self._wait()
        self._last = threading.Thread(target=run, name="prediction-log-target", daemon=True)
        self._last.start()
        self._wait()
        result, error = outcome
        if error is not None:
            raise error
        return result

    def _wait(self) -> None:
        if self._last is not None:
            self._last.join(self.seconds)
            if self._last.is_alive():
                raise Silent
