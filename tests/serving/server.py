"""A small model in a folder, the application around it, and the server as a process."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from ml.model import identity, model, model_file
from ml.model.compiled import compiled
from ml.model.model_contract import Contract
from ml.registry import registry
from serving.app import create_app
from serving.lineup import load_models
from serving.log_writer import PredictionLog
from serving.server_settings import read_settings
from tests.conftest import SAMPLE

ROOT = Path(__file__).parents[2]


def built(folder, frame, params, kind="logistic_regression", threshold=0.5):
    """The folder with a model of this kind, as the stage `train` writes it."""
    settings = params.train.model_copy(update={"model": kind})
    if kind == "random_forest":
        forest = params.train.random_forest.model_copy(update={"n_estimators": 10, "max_depth": 5})
        settings = settings.model_copy(update={"random_forest": forest})
    fitted = model.fit(frame, params.data, settings)
    contract = Contract(project=params.project, threshold=threshold, data=params.data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.skops").write_bytes(model_file.dumps(fitted))
    (folder / "contract.json").write_text(contract.model_dump_json())
    for name, content in compiled(fitted).items():
        (folder / name).write_bytes(content)
    return folder


def application(folder, logs, **settings):
    """The application in this process."""
    environment = {f"SERVING_{k.upper()}": str(v) for k, v in settings.items()}
    read = read_settings({"SERVING_MODEL": str(folder), "SERVING_LOG_DIRECTORY": str(logs), **environment})
    log = PredictionLog(logs, read.prediction_log) if read.log == "on" else None
    return create_app(load_models(read), log, read)


def rows(frame, data, count):
    """The first rows of a table as a client would send them."""
    table = frame[[data.id, *data.columns]].head(count).astype(object)
    return table.where(table.notna(), None).to_dict("records")  # to_json would round to ten digits


def lines(logs):
    """Every record of the prediction log."""
    paths = [path for path in Path(logs).iterdir() if ".jsonl" in path.name]
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def register(home, folder):
    """Register a model in the embedded registry without MLflow's database, which costs seconds."""
    digest = identity.of(folder)
    home.keep(digest, folder)
    lineage = {"commit": digest[:40], "data": {"md5": None}, "changed": []}
    run = {"name": "a", "params": {}, "metrics": {}, "tags": {}, "dataset": {}, "digest": digest, "lineage": lineage}
    _append(home, registry.stamped("register", digest, "", run=run, verdict={"passed": True}))


def promote(home, number):
    _append(home, registry.stamped("promote", home.state().version(number).model, "a test"))


def _append(home, entry):
    home.change(lambda known: [*known, entry])


@contextlib.contextmanager
def running(folder, logs, port, cwd=SAMPLE.parent, before=(), **settings):
    """`python -m serving` (after the command `before`) as a ready process that ends with the block."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SERVING_")}
    environment |= {f"SERVING_{k.upper()}": str(v) for k, v in settings.items()}
    environment |= {"SERVING_MODEL": str(folder), "SERVING_LOG_DIRECTORY": str(logs), "SERVING_PORT": str(port)}
    environment |= {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [*before, sys.executable, "-m", "serving"]
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_ready(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(port, process):
    for _ in range(400):
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}")
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).status == 200:
                return
        time.sleep(0.05)
    raise TimeoutError("not ready after 20 s")
