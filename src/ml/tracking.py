"""Runs in MLflow, at home in `.mlflow/` or on the server in MLFLOW_TRACKING_URI.

MLflow takes seconds to import, so nothing here imports it before it is needed.
"""

import logging
import os
from pathlib import Path
from typing import Any

HOME = Path(".mlflow")
RUN_KEY = "model.digest"


def open_client(home: Path = HOME) -> Any:
    """An MlflowClient on the server in MLFLOW_TRACKING_URI, or on the embedded home directory, made when absent."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or embedded_uri(home)

    from mlflow import MlflowClient  # noqa: PLC0415

    for name in ("mlflow", "alembic"):  # after the import, which sets them
        logging.getLogger(name).setLevel(logging.ERROR)  # new tables, new experiments: nothing to act on
    return MlflowClient(uri, registry_uri=uri)


def embedded_uri(home: Path = HOME) -> str:
    """The database address of an embedded home; artifact addresses of this process lead to that home from now on."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["REGISTRY_HOME"] = str(home)
    return f"sqlite:///{(home / 'mlflow.db').as_posix()}"


def record_run(client: Any, project: str, run: dict[str, Any], artifacts: dict[str, list[Path]]) -> str:
    """The id of the MLflow run of a model, logged when the model is new; the same digest never makes a second run.

    `run` holds `digest`, `params` and `metrics` (flat), `tags`, `dataset` (name and digest) and `lineage`. `artifacts`
    are files by folder. A model that is evaluated anew gets its new metrics into the run it has.
    """
    experiment = _experiment(client, project)
    found = client.search_runs([experiment], f"tags.`{RUN_KEY}` = '{run['digest']}'", max_results=1)
    if not found:
        created = client.create_run(experiment, run_name=run["name"], tags={RUN_KEY: run["digest"]})
        _log(client, created.info.run_id, run, artifacts)
        client.set_terminated(created.info.run_id)
        return created.info.run_id
    known = found[0]
    if known.data.metrics != run["metrics"] or known.info.status != "FINISHED":
        _log(client, known.info.run_id, run, artifacts)
        client.set_terminated(known.info.run_id)
    return known.info.run_id


def _experiment(client: Any, project: str) -> str:
    found = client.get_experiment_by_name(project)
    if found:
        return found.experiment_id
    where = None if os.environ.get("MLFLOW_TRACKING_URI") else f"store:/runs/{project}"
    return client.create_experiment(project, artifact_location=where)


def _log(client: Any, run_id: str, run: dict[str, Any], artifacts: dict[str, list[Path]]) -> None:
    import time  # noqa: PLC0415

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
    for folder, paths in artifacts.items():
        for path in paths:
            client.log_artifact(run_id, str(path), folder or None)
