"""Keep what was built as one MLflow run: parameters, metrics, data, plots and lineage."""

from pathlib import Path

from ml.io import cli, files
from ml.io.errors import UserError
from ml.model import identity, lineage
from ml.registry import outbox, tracking
from ml.settings.params import read_params

MARKER = tracking.HOME / "tracked.json"


def main() -> None:
    """Log build/ to MLflow, once for each model; .mlflow/tracked.json remembers the last one.

    The run waits in .mlflow/outbox while a server does not take it.
    """
    params = read_params()
    built = {"model": identity.of(files.MODEL), "metrics": files.digest(files.METRICS)}
    built["home"] = tracking.shown(tracking.server() or "")
    if MARKER.exists() and files.read_json(MARKER) == built:
        return
    metrics, intervals = files.read_json(files.METRICS), files.read_json(files.INTERVALS)
    run = tracking.describe(params, lineage.collect(params), metrics, intervals)
    contents = {"plots": sorted(files.PLOTS.glob("*.csv")), "": [files.VALIDATION_TEXT, Path("params.yaml")]}
    outbox.put(tracking.WAITING, run["digest"], run, contents)
    try:
        tracking.send(params.project)
    except UserError as error:
        cli.say(f"track: {error}\ntrack: the run waits in {tracking.WAITING}; the next `make register` sends it")
        return
    files.write_json(built, MARKER)
    cli.say(f"track: model {run['digest'][:12]} is in experiment {params.project}. Look: make ui")


if __name__ == "__main__":
    cli.run(main)
