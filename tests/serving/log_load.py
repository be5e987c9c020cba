"""Workers under load, killed at random, while processes that are killed too compact or ship their lines.

Run as a program with a JSON object; prints the acknowledged rows. The parent stays single-threaded and only forks.
"""

import json
import os
import random
import selectors
import signal
import sys
import time
from pathlib import Path

from ml.settings.log import Log
from serving.log_writer import PredictionLog

ROWS = (1, 1, 1, 1, 40)  # 40 rows are more than one page: `kill -9` can tear such a line
WORKERS = 3
SETTINGS = Log(segment_mb=1, segment_seconds=0.05)


def prediction(request_id, rows):
    made = [
        {"id": f"{request_id}-{n}", "tenure": n / 7, "plan": "x" * 200, "score": 0.5, "label": True}
        for n in range(rows)
    ]
    record = {"kind": "prediction", "request_id": request_id, "time": "2026-11-21T23:59:59Z", "model": "churn@1"}
    return json.dumps(record | {"variant": "champion", "rows": made}).encode()


def work(directory, acknowledge):
    log, name, count = PredictionLog(directory, SETTINGS), f"{os.getpid()}-{os.urandom(4).hex()}", 0
    while True:
        count += 1
        rows = random.choice(ROWS)
        log.append(prediction(f"{name}-{count}", rows))
        os.write(acknowledge, f"{name}-{count} {rows}\n".encode())


def carry(stage):
    """Compact or ship repeatedly until killed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main = __import__(f"ml.stages.{stage}", fromlist=["main"]).main
    while True:
        main(**({"once": True} if stage == "ship" else {}))


def forked(do, *arguments):
    process = os.fork()
    if process == 0:
        try:
            do(*arguments)
        finally:
            os._exit(1)
    return process


def end(process):
    """Kill the process and wait; True if it was still running."""
    os.kill(process, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def main(directory, stage, kills, carrier_kills):
    __import__(f"ml.stages.{stage}")
    selector, running, acknowledged = selectors.DefaultSelector(), {}, bytearray()
    died = carried = 0
    carrier, carrier_ends = forked(carry, stage), time.monotonic() + 0.2
    while died < kills or running or carried < carrier_kills:
        while len(running) < WORKERS and died + len(running) < kills:
            reading, writing = os.pipe()
            process = forked(work, Path(directory), writing)
            os.close(writing)
            selector.register(reading, selectors.EVENT_READ)
            running[reading] = [process, time.monotonic() + random.uniform(0.005, 0.06), bytearray()]
        for key, _ in selector.select(0.005):
            running[key.fd][2].extend(os.read(key.fd, 65536))
        for reading, (process, ends, said) in list(running.items()):
            if time.monotonic() > ends:
                died += end(process)
                while more := os.read(reading, 65536):
                    said.extend(more)
                acknowledged += said[: said.rfind(b"\n") + 1]
                selector.unregister(reading)
                os.close(reading)
                del running[reading]
        if time.monotonic() > carrier_ends:
            carried += end(carrier)
            carrier, carrier_ends = forked(carry, stage), time.monotonic() + random.uniform(0.02, 0.3)
    carried += end(carrier)
    print(json.dumps({"kills": died, "carrier_kills": carried, "acknowledged": acknowledged.decode().split("\n")[:-1]}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
