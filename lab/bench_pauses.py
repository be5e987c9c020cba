"""The effect on clients of a stopped worker or of a clock that is set back: `python -m lab.bench_pauses`.

Eight clients send requests of one row in the meantime. Takes a minute; needs Linux.
"""

import http.client
import json
import os
import signal
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Self

from lab.server import running
from ml.io import cli
from ml.io.markdown import table
from ml.model.model_contract import CONTRACT, read_contract
from ml.prediction_log import segments
from ml.prediction_log.records import Prediction, parse

CLIENTS, BEFORE, AFTER = 8, 2, 3  # seconds
SET_BACK = """
import runpy, time
real, start = time.time_ns, time.monotonic()
time.time_ns = lambda: real() - (3600 * 10**9 if time.monotonic() - start > {seconds} else 0)
runpy.run_module("serving", run_name="__main__", alter_sys=True)
"""


class Clients:
    """Clients that send requests without a pause.

    Each result is (time of the request, seconds, request id or failure).
    """

    def __init__(self, port: int, row: dict) -> None:
        self.answers: list[tuple[float, float, str]] = []
        self._port, self._body, self._end = port, json.dumps({"rows": [row]}), threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._end.is_set():
            asked = time.monotonic()
            try:
                connection.request("POST", "/predict", self._body, {"content-type": "application/json"})
                answer = connection.getresponse()
                said = json.loads(answer.read())["request_id"] if answer.status == 200 else "failed"
            except (OSError, http.client.HTTPException):
                connection.close()
                said = "failed"
            self.answers.append((asked, time.monotonic() - asked, said))


def main(model: str = "build/model") -> None:
    """Print a line for each fault: requests, failures and the slowest response."""
    files = {CONTRACT: (Path(model) / CONTRACT).read_bytes()}
    row = {n: c.values[0] if c.type == "category" else 1 for n, c in read_contract(files).data.columns.items()}
    lines = []
    for workers, seconds in ((1, 3), (2, 3), (2, 12)):
        name = f"{'one of two workers' if workers > 1 else 'the only worker'} stopped for {seconds} s"
        lines.append([name, *_stopped(model, row, workers, seconds)])
    lines.append(["the clock set back by an hour", *_set_back(model, row)])
    print(table(["fault", "requests", "of these meanwhile", "failed", "slowest", "the log"], lines))


def _stopped(model: str, row: dict, workers: int, seconds: float) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        with running(model, Path(folder), workers=workers) as (port, server):
            stopped = _workers(server.pid)[0] if workers > 1 else server.pid
            with Clients(port, row) as clients:
                time.sleep(BEFORE)
                os.kill(stopped, signal.SIGSTOP)
                start = time.monotonic()
                time.sleep(seconds)
                try:
                    os.kill(stopped, signal.SIGCONT)
                except ProcessLookupError:
                    cli.say("the supervisor has replaced the worker meanwhile")
                end = time.monotonic()
                time.sleep(AFTER)
        return [*_figures(clients, start, end), _log(clients, Path(folder))]


def _set_back(model: str, row: dict) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-c", SET_BACK.format(seconds=6))
        with running(model, Path(folder), command) as (port, _), Clients(port, row) as clients:
            start = time.monotonic()
            time.sleep(9)
        return [*_figures(clients, start, time.monotonic()), _log(clients, Path(folder))]


def _figures(clients: Clients, start: float, end: float) -> list[str]:
    answers = clients.answers
    meanwhile = sum(start <= asked < end for asked, *_ in answers)
    failed = sum(said == "failed" for *_, said in answers)
    return [f"{len(answers):,}", f"{meanwhile:,}", str(failed), f"{max(seconds for _, seconds, _ in answers):.2f} s"]


def _log(clients: Clients, place: Path) -> str:
    """The acknowledged requests that the log lacks, and whether its times increase in each segment."""
    found, back = [], 0
    for path in segments.listed(place / "logs", segments.OPEN, segments.CLOSED):
        lines = [parse(line) for line in segments.content(path).splitlines()]
        known = [line for line in lines if isinstance(line, Prediction)]
        found += [line.request_id for line in known]
        back += sum(b.time <= a.time for a, b in pairwise(known))
    acknowledged = {said for *_, said in clients.answers} - {"failed"}
    lost, doubled = len(acknowledged - set(found)), len(found) - len(set(found))
    return f"{lost} lost, {doubled} twice, {back} times out of order"


def _workers(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


if __name__ == "__main__":
    cli.run(main)
