"""Log the build as one MLflow run: parameters, metrics, data, plots and lineage."""

from pathlib import Path

from ml.io import cli, files
from ml.io.errors import UserError
from ml.model import identity, lineage
from ml.model.figures_record import IntervalsRecord, MetricsRecord
from ml.registry import outbox, tracking
from ml.registry.tracked_record import TrackedRecord
from ml.settings.data import Data
from ml.settings.prepare import Prepare
from ml.settings.section import Project
from ml.settings.train import Train
from ml.settings.yaml_reading import SettingsPart, read

MARKER = tracking.HOME / "tracked.json"


class Settings(SettingsPart):
    """The sections of params.yaml that this stage reads; a change of one reruns it."""

    project: Project
    data: Data
    prepare: Prepare = Prepare()
    train: Train = Train()


def main() -> None:
    """Log build/ to MLflow, once for each model; .mlflow/tracked.json stores the last one.

    If the server does not accept the run, it waits in .mlflow/outbox.
    """
    params = read(Settings)
    home = tracking.shown(tracking.server() or "")
    built = TrackedRecord(model=identity.of(files.MODEL), metrics=files.digest(files.METRICS), home=home)
    if MARKER.exists() and TrackedRecord.read(MARKER) == built:
        return
    metrics, intervals = MetricsRecord.read(files.METRICS), IntervalsRecord.read(files.INTERVALS)
    origin = lineage.collect(params.data, params, params.train.library)
    run = tracking.describe(params.train, params.prepare, origin, metrics.plain(), intervals.known())
    contents = {"plots": sorted(files.PLOTS.glob("*.csv")), "": [files.VALIDATION_TEXT, Path("params.yaml")]}
    outbox.put(tracking.WAITING, run["digest"], run, contents)
    try:
        tracking.send(params.project)
    except UserError as error:
        cli.say(f"track: {error}\ntrack: the run waits in {tracking.WAITING}; the next `make register` sends it")
        return
    built.write(MARKER)
    cli.say(f"track: model {run['digest'][:12]} is in experiment {params.project}. See it with: make ui")


if __name__ == "__main__":
    cli.run(main)
