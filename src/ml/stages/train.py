"""Fit the model that params.yaml describes, and compile it for serving."""

import os

from ml.engine import fitting
from ml.engine.spread import Workers, team
from ml.io import cli, files, tables
from ml.io.text import counted
from ml.model import decision, feature_checks, features, interval, made_columns, model, model_file, shipped
from ml.model.history import Watch
from ml.model.model_contract import CONTRACT, decided_by
from ml.model.predictor import MODEL, from_files, loaded
from ml.settings import feature_source
from ml.settings.yaml_reading import read

CHECKED = 20_000  # training rows on which the compiled form must agree; `evaluate` checks all test rows


class Settings(shipped.Shipped):
    """The sections of params.yaml that this stage reads; a change of one reruns it."""


def main() -> None:
    """Fit train.model on build/train.parquet and write build/model/."""
    params = read(Settings)
    frame = tables.read_table(files.TRAIN)
    text = feature_source.source()
    for slow in feature_checks.check(text, frame, params.data):
        cli.say(f"train: {slow}")
    _unweighted(params)
    watch, rows = Watch(), made_columns.checked(frame, params.data, text)
    with team(read(Workers).engine, os.environ.get("DASK_SCHEDULER", "")) as workers:
        by, where = fitting.fitter(workers, params.train)
        cli.say(f"train: {params.train.model} on {counted(len(frame), 'row')}{where}")
        fitted = model.fit(rows, params.data, params.train, text, watch.see, by)
    found = decision.chosen(frame, params.data, params.train, params.evaluate, text)
    if found:
        cli.say(f"train: {found.told}")
        params = decided_by(params, found)
    watch.record(found).write(files.TRAINING)
    width = interval.half_width(frame, params.data, params.train, params.evaluate.coverage, text)
    built = {MODEL: model_file.dumps(fitted), CONTRACT: shipped.contract_of(params, frame, width)}
    form, why = shipped.form_of(fitted, built, frame.head(CHECKED), params)
    if why:
        cli.say(f"train: serving will use scikit-learn, which is slower: {why}")
    built |= form
    for name, content in built.items():
        files.write_bytes(content, files.MODEL / name)
    cli.say(f"train: serving loads {loaded(built, from_files(built).kind) / 1e6:.2f} MB")


def _unweighted(params: Settings) -> None:
    """Report the inputs of the model that ignore the weights."""
    if params.data.weight and (encoded := features.level_means(params.data)):
        cli.say(
            f"train: {', '.join(encoded)} (encoding: target): scikit-learn's TargetEncoder takes no weights, so these "
            f"means count each row once, without {params.data.weight}"
        )


if __name__ == "__main__":
    cli.run(main)
