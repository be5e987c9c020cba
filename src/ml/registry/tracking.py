"""Runs in MLflow, in `.mlflow/` or on the server in MLFLOW_TRACKING_URI.

MLflow takes seconds to import, so nothing here imports it before it is needed.
"""

import logging
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ml.io.errors import UserError
from ml.model.lineage import Lineage
from ml.registry import outbox
from ml.settings.prepare import Prepare
from ml.settings.train import Train

HOME = Path(".mlflow")
WAITING = HOME / "outbox" / "runs"
RUN_KEY = "model.digest"
QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # MLflow's default retries last 16 minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def server() -> str | None:
    """The address of the MLflow server, None when the home is embedded."""
    return os.environ.get("MLFLOW_TRACKING_URI") or None


def open_client(home: Path = HOME) -> Any:
    """An MlflowClient on the server in MLFLOW_TRACKING_URI, or on the embedded home directory, made when absent."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    uri = server() or embedded_uri(home)

    from mlflow import MlflowClient  # noqa: PLC0415

    for name in ("mlflow", "alembic"):  # after the import, which sets them
        logging.getLogger(name).setLevel(logging.ERROR)  # messages about new tables and experiments need no action
    return MlflowClient(uri, registry_uri=uri)


def embedded_uri(home: Path = HOME) -> str:
    """The database address of an embedded home; sets REGISTRY_HOME, the root of artifact addresses."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["REGISTRY_HOME"] = str(home)
    return f"sqlite:///{(home / 'mlflow.db').as_posix()}"


@contextmanager
def answered() -> Generator[None]:
    """Turn an error of the connection to the MLflow server into one sentence for the user."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    try:
        yield
    except MlflowException as error:
        trouble = _trouble(" ".join(str(error).split()), error.get_http_status_code())
        raise UserError(f"the MLflow server {shown(server() or 'here')} {trouble}") from None
    except RequestException as error:  # transfers of model files raise errors that MLflow does not wrap
        trouble = _trouble(f"Connection: {' '.join(str(error).split())}", 0)
        raise UserError(f"the MLflow server {shown(server() or 'here')} {trouble}") from None


def shown(uri: str) -> str:
    """An address without its password."""
    parts = urlsplit(uri)
    return uri if "@" not in parts.netloc else parts._replace(netloc=parts.netloc.rsplit("@", 1)[1]).geturl()


def describe(
    train: Train,
    prepare: Prepare,
    origin: Lineage,
    metrics: dict[str, float],
    intervals: dict[str, dict[str, float]],
) -> dict[str, Any]:
    """The run in the form that tracking.record_run expects."""
    settings = {"seed": train.seed, "model": train.model, **train.parameters(), **train.after()}
    ends = {f"{name}_{end}": intervals[name][end] for name in metrics if name in intervals for end in ("low", "high")}
    return {
        "digest": origin.model,
        "name": f"{train.model}-{origin.model[:8]}",
        "params": {f"train.{k}": v for k, v in settings.items()} | {f"prepare.{k}": v for k, v in prepare if v != ""},
        "metrics": {name: float(value) for name, value in {**metrics, **ends}.items()},
        "tags": {
            "mlflow.source.git.commit": origin.commit,
            "mlflow.source.name": "ml.stages.track",
            "git.changed": ", ".join(origin.changed),
            "data.md5": origin.data.md5,
            "dvc.lock": origin.dvc_lock,
        },
        "dataset": {"name": origin.data.file, "digest": origin.data.md5},
        "lineage": origin.plain(),
    }


def send(project: str, home: Path = HOME) -> int:
    """Log the runs that wait in the outbox and return their number."""
    with answered():
        client = open_client(home)
        return outbox.send(home / "outbox" / "runs", lambda run, files: record_run(client, project, run, files))


def record_run(client: Any, project: str, run: dict[str, Any], folder: Path | None = None) -> str:
    """The id of the MLflow run of a model, logged when the model is new; the same digest never makes a second run.

    `run` holds `digest`, `name`, `params` and `metrics` (flat), `tags`, `dataset` (name and digest) and `lineage`;
    `folder` holds files to keep with it. If a model is evaluated again, its new metrics are added to its existing run.
    """
    where = experiment(client, project)
    found = client.search_runs([where], f"tags.`{RUN_KEY}` = '{run['digest']}'", max_results=1)
    if found and found[0].info.status == "FINISHED" and found[0].data.metrics == run["metrics"]:
        return found[0].info.run_id
    named = {"run_name": run["name"], "tags": {RUN_KEY: run["digest"]}}
    run_id = (found[0] if found else client.create_run(where, **named)).info.run_id
    _log(client, run_id, run)
    if folder:
        client.log_artifacts(run_id, str(folder))
    client.set_terminated(run_id)
    return run_id


def experiment(client: Any, project: str) -> str:
    """The id of the experiment of a project, made when absent."""
    found = client.get_experiment_by_name(project)
    if found:
        return found.experiment_id
    return client.create_experiment(project, artifact_location=None if server() else f"store:/runs/{project}")


def _log(client: Any, run_id: str, run: dict[str, Any]) -> None:
    from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag  # noqa: PLC0415

    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in run["metrics"].items()],
        params=[Param(name, str(value)) for name, value in run["params"].items()],
        tags=[RunTag(name, str(value)) for name, value in run["tags"].items() if value is not None],
    )
    data = Dataset(run["dataset"]["name"], run["dataset"]["digest"], "local", run["dataset"]["name"])
    client.log_inputs(run_id, [DatasetInput(data)])
    client.log_dict(run_id, run["lineage"], "lineage.json")


def _trouble(text: str, status: int) -> str:
    if "error code 401" in text or status == 401:  # noqa: PLR2004
        return "rejects this user and password. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
    if "error code 403" in text or status == 403:  # noqa: PLR2004
        return "does not permit this action to this user. Ask its administrator for the permission."
    if "timed out" in text or "timeout" in text.lower():
        retries, seconds = (os.environ.get(name, QUIET[name]) for name in list(QUIET)[:2])
        return (
            f"does not respond: stopped after {int(retries) + 1} tries of {seconds} s. Restart "
            "it, correct MLFLOW_TRACKING_URI (unset it to use .mlflow/), or increase the time "
            "limit: MLFLOW_HTTP_REQUEST_TIMEOUT."
        )
    if "Max retries" in text or "Connection" in text:
        return "does not respond. Start it, or correct MLFLOW_TRACKING_URI (unset it to use .mlflow/)."
    return f"refused: {text[:300]}"
