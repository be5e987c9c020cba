"""The cost of explanations that nobody asks for: `python -m lab.bench_explain`.

One row goes through the whole application, without a network. Two processes take turns: one has a child process
that explains, in the other no request has asked for an explanation. CPU time without the child, as ratios.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.settings.params import read_params
from tests.conftest import SAMPLE
from tests.serving.server import application, built, rows
from tests.world.sample import customers

BATCH = 20  # requests between two looks at the clock
HEADERS = [(b"content-type", b"application/json"), (b"host", b"localhost")]


async def ask(app: Any, body: bytes, query: bytes = b"") -> bytes:
    """The answer of the application to POST /predict, without a server between."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/predict",
        "raw_path": b"/predict",
        "query_string": query,
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(sent)


def worker(pipe: Connection, folder: Path, body: bytes, explain: bool) -> None:
    """Send the CPU time of a batch whenever one is asked for; with `explain`, after all that explains was loaded."""
    app = application(folder / "model", folder / f"logs-{explain}")
    query = b"explain=true" if explain else b""
    while b"predictions" not in asyncio.run(_batch(app, body, query, 1)):
        time.sleep(0.1)
    pipe.send("ready")
    while query := pipe.recv():
        start = time.process_time()
        asyncio.run(_batch(app, body, query.removeprefix(b"-"), BATCH))
        pipe.send(time.process_time() - start)


async def _batch(app: Any, body: bytes, query: bytes, count: int) -> bytes:
    for _ in range(count):
        found = await ask(app, body, query)
    return found


def measured(folder: Path, batches: int) -> None:
    """Print the ratios."""
    params, frame = read_params(SAMPLE), pd.concat([customers(month) for month in range(1, 5)], ignore_index=True)
    built(folder / "model", frame, params, "random_forest")
    body = json.dumps({"rows": rows(frame, params.data, 1)}).encode()
    made = multiprocessing.get_context("spawn")
    ends = {}
    for explain in (False, True):
        ends[explain], other = made.Pipe()
        made.Process(target=worker, args=(other, folder, body, explain), daemon=True).start()
    for end in ends.values():
        end.recv()
    loaded, on = [], []
    for _ in range(batches):
        took = [_took(ends[False], b"-"), _took(ends[True], b"-"), _took(ends[True], b"explain=true")]
        loaded.append(took[1] / took[0])
        on.append(took[2] / took[0])
    for end in ends.values():
        end.send(b"")
    print(f"a request that asks for none, explanations loaded: {_said(loaded)} times one with nothing loaded")
    print(f"a request that asks for one: {_said(on)} times")


def _took(end: Connection, query: bytes) -> float:
    end.send(query)
    return end.recv()


def _said(ratios: list[float]) -> str:
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main(batches: int) -> None:
    """Measure in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        measured(Path(folder), batches)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=60)
    main(**vars(parser.parse_args()))
