"""Keep what was built as one MLflow run: parameters, metrics, data, plots and lineage."""

from pathlib import Path
from typing import Any

from ml import cli, files, lineage, tracking
from ml.params import Params, read_params

MARKER = tracking.HOME / "tracked.json"


def main() -> None:
    """Log build/ to MLflow, once for each model; .mlflow/tracked.json remembers the last one."""
    params = read_params()
    built = {"model": lineage.digest(files.MODEL / "model.skops"), "metrics": files.digest(files.METRICS)}
    if MARKER.exists() and files.read_json(MARKER) == built:
        return
    run = described(params, lineage.collect(params), files.read_json(files.METRICS), files.read_json(files.INTERVALS))
    artifacts = {"plots": sorted(files.PLOTS.glob("*.csv")), "": [files.VALIDATION_TEXT, Path("params.yaml")]}
    run_id = tracking.record_run(tracking.open_client(), params.project, run, artifacts)
    files.write_json(built, MARKER)
    cli.say(f"track: model {run['digest'][:12]} is run {run_id[:8]} of experiment {params.project}. Look: make ui")


def described(
    params: Params, origin: dict[str, Any], metrics: dict[str, float], intervals: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """The run as tracking.record_run takes it."""
    train = {"seed": params.train.seed, "model": params.train.model, **dict(getattr(params.train, params.train.model))}
    ends = {f"{name}_{end}": found[end] for name, found in intervals.items() for end in ("low", "high")}
    return {
        "digest": origin["model"],
        "name": f"{params.train.model}-{origin['model'][:8]}",
        "params": {f"train.{k}": v for k, v in train.items()} | {f"prepare.{k}": v for k, v in params.prepare},
        "metrics": {name: float(value) for name, value in {**metrics, **ends}.items()},
        "tags": {
            "mlflow.source.git.commit": origin["commit"],
            "mlflow.source.name": "ml.stages.track",
            "git.changed": ", ".join(origin["changed"]),
            "data.md5": origin["data"]["md5"],
            "dvc.lock": origin["dvc_lock"],
        },
        "dataset": {"name": origin["data"]["file"], "digest": origin["data"]["md5"]},
        "lineage": origin,
    }


if __name__ == "__main__":
    cli.run(main)
