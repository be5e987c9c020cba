"""Clients that send requests without a pause."""

import http.client
import json
import threading
import time


class Clients:
    """Threads that call `_ask` until the block ends; it returns once `_stop` is set."""

    def __init__(self, clients):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Load(Clients):
    """Clients that request one row after another; `answered` contains the acknowledged request ids."""

    def __init__(self, port, row, clients=4):
        super().__init__(clients)
        self.answered, self.failed = [], []
        self._body, self._port = json.dumps({"rows": [row]}), port

    def go_on(self, count=100):
        """Wait until so many more rows are acknowledged, for at most half a minute."""
        enough, end = len(self.answered) + count, time.monotonic() + 30
        while len(self.answered) < enough and time.monotonic() < end:
            time.sleep(0.05)

    def _ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict", self._body, {"content-type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.answered.append(json.loads(content)["request_id"])
                else:
                    self.failed.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
                time.sleep(0.01)
