"""The servers that bench_serving.py compares: how each is made, started, asked, weighed and ended."""

import ml.stages  # noqa: F401, I001  (no tool reports home)

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ml.registry import package
from ml.gates.parity import as_requests
from ml.settings.params import read_params

BUILT = Path("build/model")
LATEST = 60  # seconds to be ready
ON, OFF, ECHO, MLFLOW = "ours, log on", "ours, log off", "FastAPI + pydantic echo", "mlflow models serve"
KINDS = {"/predict": "rows", "/invocations": "dataframe_records"}
UNWANTED = re.compile(r"(mlflow|pandas|scikit_learn|sklearn)\b", re.I)


class Server(NamedTuple):
    """How to start a server: `PORT` in a command or variable stands for its port."""

    command: list
    variables: dict
    path: str


class Running(NamedTuple):
    """A server that answers."""

    port: int
    path: str
    pid: int
    ready: float  # seconds from its start to its first answer


def serving_python(place):
    """The Python of a new environment made of src/locks/serving.txt alone."""
    python = place / "serving" / "bin" / "python"
    lock = ["--quiet", "--require-hashes", "-r", "src/locks/serving.txt"]
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, place / "serving"], check=True)
        subprocess.run(["uv", "pip", "install", "--python", python, *lock], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "serving"], check=True)
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-compile"]
        subprocess.run([*pip, *lock], check=True)
    return python


def weight(python):
    """MiB of an environment as installed, and what is in it that serving should not need."""
    folder = python.parent.parent
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = (path.name for path in folder.glob("lib/python*/site-packages/*"))
    return size / 2**20, sorted(filter(UNWANTED.match, found))


def servers(place, python):
    """Every server by name; ours and the echo run in the serving environment, MLflow in this one."""
    data = read_params().data
    package.write(place / "mlflow", BUILT, pd.read_parquet("build/test.parquet").head(5), data, "")
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(place / "mlflow")]
    ours = {"SERVING_MODEL": str(BUILT), "SERVING_PORT": "PORT", "SERVING_LOG_DIRECTORY": str(place / "logs")}
    return {
        MLFLOW: Server([*mlflow, "--env-manager", "local", "-p", "PORT"], {}, "/invocations"),
        ECHO: Server([str(python), "lab/bench_echo.py", "PORT"], {}, "/predict"),
        OFF: Server([str(python), "-m", "serving"], {**ours, "SERVING_LOG": "off"}, "/predict"),
        ON: Server([str(python), "-m", "serving"], ours, "/predict"),
    }


def scripts(place, counts):
    """Scripts for wrk by path and number of rows: the first rows of the test table that miss nothing."""
    data = read_params().data
    table = pd.read_parquet("build/test.parquet").dropna(subset=list(data.columns))
    rows = as_requests(table, data, max(counts))
    made = {}
    for path, kind in KINDS.items():
        for count in counts:
            made[path, count] = place / f"{kind}{count}.lua"
            made[path, count].write_text(
                'wrk.method="POST" wrk.headers["Content-Type"]="application/json" '
                f"wrk.body=[==[{json.dumps({kind: rows[:count]})}]==]"
            )
    return made


@contextlib.contextmanager
def running(server, script):
    """The server on core 0 once it answers; it and its children end with the block."""
    port = free_port()
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("SERVING_", "PYTHONDONTWRITEBYTECODE"))}
    variables |= {k: v.replace("PORT", str(port)) for k, v in server.variables.items()}
    variables["PYTHONPATH"] = os.pathsep.join(["src", "."])
    command = ["taskset", "-c", "0", *(part.replace("PORT", str(port)) for part in server.command)]
    started = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=variables, start_new_session=True, **quiet)
    try:
        _wait(process, f"http://127.0.0.1:{port}{server.path}", script)
        yield Running(port, server.path, process.pid, time.perf_counter() - started)
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, sign)
                process.wait(10)


def memory(pid):
    """MiB that a server and its children hold, shared pages counted once."""
    pages = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session == pid:
                pages += int(re.search(r"Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text())[1])
    return pages / 1024


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _wait(process, address, script):
    body = script.read_text().partition("[==[")[2].removesuffix("]==]").encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    until = time.perf_counter() + LATEST
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise SystemExit(f"bench-serving: `{' '.join(process.args)}` ended with {process.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except urllib.error.HTTPError as error:
            raise SystemExit(f"bench-serving: {address} answers {error.code}: {error.read()[:300]!r}") from None
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"bench-serving: nothing answers at {address} after {LATEST} s")
