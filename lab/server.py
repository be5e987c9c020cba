"""The real server as a separate process for measurements."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml.io.errors import UserError
from ml.model.predictor import FORM

READY = 60  # seconds
COMMAND = (sys.executable, "-m", "serving")


@contextlib.contextmanager
def running(
    model: str, place: Path, command: Sequence[str] = COMMAND, **settings: object
) -> Iterator[tuple[int, subprocess.Popen]]:
    """Port and process of a server that is ready; its log is `place`/logs, and it ends with the block."""
    if not (Path(model) / FORM).is_file():
        raise UserError(f"{model} contains no model. Build one with `make run`, or set another with MODEL=.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {"model": model, "port": port, "host": "127.0.0.1", "log_directory": place / "logs", **settings}
    environment = os.environ | {f"SERVING_{name.upper()}": str(value) for name, value in given.items()}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(port, server)
        yield port, server
    finally:
        server.terminate()
        server.wait(READY)


def _wait(port: int, server: subprocess.Popen) -> None:
    address, end = f"http://127.0.0.1:{port}/health/ready", time.monotonic() + READY
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise UserError("the server did not start. `make serve` prints the reason.")
