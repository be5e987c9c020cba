"""A model served by the real server: a process on this machine that is called over HTTP."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ml.io import files
from ml.io.client import Client, Rows
from ml.io.errors import UserError

LISTENS = re.compile(r"http://127\.0\.0\.1:(\d+)")
PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Answers:
    """A function that scores rows through a server, with the ids of its processes."""

    outputs: Callable[[Rows], list[Any]]
    pids: tuple[int, ...]

    def __call__(self, rows: Rows) -> list[Any]:
        """The output for each row."""
        return self.outputs(rows)


@contextlib.contextmanager
def answering(model: Mapping[str, bytes]) -> Generator[Answers]:
    """A function that scores rows through POST /predict of a server of this model, until the block ends.

    Raises UserError if the server does not start; the function raises it if the server refuses rows.
    """
    with tempfile.TemporaryDirectory(prefix="endpoint-") as folder:
        for name, content in model.items():
            files.write_bytes(content, Path(folder, "model", name))
        with _server(Path(folder)) as (port, pid), Client(f"127.0.0.1:{port}") as client:
            yield Answers(client.outputs, (pid,))


@contextlib.contextmanager
def _server(folder: Path) -> Generator[tuple[int, int]]:
    """Port and process id of a running server, which stops at the end of the block."""
    found = find_spec("serving")
    if found is None or found.origin is None:
        raise UserError("the package `serving` is missing. Run from the repository's root, or set gates.api to null.")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SERVING_")} | {
        "SERVING_MODEL": str(folder / "model"),
        "SERVING_LOG_DIRECTORY": str(folder / "logs"),
        "SERVING_ACCESS_LOG": "none",
        "SERVING_PORT": "0",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "serving"], cwd=Path(found.origin).parents[1], env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield _port(process.stderr or ()), process.pid
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()


def _port(spoken: Iterable[str]) -> int:
    """The port that the server prints; the operating system selects it."""
    lines = []
    for line in spoken:
        lines.append(line.strip())
        if found := LISTENS.search(line):
            return int(found[1])
    last = next((line for line in reversed(lines) if line), "it said nothing")
    raise UserError(f"the server does not start: {last.removeprefix('serving: ')}")
