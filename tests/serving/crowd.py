"""Workers of the real server on one socket, killed at random and replaced.

tests.serving.crowd PORT LOGS KILLS. `python -m serving` starts each worker as a new Python, which takes most of a
second. These workers are forks of a process that has imported everything, so that forty kills take seconds. Each
loads its own model and opens its own log.
"""

import contextlib
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

import uvicorn

import serving.app  # noqa: F401  (before the forks)
from serving.__main__ import build

WORKERS = 4


def writing(logs):
    """The process ids of the living workers that have written to the log; segments are named after them."""
    return {int(path.name.split("-")[1]) for path in Path(logs).glob("[!.]*.jsonl.open") if path.stat().st_size}


def worker(listening):
    process = os.fork()
    if process == 0:
        try:
            uvicorn.Server(uvicorn.Config(build(), log_level="error", access_log=False)).run(sockets=[listening])
        finally:
            os._exit(1)
    return process


def end(process, how):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, how)
    return os.waitpid(process, 0)[1]


def main(port, logs, kills):
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(512)
    alive, killed = {worker(listening) for _ in range(WORKERS)}, 0
    while killed < kills:
        for process in sorted(writing(logs) & alive)[: kills - killed]:
            time.sleep(random.uniform(0, 0.1))
            killed += os.WTERMSIG(end(process, signal.SIGKILL)) == signal.SIGKILL
            alive = alive - {process} | {worker(listening)}
        time.sleep(0.005)
    print(killed, flush=True)
    sys.stdin.read()  # the clients stop first
    for process in alive:
        end(process, signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
