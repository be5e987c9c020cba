"""The servers that bench_serving.py compares: build, start, requests, size and stop of each."""

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
from ml.io import files
from ml.io import tables
from ml.model import model, shipped
from ml.model import model_file
from ml.model.predictor import MODEL
from ml.model.model_contract import CONTRACT
from ml.settings import feature_source
from ml.settings.params import read_params
from ml.settings.train import Train

BUILT = Path("build/model")
LATEST = 60  # seconds to be ready
ON, OFF, ECHO, MLFLOW = "ours, log on", "ours, log off", "FastAPI + pydantic echo", "mlflow models serve"
OTHERS = {  # further models, each served by this server and by MLflow
    "LightGBM": ("lightgbm.LGBMClassifier", {"n_estimators": 150, "num_leaves": 15}),
    "uncompiled": ("sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 50, "max_depth": 12}),
}
KINDS = {"/predict": "rows", "/invocations": "dataframe_records"}
UNWANTED = re.compile(r"(mlflow|pandas|scikit_learn|sklearn)\b", re.I)


class Server(NamedTuple):
    """How to start a server: `PORT` in a command or variable stands for its port."""

    command: list
    variables: dict
    path: str


class Running(NamedTuple):
    """A running server."""

    port: int
    path: str
    pid: int
    ready: float  # seconds from its start to its first response


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
    """MiB of an environment as installed, and its packages that serving should not need."""
    folder = python.parent.parent
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = (path.name for path in folder.glob("lib/python*/site-packages/*"))
    return size / 2**20, sorted(filter(UNWANTED.match, found))


def servers(place, python):
    """Every server by name; this server and the echo run in the serving environment, MLflow in the current one.

    This server too runs in the current one if the model has no compiled form.
    """
    known = {
        MLFLOW: mlflow(place / "mlflow", BUILT),
        ECHO: Server([str(python), "lab/bench_echo.py", "PORT"], {}, "/predict"),
        OFF: ours(python, BUILT, place / "logs", SERVING_LOG="off"),
        ON: ours(python, BUILT, place / "logs"),
    }
    for name, (kind, given) in OTHERS.items():
        built = trained(place / name, kind, given)
        compiled = (built / "compiled.onnx").exists()
        known[peer(f"ours, {name}")] = mlflow(place / f"mlflow-{name}", built)
        known[f"ours, {name}"] = ours(python if compiled else sys.executable, built, place / f"logs-{name}")
    return known


def ours(python, built, logs, **more):
    """This repository's server of a model folder."""
    variables = {"SERVING_MODEL": str(built), "SERVING_PORT": "PORT", "SERVING_LOG_DIRECTORY": str(logs), **more}
    return Server([str(python), "-m", "serving"], variables, "/predict")


def mlflow(folder, built):
    """MLflow's server of the same model."""
    package.write(folder, built, pd.read_parquet("build/test.parquet").head(5), read_params().data, "")
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local"]
    return Server([*command, "-p", "PORT"], {}, "/invocations")


def peer(name):
    """The name of MLflow's server of the same model."""
    return next((f"{MLFLOW}, {other}" for other in OTHERS if name.endswith(f", {other}")), MLFLOW)


def trained(folder, kind, given):
    """A model folder as `make run` builds it with another estimator; the gates do not judge it."""
    params, frame = read_params(), tables.read_table(files.TRAIN)
    params = params.model_copy(update={"train": Train.model_validate({"model": kind, kind: given})})
    fitted = model.fit(frame, params.data, params.train, feature_source.source())
    built = {MODEL: model_file.dumps(fitted), CONTRACT: shipped.contract_of(params, frame)}
    for name, content in (built | shipped.form_of(fitted, built, frame.head(1000), params)[0]).items():
        files.write_bytes(content, folder / name)
    return folder


def scripts(place, counts):
    """Scripts for wrk by path and number of rows: the first rows of the test table without missing values."""
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
    """The server on core 0 after its first response; it and its children end with the block."""
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
    """MiB of memory of a server and its children, with shared pages counted once."""
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
    raise SystemExit(f"bench-serving: no response at {address} after {LATEST} s")
