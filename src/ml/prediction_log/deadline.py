"""Calls to another machine with a time limit."""

import os
import threading
from collections.abc import Callable
from typing import Any

from ml.io.errors import UserError

VARIABLE = "PREDICTION_LOG_TIMEOUT"
SECONDS = 120.0


class Silent(Exception):  # noqa: N818 - an event that the caller turns into a sentence
    """The other machine did not respond in time."""


def seconds() -> float:
    """The time limit in seconds, from PREDICTION_LOG_TIMEOUT; raises UserError for an invalid value."""
    given = os.environ.get(VARIABLE) or str(SECONDS)
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < threading.TIMEOUT_MAX:
        raise UserError(f"{VARIABLE} is `{given}`. Set it to a time limit in seconds, e.g. 120.")
    return number


class Deadline:
    """Runs one call at a time, each with the same time limit.

    A call that exceeded the limit may still block in a library. The next call waits for it first, so that a place that
    does not respond for days holds one connection, not thousands.
    """

    def __init__(self) -> None:
        self.seconds = seconds()
        self._last: threading.Thread | None = None

    def within(self, work: Callable[[], Any]) -> Any:
        """The result of the call; raises what it raises, or Silent after the time limit."""
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
