"""Clients that send requests without a pause and count the refusals."""

import time

from ml.io.client import Client
from ml.io.errors import UserError
from tests.serving.load import Clients


class Load(Clients):
    """Requests of ten rows from several clients at once, each on one connection, until the block ends."""

    def __init__(self, address, rows, clients=3):
        super().__init__(clients)
        self._address, self._rows = address, rows
        self.answered, self.failures, self.slowest = 0, [], 0.0

    def _ask(self):
        with Client(self._address) as client:
            while not self._stop.is_set():
                started = time.monotonic()
                try:
                    client.predict(self._rows)
                    self.answered += 1
                except UserError as error:
                    self.failures.append(str(error))
                self.slowest = max(self.slowest, time.monotonic() - started)
                time.sleep(0.02)
